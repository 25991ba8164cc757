"""A pod whose host cannot do what is asked of it: that is said, and the pod is not RUNNING with nothing in it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pod_sim.backends import namespaces
from pod_sim.backends.container import Container, Launch, end
from pod_sim.house import House, Pace, Ports
from pod_sim.life import PodLife
from pod_sim.record import Asked, PodRecord, PodStatus
from pod_sim.state import Store
from pod_wire.clock import RealClock
from pod_wire.errors import Unreachable

AWAY = Unreachable("cannot look for the container: the Docker Engine does not answer")


class Engine:
    """Containers that are plain processes, of an engine that may be away."""

    takes_images = True
    shares_network = False

    def __init__(self) -> None:
        self.is_away = False
        self.begun: list[subprocess.Popen[bytes]] = []

    def _ask(self) -> None:
        if self.is_away:
            raise AWAY

    def pull(self, image: str) -> str:
        self._ask()
        return f"image {image}"

    def start(self, launch: Launch) -> Container:
        self._ask()
        program = subprocess.Popen(["sleep", "600"])
        self.begun.append(program)
        return Container(program.pid, namespaces.start_time(program.pid) or 0, "", launch.generation)

    def find(self, _: Path, __: int) -> Container | None:
        """None is found."""

    def stop(self, container: Container, _: Path, grace_s: float) -> None:
        end(container, grace_s)
        self._ask()

    def wipe(self, _: Path) -> None:
        self._ask()

    def over(self) -> None:
        for program in self.begun:
            program.kill()
            program.wait()


class Remembering(Store):
    """A folder that also remembers every record that was put into it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.saved: list[PodRecord] = []

    def save(self, record: PodRecord) -> None:
        self.saved.append(record)
        super().save(record)


@pytest.fixture
def engine():
    made = Engine()
    yield made
    made.over()


@pytest.fixture
def lived(tmp_path, engine):
    """Runs a story of one pod, with the simulator's own loop around it."""
    store = Remembering(tmp_path)
    store.open()

    def run(story: Callable) -> None:
        async def whole() -> None:
            with ThreadPoolExecutor(4) as threads:
                pace = Pace(provisioning=0, starting=0, grace=0, restart=0)
                house = House(store, engine, RealClock(), threads, (), "", {}, "http://x", pace, Ports())
                asked = Asked("a", "image", 5)
                record = PodRecord("p1", "k", asked, PodStatus.PROVISIONING, 1.0, "EU-RO-1", "0a")
                life = PodLife(record, house, lambda _: None)
                life.begin()
                await life.settled()
                try:
                    await story(life)
                finally:
                    life.leave()

        asyncio.run(whole())

    yield run
    store.close()


async def until(life: PodLife, status: PodStatus) -> None:
    """Wait for a status, and for the work that led to it."""
    for _ in range(3000):
        if life.record.status is status:
            return await life.settled()
        await asyncio.sleep(0.01)
    raise AssertionError(f"{life.record.status} for {status}")


def told(life: PodLife) -> list[str]:
    return [line.text for line in life.console.tail(9, "system")]


def test_a_pod_comes_up_status_by_status(lived):
    """PROVISIONING, STARTING, RUNNING, however short each is; the first without a container, the last with one."""

    async def story(life: PodLife) -> None:
        kept = life._house.store.saved
        first, *rest = dict.fromkeys(record.status for record in kept)
        assert (first, rest) == (PodStatus.PROVISIONING, [PodStatus.STARTING, PodStatus.RUNNING])
        assert all(record.container is None for record in kept if record.status is first)
        assert all(record.container is not None for record in kept if record.status is PodStatus.RUNNING)

    lived(story)


def test_a_crash_while_the_engine_is_away(lived, engine):
    """The pod is in ERROR, unbilled, with the reason in its system log; a later start begins it anew."""

    async def story(life: PodLife) -> None:
        assert life.record.status is PodStatus.RUNNING
        engine.is_away = True
        life.crash(life.record.faults)
        await until(life, PodStatus.ERROR)
        assert told(life)[-1] == f"error: {AWAY}"
        assert life.record.container is None
        assert life.record.charges[-1].until is not None
        engine.is_away = False
        life.begin()
        await until(life, PodStatus.RUNNING)
        assert len(engine.begun) == 2

    lived(story)


def test_a_stop_while_the_engine_is_away(lived, engine):
    """What could not be cleared away is said, and nothing is left that seems to run."""

    async def story(life: PodLife) -> None:
        engine.is_away = True
        life.stop()
        await until(life, PodStatus.ERROR)
        assert life.record.container is None
        assert engine.begun[0].poll() is not None or not namespaces.is_alive(engine.begun[0].pid, 0)
        engine.is_away = False
        life.begin()
        await until(life, PodStatus.RUNNING)

    lived(story)


def test_a_terminated_pod_is_not_back_when_the_engine_was_away(lived, engine):
    """It stays on its way out, for the next simulator to clear away."""

    async def story(life: PodLife) -> None:
        engine.is_away = True
        life.terminate()
        await life.settled()
        await asyncio.sleep(0)
        assert life.record.status is PodStatus.TERMINATED
        assert told(life)[-1] == f"error: {AWAY}"

    lived(story)
