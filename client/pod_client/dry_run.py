"""`up --dry-run`: what would be asked of RunPod, word for word but for secrets, and the catalogue's price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client import limits
from pod_client.exits import DONE
from pod_client.prices import list_price
from pod_client.receipt import dollars
from pod_client.user_env import starred

LONG = 200

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.plan import Plan
    from pod_client.wiring import Wiring


def show(wiring: Wiring, plan: Plan, *, local: bool, as_json: bool) -> int:
    """--dry-run: the very request, with stars for secrets, and the catalogue's price. Nothing is created."""
    prices: Mapping[str, float | None] = {}
    if not local:
        config = wiring.config(local=False)
        prices = {gpu: list_price(config, wiring.transport, gpu, plan.machine) for gpu in plan.machine.gpus}
    env = starred(plan.environment("0" * 64, "new"))
    bodies = [
        plan.new_pod(f"podkeep-{plan.spec.name[:40]}-000000", gpu, env).to_body() for gpu in plan.machine.gpus
    ]
    told = _told(plan)
    if as_json:
        means = limits.document(plan.spec, dict(prices), told)
        wiring.screen.document(
            {"format": 1, "requests": bodies, "price_per_hour": dict(prices), "limits": means}
        )
        return DONE
    wiring.screen.step("would create the first of these that RunPod has; nothing was created")
    for body in bodies:
        wiring.screen.document({name: _cut(value) for name, value in body.items()})
    for gpu in plan.machine.gpus:
        price = prices.get(gpu)
        known = "costs nothing: it runs here" if local else "price unknown until it is created"
        wiring.screen.money(f"{gpu}: {known if price is None else f'{dollars(price)}/h by the catalogue'}")
    dearest = max((price for price in prices.values() if price is not None), default=None)
    for line in limits.meant(plan.spec, dearest, told):
        wiring.screen.money(line)
    return DONE


def _told(plan: Plan) -> float | None:
    """POD_PRICE, which was checked with the rest."""
    said = plan.user_env.get("POD_PRICE", "")
    try:
        return float(said)
    except ValueError:
        return None


def _cut(value: object) -> object:
    """A start command of ours is for programs to read: of its long words a person is told their size."""
    if not isinstance(value, list):
        return value
    return [
        f"… {len(word)} characters: --json shows them" if isinstance(word, str) and len(word) > LONG else word
        for word in value
    ]
