"""The machine's whole state: the kept record of the job, and what lives only as long as the agent. Values and tools.

Not here: which event leads where (``machine``), and the deeds (``opened``, ``moves``, ``exits``).
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_agent.run import timings
from pod_agent.run.asks import Verdict
from pod_agent.run.commands import Answer, Command
from pod_wire.frozen import dataclass
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_agent.run.events import WasStopping
    from pod_agent.run.state import Job


class Alive(StrEnum):
    """What of an attempt exists."""

    NONE = "none"
    ASKED = "asked"  # being started or looked for
    LIVE = "live"  # its process is known


@dataclass(frozen=True, slots=True)
class State:
    """Where everything is. ``serial`` grows with every phase entered, so that late timers are recognised."""

    phase: Phase = Phase.WAITING
    job: Job | None = None
    opening: bool = False  # folder, owner and past are being looked at
    stepping: bool = False  # a step's thread lives
    alive: Alive = Alive.NONE
    prepared: bool = False  # code and environment were made ready in this life of the agent
    restarting: bool = False  # the attempt was ended on request, to begin again
    next_attempt_at: float | None = None
    leaving: bool = False  # TERM was seen
    stop_because: str | None = None
    waits_because: str | None = None  # the job is not run again, and how it would be
    given: tuple[str, ...] = ()  # the orders that this pod has accepted, as far as they are remembered
    was_stopping: WasStopping | None = None  # an earlier agent of this boot; once all is opened, so are we
    stop_rounds: int = 0
    stop_error: str | None = None
    entered_at: float = 0.0
    serial: int = 0
    warnings: tuple[str, ...] = ()
    on_pod: bool = True  # elsewhere there is nothing to stop: the container ends instead

    @property
    def is_busy(self) -> bool:
        """Whether something of the job still lives."""
        return self.opening or self.stepping or self.alive is not Alive.NONE


Result = tuple[State, tuple[Command, ...]]


def enter(state: State, phase: Phase, now: float) -> State:
    """The state in another phase, with the job's record and its times."""
    job = state.job
    if job is not None:
        kept = Phase.FINISHED if phase is Phase.STOPPING else phase
        job = replace(job, phase=kept, phases=timings.enter(job.phases, phase, now))
    return replace(state, phase=phase, job=job, entered_at=now, serial=state.serial + 1, next_attempt_at=None)


def the_job(state: State) -> Job:
    """The job of a phase that has one."""
    if state.job is None:
        raise AssertionError(f"phase {state.phase} without a job")
    return state.job


def agreed(reason: str) -> Answer:
    return Answer(Verdict(accepted=True, reason=reason))


def refused(reason: str, remedy: str) -> Answer:
    return Answer(Verdict(accepted=False, reason=reason, remedy=remedy))
