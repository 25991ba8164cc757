"""A pod that is held for a job which failed before its first step, in words: until when, what it costs, what to do.

Not here: whether it is held, which the pod decides.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pod_client.receipt import dollars, seconds

if TYPE_CHECKING:
    from pod_wire.status import Held, Status

HOUR_S = 3600.0


def lines(status: Status, pod: str, now: float) -> tuple[str, ...]:
    """For whoever followed the job to its end. ``now`` is this laptop's: its clock may be another than the pod's."""
    held = of(status)
    if held is None:
        return ()
    left = max(0.0, held.until - status.now)
    until = datetime.fromtimestamp(now + left).astimezone().strftime("%H:%M")
    price = status.price_per_hour
    cost = "" if price is None else f", for {dollars(price * left / HOUR_S)} at most"
    return (
        f"the pod is held until {until}, {seconds(left)} from now{cost}: fix it and run `pod-client up` again",
        f"its packages, downloads and checkpoints stay there; to end it now: pod-client stop {pod}",
    )


def row(status: Status) -> str | None:
    """For `status`."""
    held = of(status)
    if held is None:
        return None
    return f"for {seconds(max(0.0, held.until - status.now))} more: fix it and run `pod-client up` again"


def of(status: Status) -> Held | None:
    return status.job.held if status.job is not None else None
