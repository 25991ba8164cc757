"""`keep`: a lease against idleness is given or ended, with what it costs and what ends the pod all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.ending import ask
from pod_client.exits import DONE
from pod_client.receipt import dollars, seconds
from pod_client.why import Times
from pod_wire.errors import BadInput
from pod_wire.idle import KeepAsk, read_span

if TYPE_CHECKING:
    from pod_client.wiring import Target, Wiring
    from pod_wire.status import Status

HOUR_S = 3600.0


def keep(wiring: Wiring, target: Target, span: str | None, because: str, *, end: bool) -> int:
    """For so long from now on; or, with ``end``, no longer."""
    if end == (span is not None):
        raise BadInput(
            "cannot keep the pod: say for how long, or --end, and not both",
            hint=f"pod-client keep {target.pod_id} 2h --because '...'",
        )
    wanted = KeepAsk(0.0 if span is None else read_span(span), because)
    ask(wiring, target, lambda agent: agent.keep(wanted))
    status = wiring.agent_of(target).status()
    if end:
        wiring.screen.step(f"pod {target.pod_id} is kept no longer")
        _say_stop(wiring, target, status)
        return DONE
    times = Times(status.now, wiring.clock.now())
    until = status.now + wanted.seconds
    wiring.screen.step(
        f"pod {target.pod_id} is kept for {seconds(wanted.seconds)}, until {times.clock(until)}"
    )
    if status.deadline_at is not None and status.deadline_at < until:
        wiring.screen.warn(
            f"its deadline comes before that: {times.clock(status.deadline_at)} (POD_MAX_HOURS)"
        )
    if status.budget_at is not None and status.budget_at < until:
        wiring.screen.warn(f"its budget is spent before that: {times.clock(status.budget_at)} (POD_MAX_COST)")
    if status.price_per_hour is not None:
        whole = dollars(status.price_per_hour * wanted.seconds / HOUR_S)
        wiring.screen.money(f"{dollars(status.price_per_hour)}/h meanwhile, {whole} in all")
    wiring.screen.note(f"let it go sooner: pod-client keep {target.pod_id} --end")
    return DONE


def _say_stop(wiring: Wiring, target: Target, status: Status) -> None:
    if status.stops_at is None:
        wiring.screen.note(f"it is {status.phase}; how it stands: pod-client why {target.pod_id}")
        return
    left = seconds(max(0.0, status.stops_at - status.now))
    wiring.screen.money(f"if nothing more happens it stops in {left}; why: pod-client why {target.pod_id}")
