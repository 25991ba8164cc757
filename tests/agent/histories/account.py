"""What is true of one pod's boot, as the world knows it; and how it is said that something does not hold. Values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from tests.agent.histories.host import Pod
    from tests.agent.histories.life import Agent

LATE_S = 60.0  # after the deadline the pod is stopped, or loudly trying
LIFE_S = 15.0  # for each agent that had to begin meanwhile
TRIES_S = 85.0  # between two asks: a route that hangs, and the longest pause
# With agents that die as they begin: the last resort is called ten minutes after the first death at the latest, once
# the agent that lives just then is dead (one of a minute asks by itself), half a minute between two; and a look.
DEAD_S = 600.0 + 60.0 + 30.0 + 20.0
LOUD_S = 200.0
UNUSED_S = 960.0  # beside the idle minutes, which people double
FINAL = (Outcome.SUCCEEDED, Outcome.FAILED, Outcome.CANCELLED)
WORK = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING)


class Broken(BaseException):
    """Something that must hold does not; no handler of the product's catches it."""


@dataclass
class Account:
    """What is true of one pod's boot."""

    given: dict[str, float] = field(default_factory=dict)  # orders that came by HTTP, and when
    limits: dict[str, float] = field(default_factory=dict)  # true deadlines by order
    earliest: dict[str, float] = field(default_factory=dict)  # before which none may stop it
    is_unread: bool = False  # nothing is known of the boot but what RunPod tells
    first: dict[str, float] = field(default_factory=dict)  # what the product first said of them
    order: str | None = None  # the one that is worked on
    fast_s: float = 0.0  # by how much the wall clock was fast when nothing else told of the boot's beginning
    looked_since: tuple[Agent, float, str] | None = None  # nothing has happened that could put a deadline off
    late_s: float = 0.0
    unused_s: float = 0.0
    asked_at: float = -1e9
    leased_until: float = -1e9
    people_at: float = -1e9  # when the brake last saw somebody type
    worked_at: float = -1e9  # when a training ended of which no layer tells any more
    parted: dict[str, tuple[float, float]] = field(default_factory=dict)  # by order: held until, and come by
    held_until: float = -1e9
    is_stop_asked: bool = False
    decision: str | None = None  # why this boot is stopped
    asked_for: str | None = None  # the same, once somebody was asked for it
    dropped_s: float = 0.0  # for so long no agent has gone on with that
    began_at: float | None = None  # when an agent could first remember the boot
    lives: int = 0  # agents begun after the deadline
    agent: Agent | None = None
    expects: str | None = None  # an interrupted order that is to go on
    stopping: tuple[Agent, float] | None = None

    def not_before(self, pod: Pod) -> float | None:
        """The deadline of the order; where none is worked on, the hours of the job that is over, from the boot on."""
        state = pod.state
        job = state.job.spec if state is not None and state.job is not None else pod.asked.job
        rest = None if job is None or job.max_hours is None else pod.booted_at + job.max_hours * 3600
        return self.earliest.get(self.order or "", rest)
