"""How a pod is left after its job, as values: what the machine keeps, and what it is told once the job has drained.

Not here: finding out (``parting``), the rules (``hold``, ``leaving``), and doing it (``exits``).
"""

from __future__ import annotations

from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy  # noqa: TC001 - read back by codec
from pod_wire.status import Held  # noqa: TC001 - the same


@dataclass(frozen=True, slots=True)
class Leave:
    """What follows a job's end, decided with all numbers before that end is told."""

    policy: ExitPolicy
    because: str = ""  # nothing, where the policy is simply done


@dataclass(frozen=True, slots=True)
class Parting:
    """What was found out. ``way_s``: the longest way to a first step in this run, set-up included."""

    held: Held | None = None
    leave: Leave | None = None
    way_s: float | None = None
