"""Everything that can happen to the lifecycle, as frozen values. The asks of ``asks.py`` are events too.

Each carries what the machine needs to decide and nothing else; ``serial`` tells a late timer from a current one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.attempt import Ended
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.left import Parting
    from pod_agent.run.state import Job
    from pod_wire.orders import Verdict
    from pod_wire.status import CheckpointPlace, Phase

# From the opening: whose job it is, and what is known of it


@dataclass(frozen=True, slots=True)
class Given:
    """The orders that this pod has accepted so far: none of them is begun a second time. Told before what follows."""

    orders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The job's folder is ours and read: this is the job, and what the rule table of orders says of it."""

    job: Job
    verdict: Verdict
    same_boot: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """Neither the environment nor an earlier order asks for a job."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """The job cannot even begin: bad settings, another pod's folder, a workspace that takes no file."""

    job: Job
    reason: str
    remedy: str = ""


# From the steps


@dataclass(frozen=True, slots=True)
class Synced:
    commit: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Installed:
    warnings: tuple[str, ...] = ()
    words: str = ""  # from what, and how


@dataclass(frozen=True, slots=True)
class Restored:
    path: str | None = None
    step: int | None = None
    place: CheckpointPlace | None = None  # the newest whole one known before the attempt
    warnings: tuple[str, ...] = ()
    others: tuple[int | None, ...] = ()  # steps of those that the program may take in its stead


@dataclass(frozen=True, slots=True)
class StepFailed:
    phase: Phase
    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class StepCancelled:
    phase: Phase


@dataclass(frozen=True, slots=True)
class Unfit:
    """This pod cannot do this order's training: told while the steps before it are under way, which then end."""

    order: str
    reason: str
    remedy: str = ""
    ends_pod: bool = False  # it lacks what it is paid for: it stops, whatever the exit policy


# From the attempt


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """Begun by us or found alive: its claim stands, and this is its process."""

    number: int
    pid: int | None
    at: float


@dataclass(frozen=True, slots=True)
class AttemptUnclaimed:
    """Numbered in an earlier life, and nobody ever claimed it: it may be claimed once."""

    number: int


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """Everything of the attempt is gone. ``newest`` was looked for after its last write, ``failure`` in its log."""

    number: int
    ended: Ended
    newest: CheckpointPlace | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class BecameWhole:
    """``was_read``: whether somebody has read the checkpoint that this attempt was given; None: nobody can tell."""

    place: CheckpointPlace
    was_read: bool | None = None


# From time, the brakes and the machine itself


@dataclass(frozen=True, slots=True)
class PauseOver:
    serial: int


@dataclass(frozen=True, slots=True)
class DrainOverdue:
    serial: int


@dataclass(frozen=True, slots=True)
class Overdue:
    """What was asked for when this phase was entered should be there by now: a folder, a started attempt."""

    serial: int


@dataclass(frozen=True, slots=True)
class Drained:
    """What the job made is safe; nothing of it is left to wait for. ``parting``: how the pod is left, where known."""

    parting: Parting | None = None


@dataclass(frozen=True, slots=True)
class Settle:
    """The outcome is written: now the exit policy."""

    serial: int


@dataclass(frozen=True, slots=True)
class Followed:
    """Somebody came to a pod that is held for whoever follows its job."""

    by: str


@dataclass(frozen=True, slots=True)
class HoldOver:
    """The time for which a failed job's pod is held is up."""

    serial: int


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """Hours or dollars are used up."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Nearing:
    """Four fifths of the hours or dollars are gone: told once for each limit, which ``key`` names."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class IdleTooLong:
    reason: str


@dataclass(frozen=True, slots=True)
class Stalled:
    """Every sign of life of this attempt has been silent for POD_STALL_MINUTES."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class StallTold:
    """What could be seen of it is in the log, or took too long: it may be ended now."""

    number: int


@dataclass(frozen=True, slots=True)
class StallLasts:
    """It should be gone by now."""

    number: int


@dataclass(frozen=True, slots=True)
class OwnerLost:
    """Another pod's nonce stands in the owner record."""

    by: str


@dataclass(frozen=True, slots=True)
class Termed:
    """The container is being ended."""


@dataclass(frozen=True, slots=True)
class StopRefused:
    """One round of the self-stop ladder is over, and we are still here."""

    rounds: int
    error: str | None


@dataclass(frozen=True, slots=True)
class WasStopping:
    """An earlier agent of this boot was stopping the pod. ``insists``: whatever the opening still waits for."""

    because: str
    terminate: bool = False
    insists: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    text: str


Event = (
    GiveOrder | Cancel | Restart | Stop
    | Given | Opened | NothingToDo | OpenFailed
    | Synced | Installed | Restored | StepFailed | StepCancelled | Unfit
    | AttemptStarted | AttemptUnclaimed | AttemptEnded | BecameWhole
    | PauseOver | Overdue | DrainOverdue | Drained | Settle | Followed | HoldOver | DeadlinePassed | Nearing
    | IdleTooLong | Stalled | StallTold | StallLasts | OwnerLost | Termed | StopRefused | WasStopping | Warned
)  # fmt: skip
