"""One thread that looks at the machine once a second and publishes what it saw by swap: readers never wait.

It begins after the training. Not here: how each part is looked at, and what follows from it.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pod_agent.pod.vitals.container import ContainerWatch
from pod_agent.pod.vitals.disks import DiskWatch
from pod_agent.pod.vitals.gpu_watch import GpuWatch
from pod_agent.pod.vitals.network import LinkWatch
from pod_agent.pod.vitals.sample import Container, GpuReport, Gpus, Link, Sample
from pod_wire.clock import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.vitals.sample import Disk
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

T = TypeVar("T")
EVERY_S = 1.0
AHEAD = 10  # looks at the GPUs that are asked for at once
KEPT = 60  # samples: a minute, for whoever looks more rarely than once a second
BROKEN = GpuReport(Gpus.UNKNOWN, words="the look at the GPUs failed")
log = logging.getLogger("podkeep")


class Sampler:
    """``latest`` and ``recent`` may be read by any thread at any time. ``recent`` is oldest first."""

    def __init__(
        self,
        clock: Clock,
        *,
        gpus: Callable[[], GpuReport],
        container: Callable[[], Container],
        disks: Callable[[], tuple[Disk, ...]],
        links: Callable[[], tuple[Link, ...] | None],
        ask: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._gpus = gpus
        self._container = container
        self._disks = disks
        self._links = links
        self._ask = ask
        self._told: set[str] = set()
        self.latest: Sample | None = None
        self.recent: tuple[Sample, ...] = ()

    def start(self, over: threading.Event) -> None:
        """Until ``over``, which is heard at the next look."""
        threading.Thread(target=self._run, args=(over,), name="vitals", daemon=True).start()

    def tick(self) -> Sample:
        """One look. A part that fails leaves its figures unknown and the others as they are."""
        at, monotonic = self._clock.now(), self._clock.monotonic()
        self._try("gpus", self._ask, None)  # answered while the rest is looked at
        sample = Sample(
            at=at,
            monotonic=monotonic,
            container=self._try("container", self._container, Container()),
            disks=self._try("disks", self._disks, ()),
            links=self._try("network", self._links, None),
            gpus=self._try("gpus", self._gpus, BROKEN),
        )
        self.recent = (*self.recent[1 - KEPT :], sample)
        self.latest = sample
        return sample

    def _try(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - a thread's top: the next second looks again
            if what not in self._told:
                self._told.add(what)
                log.warning("vitals=%s error=%r", what, str(error))
            return otherwise

    def _run(self, over: threading.Event) -> None:
        while not over.is_set():
            self.tick()
            # What was missed is not caught up with. Slept, as a wake from an event costs half as much again.
            self._clock.sleep(until_beat(self._clock.monotonic(), EVERY_S))


def begin(settings: Settings, clock: Clock, over: threading.Event) -> Sampler:
    """The pod's own. A simulated pod's GPUs are pretended: there is none to look at."""
    promised = settings.gpu_count if settings.pretended_gpus is None else None
    places = {"workspace": settings.workspace, "container": settings.disk_dir, "shm": Path("/dev/shm")}  # noqa: S108
    gpus = GpuWatch(settings.job_environment, clock, promised=promised, ahead=AHEAD)
    sampler = Sampler(
        clock,
        ask=gpus.ask,
        gpus=gpus.look,
        container=ContainerWatch().look,
        disks=DiskWatch(places, clock).look,
        links=LinkWatch().look,
    )
    sampler.start(over)
    return sampler
