"""The last minute of the machine, a sample a second, published by swap: readers never wait.

The driver's watcher looks at the GPUs each second by itself. One thread takes what it has said every five seconds, and
then looks at the rest; whoever reads in between is told what the watcher has said since. It begins after the training.
Not here: how each part is looked at, and what follows from it.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pod_agent.pod.vitals import network
from pod_agent.pod.vitals.container import ContainerWatch
from pod_agent.pod.vitals.disks import DiskWatch
from pod_agent.pod.vitals.gpu_watch import GpuWatch
from pod_agent.pod.vitals.sample import Container, GpuReport, Gpus, Link, Sample
from pod_wire.clock import until_beat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pod_agent.pod.vitals.sample import Disk
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

T = TypeVar("T")
EVERY_S = 5.0
FRESH_S = 1.0  # a sample that is younger is not followed by another
AHEAD = 10  # looks at the GPUs, a second apart, that the watcher is asked for at once
KEPT = 60  # samples: a minute of GPUs, for whoever looks more rarely
BROKEN = GpuReport(Gpus.UNKNOWN, words="the look at the GPUs failed")
NOTHING: Sequence[GpuReport] = ()
log = logging.getLogger("podkeep")


class Sampler:
    """``latest`` and ``recent`` may be read by any thread at any time. ``recent`` is oldest first.

    ``gpus`` tells what the driver said since it was asked last, and may wait for it; ``heard`` tells it without.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        gpus: Callable[[], Sequence[GpuReport]],
        container: Callable[[], Container],
        disks: Callable[[], tuple[Disk, ...]],
        links: Callable[[], tuple[Link, ...] | None],
        heard: Callable[[], Sequence[GpuReport]] = tuple,
        ask: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._gpus = gpus
        self._heard = heard
        self._container = container
        self._disks = disks
        self._links = links
        self._ask = ask
        self._told: set[str] = set()
        self._lock = threading.Lock()
        self._recent: tuple[Sample, ...] = ()

    @property
    def latest(self) -> Sample | None:
        return self.recent[-1] if self._recent else None

    @property
    def recent(self) -> tuple[Sample, ...]:
        self._catch_up()
        return self._recent

    def start(self, over: threading.Event) -> None:
        """Until ``over``, which is heard at the next look."""
        threading.Thread(target=self._run, args=(over,), name="vitals", daemon=True).start()

    def tick(self) -> Sample:
        """One look. A part that fails leaves its figures unknown and the others as they are."""
        with self._lock:
            self._try("gpus", self._ask, None)  # answered while the rest is looked at
            rest = Sample(
                at=self._clock.now(),
                monotonic=self._clock.monotonic(),
                container=self._try("container", self._container, Container()),
                disks=self._try("disks", self._disks, ()),
                links=self._try("network", self._links, None),
                gpus=BROKEN,
            )
            return self._keep(rest, self._try("gpus", self._gpus, (BROKEN,)))

    def _catch_up(self) -> None:
        """What the watcher has said meanwhile, beside the rest as it was; unless somebody else is at it."""
        last = self._recent[-1] if self._recent else None
        if last is None or self._clock.monotonic() - last.monotonic < FRESH_S:
            return
        if self._lock.acquire(blocking=False):
            try:
                if found := self._try("gpus", self._heard, NOTHING):
                    self._keep(self._recent[-1], found)
            finally:
                self._lock.release()

    def _keep(self, rest: Sample, found: Sequence[GpuReport]) -> Sample:
        """A sample for each report, of when the driver was asked, or of now where it was not.

        One that was told before, as nothing came since, is no second of its own: its sample has the rest as it is now.
        """
        now, wall, kept = self._clock.monotonic(), self._clock.now(), list(self._recent)
        for report in found:
            if report.asked_at and kept and report.asked_at == kept[-1].gpus.asked_at:
                del kept[-1]
            last = kept[-1].monotonic if kept else 0.0
            moment = min(now, max(last, report.asked_at or now))
            kept.append(replace(rest, gpus=report, monotonic=moment, at=wall - (now - moment)))
        self._recent = tuple(kept[-KEPT:])
        return kept[-1]

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
            # Slept, as a wake from an event costs half as much again.
            self._clock.sleep(until_beat(self._clock.monotonic(), EVERY_S))


def begin(settings: Settings, clock: Clock, over: threading.Event) -> Sampler:
    """The pod's own. A simulated pod's GPUs are pretended: there is none to look at."""
    promised = settings.gpu_count if settings.pretended_gpus is None else None
    places = {"workspace": settings.workspace, "container": settings.disk_dir, "shm": Path("/dev/shm")}  # noqa: S108
    gpus = GpuWatch(settings.job_environment, clock, promised=promised, ahead=AHEAD)
    sampler = Sampler(
        clock,
        ask=gpus.ask,
        gpus=gpus.looks,
        heard=gpus.heard,
        container=ContainerWatch().look,
        disks=DiskWatch(places, clock).look,
        links=network.look,
    )
    sampler.start(over)
    return sampler
