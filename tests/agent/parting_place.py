"""A pod at its job's end, for tests of how it is left: who is there, what is known, what stands in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.memory import Memory, Track
from pod_agent.pod.idle.signs import Name, Reading
from pod_agent.pod.idle.signs import State as Sign
from pod_agent.pod.preflight.mount import Mount
from pod_agent.run import events as e
from pod_agent.run.parting import Partings
from pod_agent.run.situation import State
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.state import Ending, Job
from pod_agent.settings import Settings
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Attempt, Outcome
from tests.fakes.clock import FakeClock

SPEC = JobSpec("digits", "x", hold_minutes=30.0, on_finish=ExitPolicy.AUTO, ephemeral=True)
FAILED = Job(SPEC, "o", "r1", 0.0, "b", ending=Ending(Outcome.FAILED, "ImportError"), attempts=(Attempt(1),))


@dataclass
class Visitors:
    """HTTP that came up at a moment, and was asked at another; both monotonic."""

    opened_at: float | None = None
    seen_at: float | None = None

    def followed_since(self, moment: float) -> bool:
        return self.seen_at is not None and self.seen_at >= moment


@dataclass
class Around:
    """As much of a supervisor as is asked here."""

    facts: PodFacts = field(default_factory=PodFacts)
    state: State = field(default_factory=State)
    posted: list[e.Event] = field(default_factory=list)

    def post(self, event: e.Event) -> None:
        self.posted.append(event)


@dataclass
class Place:
    """Partings in a pod of the test's own."""

    workspace: Path
    clock: FakeClock = field(default_factory=FakeClock)
    visitors: Visitors = field(default_factory=Visitors)
    around: Around = field(default_factory=Around)
    log: bytes = b""
    looks: list[float] = field(default_factory=list)  # at the job's log, and how long each was waited for
    reads: bool | None = True
    pod: str | None = "pod-a"
    mounted: Callable[[Path], Mount | None] | None = None

    def partings(self) -> Partings:
        settings = Settings(pod_id=self.pod, workspace=self.workspace)
        return Partings(
            settings,
            lambda: self.around,
            self.visitors,
            self.clock,
            write=self.write,
            read=self.read,
            mounted=self.mounted,
        )

    def read(self, limit_s: float) -> bool | None:
        self.looks.append(limit_s)
        return self.reads

    def write(self, _job: str, data: bytes) -> None:
        self.log += data

    def typed(self, at: float) -> None:
        track = Track(Reading(Name.SSH, Sign.BUSY, "x"), at, at, busy_at=at)
        brake = Brake(Memory(0.0, at, {Name.SSH: track}))
        self.around.facts = replace(self.around.facts, brake=brake)


def ago(place, seconds):
    return place.clock.monotonic() - seconds
