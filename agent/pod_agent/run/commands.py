"""What the machine wants done: frozen values that ``effects`` and ``supervisor`` turn into deeds. Nothing acts here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.asks import Verdict
    from pod_agent.run.events import Event
    from pod_agent.run.state import Job
    from pod_wire.job import JobSpec


@dataclass(frozen=True, slots=True)
class Open:
    """Remember the order on the container's disk, then take the job's folder and read what is known of it."""

    spec: JobSpec
    order: str


@dataclass(frozen=True, slots=True)
class Sync:
    job: Job


@dataclass(frozen=True, slots=True)
class Install:
    job: Job


@dataclass(frozen=True, slots=True)
class Restore:
    job: Job


@dataclass(frozen=True, slots=True)
class CancelStep:
    pass


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Claim this number and run the command. Safe to ask twice: the claim is exclusive."""

    job: Job
    number: int


@dataclass(frozen=True, slots=True)
class FindAttempt:
    """An earlier life numbered it: is it alive, over, or was it never claimed?"""

    job: Job
    number: int


@dataclass(frozen=True, slots=True)
class CancelAttempt:
    """The signal, 30 s, KILL."""


@dataclass(frozen=True, slots=True)
class HurryAttempt:
    """The pod is going: the signal at once, 2 s, KILL."""


@dataclass(frozen=True, slots=True)
class KillAttempt:
    """SIGKILL for the whole tree at once, as a host that fails would do it: a rehearsal."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line into the log of the attempt that lives."""

    text: str


@dataclass(frozen=True, slots=True)
class Tell:
    """A line into the log of a job that is over."""

    job: Job
    text: str


@dataclass(frozen=True, slots=True)
class AwaitCompany:
    """The pod is held until then for whoever may follow: look whether somebody comes."""

    until: float


@dataclass(frozen=True, slots=True)
class Drain:
    """Bring what the job made to safety, then say so."""

    job: Job


@dataclass(frozen=True, slots=True)
class StopPod:
    terminate: bool
    because: str


@dataclass(frozen=True, slots=True)
class ExitAgent:
    """Leave. ``leave`` ends the container too (policy exit); otherwise the entrypoint decides."""

    code: int
    leave: bool = False


@dataclass(frozen=True, slots=True)
class After:
    """Hand the event back in so many seconds; 0 means next."""

    seconds: float
    event: Event


@dataclass(frozen=True, slots=True)
class Answer:
    """To whoever asked over HTTP."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Note:
    """One line for the agent's own log: an event that found nothing to do."""

    text: str


Command = (
    Open | Sync | Install | Restore | CancelStep | StartAttempt | FindAttempt | CancelAttempt
    | HurryAttempt | KillAttempt | Say | Tell | AwaitCompany | Drain | StopPod | ExitAgent | After | Answer | Note
)  # fmt: skip
