"""What a job's limits mean: hours as dollars and dollars as hours, at the pod's price. Pure; one sentence each.

Not here: keeping them, which is the pod's own affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.receipt import dollars, seconds

if TYPE_CHECKING:
    from pod_wire.job import JobSpec
    from pod_wire.status import Status

HOUR_S = 3600.0
NONE = "no limit of hours or dollars: --max-hours 12 or --max-cost 20 sets one"


def meant(spec: JobSpec, price: float | None, told: float | None = None) -> list[str]:
    """Before there is a pod. ``told``: POD_PRICE, which the pod will believe before all others."""
    price = told if told is not None else price
    said = []
    if spec.max_hours is not None:
        worth = "" if price is None else f", {dollars(spec.max_hours * price)} at most at {dollars(price)}/h"
        said.append(f"each boot stops after {spec.max_hours:g} h{worth}")
    if spec.max_cost is not None:
        said.append(
            f"the run stops at {dollars(spec.max_cost)} over all its boots and pods{_lasts(spec.max_cost, price)}"
        )
    return said or [NONE]


def _lasts(cap: float, price: float | None) -> str:
    if price is None:
        return "; nobody here knows the price: without one the pod refuses the job (POD_PRICE says it)"
    return f", {seconds(cap / price * HOUR_S)} at {dollars(price)}/h" if price else ", and costs nothing"


def document(spec: JobSpec, prices: dict[str, float | None], told: float | None) -> dict[str, object]:
    """The same for programs."""
    known = {gpu: told if told is not None else price for gpu, price in prices.items()}
    return {
        "max_hours": spec.max_hours,
        "max_cost": spec.max_cost,
        "hours_cost": {gpu: _times(spec.max_hours, price) for gpu, price in known.items()},
        "cost_hours": {
            gpu: spec.max_cost / price if spec.max_cost and price else None for gpu, price in known.items()
        },
    }


def _times(hours: float | None, price: float | None) -> float | None:
    return None if hours is None or price is None else round(hours * price, 6)


def budget(status: Status) -> str | None:
    """What is spent of the cap, and who told the price; None without a cap."""
    told = status.money
    if told is None or told.cap is None:
        return None
    least = "at least " if told.unpriced_s else ""
    spent = (
        f"{least}{dollars(told.run)} of it are spent"
        if told.run is not None
        else "what is spent of it is unknown"
    )
    return f"the run may cost {dollars(told.cap)}; {spent}{source(status)}"


def source(status: Status) -> str:
    """`, at $0.69/h (RunPod, of this pod)`."""
    if status.price_per_hour is None:
        return ", and the price is unknown"
    who = f" ({status.price_source})" if status.price_source else ""
    return f", at {dollars(status.price_per_hour)}/h{who}"
