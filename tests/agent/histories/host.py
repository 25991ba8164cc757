"""A pod as a machine: its clocks, disks and container, how it starts, crashes, is stopped and is billed.

Not here: what goes on inside (``entry``, ``life``), and who asks for what (``world``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.situation import State
from pod_wire.job import JobSpec
from tests.agent.histories.cloud import Cloud
from tests.agent.histories.entry import Entrypoint
from tests.agent.histories.training import Training

if TYPE_CHECKING:
    from tests.agent.histories.world import World

EPOCH = 1_800_000_000.0
STOP_S, GRACE_S, RESTART_S = 2.0, 10.0, 1.0  # until TERM, until KILL; until a dead container begins again


@dataclass(frozen=True, slots=True)
class Asked:
    """What the pod's environment asks for."""

    job: JobSpec | None = None
    order: str | None = None


class HostClock:
    """The pod's own clocks: the wall's may be set, the monotonic one is its kernel's."""

    def __init__(self, world: World, pod: Pod):
        self._world = world
        self._pod = pod
        self.wall = EPOCH
        self.kernel = 1000.0

    @property
    def error(self) -> float:
        """By how much the wall clock is fast."""
        return self.wall - EPOCH

    def now(self) -> float:
        return self._world.time.t + self.wall

    def monotonic(self) -> float:
        return self._world.time.t + self.kernel

    def sleep(self, seconds: float) -> None:
        strand = self._world.time.running
        assert strand is not None, "only a strand waits"
        strand.wait(max(0.0, seconds))


class Pod:
    """``boot`` counts starts and ``container`` containers: the truth, which nobody inside is told."""

    def __init__(self, world: World, name: str, root: Path):
        self.world = world
        self.id = name
        self.root = root
        self.clock = HostClock(world, self)
        self.cloud = Cloud(self, lambda way, mode: world.on_asked(self, way, mode))
        self.asked = Asked()
        self.is_on = False
        self.is_stopping = False
        self.is_gone = False  # terminated
        self.boot = self.container = 0
        self.booted_at = 0.0  # true time
        self.started_at = ""
        self.hostname = ""
        self.ports: tuple[str, ...] = ()
        self.trainings: dict[tuple[str, int], Training] = {}  # of this container's layer
        self.entry: Entrypoint | None = None
        self.comes_at: float | None = None  # somebody who follows a job that has failed
        self.broken_agents = 0  # so many more die as soon as they begin

    @property
    def disk(self) -> Path:
        return self.root / "disk"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def trains(self) -> bool:
        return any(one.is_alive for one in self.trainings.values())

    @property
    def state(self) -> State | None:
        """What the living agent believes."""
        agent = self.entry.agent if self.entry is not None else None
        return agent.supervisor.state if agent is not None and agent.supervisor is not None else None

    def say(self, words: str) -> None:
        self.world.say(f"{self.id}: {words}")

    # From outside

    def start(self, asked: Asked) -> None:
        """A new boot: new host, address and container disk."""
        if self.is_on or self.is_gone:
            return
        self.asked = asked
        self.is_on, self.is_stopping = True, False
        self.boot += 1
        self.booted_at = self.world.time.t
        self.clock.kernel += 5000.0 if self.boot % 2 else -4000.0
        self._named()
        self._moved()
        self.say(f"boot {self.boot}, order {asked.order}, job {_brief(asked.job)}")
        self._wipe()
        self.world.watch.booted(self)
        self._run()

    def stop(self) -> None:
        """RunPod took the request: TERM soon, then KILL."""
        if not self.is_on or self.is_stopping:
            return
        self.is_stopping = True
        boot = self.boot
        self.say("RunPod stops it")
        self._in_boot(boot, STOP_S, self._term)
        self._in_boot(boot, STOP_S + GRACE_S, self._off)

    def crash(self, *, wiped: bool, moved: bool, address: bool) -> None:
        """The container dies with all that is in it, and begins again at once."""
        if not self.is_on:
            return
        self.say(
            f"container crash{', layer wiped' * wiped}{', startedAt moved' * moved}{', address' * address}"
        )
        self._kill()
        if wiped:
            self.world.watch.wiped(self)
            self._wipe()
        if moved:
            self._moved()
        if address:
            self._named()
        self._in_boot(self.boot, RESTART_S, self._run)

    def term(self) -> None:
        """TERM to the container, which is then begun again."""
        if self.is_on and not self.is_stopping and self.entry is not None:
            self.say("TERM to the container")
            self._in_container(GRACE_S, lambda: self.crash(wiped=False, moved=False, address=False))
            self._term()

    def exited(self) -> None:
        """PID 1 has ended."""
        if self.is_stopping:
            self._off()
        elif self.is_on:
            self.crash(wiped=False, moved=False, address=False)

    # Inside

    def _run(self) -> None:
        if self.is_on:
            self.container += 1
            self.run.mkdir(parents=True, exist_ok=True)
            self.entry = Entrypoint(self)
            self.entry.start()

    def _term(self) -> None:
        if self.entry is not None:
            self.entry.term()

    def _kill(self) -> None:
        for one in self.trainings.values():
            one.heard.clear()
            one.over(None, None)
        if self.entry is not None:
            self.entry.kill()
            self.entry = None

    def _off(self) -> None:
        if not self.is_on:
            return
        self._kill()
        self.say("is off")
        self.world.watch.off(self)
        self.is_on = self.is_stopping = False

    def _wipe(self) -> None:
        self.trainings.clear()
        for folder in (self.disk, self.run):
            shutil.rmtree(folder, ignore_errors=True)

    def _named(self) -> None:
        self.hostname = f"h{self.world.fresh()}"
        self.ports = (f"22={10000 + self.world.fresh()}",)

    def _moved(self) -> None:
        now = datetime.fromtimestamp(EPOCH + self.world.time.t, UTC)  # by RunPod's clock
        self.started_at = now.isoformat().replace("+00:00", "Z")

    def _in_boot(self, boot: int, seconds: float, deed: Callable[[], None]) -> None:
        self.world.time.later(seconds, lambda: deed() if self.is_on and self.boot == boot else None)

    def _in_container(self, seconds: float, deed: Callable[[], None]) -> None:
        now = (self.boot, self.container)
        self.world.time.later(
            seconds, lambda: deed() if self.is_on and (self.boot, self.container) == now else None
        )


def _brief(job: JobSpec | None) -> str:
    if job is None:
        return "none"
    plain = replace(job, name="x", command="x")
    usual = JobSpec("x", "x")
    told = [
        f"{name}={getattr(plain, name)}"
        for name in JobSpec.__slots__
        if getattr(plain, name) != getattr(usual, name)
    ]
    return " ".join((job.name, *told))
