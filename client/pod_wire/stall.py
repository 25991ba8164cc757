"""What a pod says of its stall brake while a job runs. Values only; the agent decides, a screen shows."""

from __future__ import annotations

from pod_wire.frozen import dataclass
from pod_wire.idle import Sign  # noqa: TC001 - the codec reads it


@dataclass(frozen=True, slots=True)
class StallStatus:
    """The silence of a running job. Times are seconds since the epoch."""

    minutes: float  # of silence until it is a stall; 0: off
    because: str  # one sentence
    silent_s: float = 0.0  # in which no sign of life was seen; what nobody looked at does not count
    acts_at: float | None = None  # if it stays so; None: not as it is
    signs: tuple[Sign, ...] = ()  # alive, silent, spinning, unknown or not available
    earlier: str | None = None  # an earlier stall of this run, in words
