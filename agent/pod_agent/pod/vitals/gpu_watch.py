"""Keeps one watcher of the driver alive and asks it for lines: a crash, a hang or a lost GPU is a value, no error.

Not here: the program (``gpu_child``), its lines (``gpu_lines``).
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.vitals import gpu_lines
from pod_agent.pod.vitals.gpu_child import GpuChild
from pod_agent.pod.vitals.sample import Gpu, GpuReport, Gpus
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_agent.pod.vitals.gpu_lines import Line
    from pod_wire.clock import Clock

KEPT = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "NVIDIA_VISIBLE_DEVICES")
NOBODY = ("no_library", "no_driver")
WORDS = {
    "no_library": "NVIDIA's driver is not in the container",
    "no_driver": "NVIDIA's driver is not loaded on this host",
    "no_binding": "podkeep misses nvidia-ml-py",
    "mismatch": "NVIDIA's driver and its library are of different versions on this host",
}
UNASKED = GpuReport(Gpus.UNKNOWN, words="NVIDIA's driver was not asked yet")
SILENT = GpuReport(Gpus.UNKNOWN, words="NVIDIA's driver does not answer")
CRASHED = "NVIDIA's library ended whoever asked it"
AMD = GpuReport(Gpus.UNKNOWN, words="AMD's GPUs are not watched")
NONE = GpuReport(Gpus.ABSENT, words="this pod has no GPU")


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. Eight GPUs without a resident driver take a dozen to wake, so ``hung_s`` is many."""

    answer_s: float = 0.5  # the longest a look waits
    stale_s: float = 5.0  # an answer older than this is none
    hung_s: float = 60.0  # then the watcher is replaced
    again_s: float = 10.0  # before the next one; doubled each time
    again_most_s: float = 300.0


USUAL = Patience()


class GpuWatch:
    """One caller at a time. ``promised``: how many GPUs the pod is billed for, where anybody said so.

    ``ahead``: lines that are asked for at once. The second and later ones come by themselves, one a second, and a look
    does not wait for them; it asks for more where half of them came. A watcher that nobody listens to falls silent.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Clock,
        *,
        promised: int | None = None,
        python: str = sys.executable,
        devices: Path = Path("/dev"),
        patience: Patience = USUAL,
        ahead: int = 1,
    ) -> None:
        self._environment = {name: environment[name] for name in KEPT if name in environment}
        self._clock = clock
        self._promised = promised
        self._python = python
        self._devices = devices
        self._patience = patience
        self._ahead = ahead
        self._child: GpuChild | None = None
        self._left: list[GpuChild] = []
        self._owed = 0  # lines
        self._owed_since = 0.0  # the ask, or the line before
        self._heard_at = 0.0
        self._next_at: float | None = None
        self._pause_s = patience.again_s
        self._report = UNASKED
        self._trouble: Line | None = None  # the watcher's last words, for the next look
        self._said: tuple[Gpu, ...] = ()  # by the last line: the next one says what has changed
        self._xids: Counter[tuple[int, int]] = Counter()
        self._xids_at: dict[tuple[int, int], float] = {}

    def ask(self) -> None:
        """Begin a look; the driver answers meanwhile. ``look`` asks by itself where nobody did."""
        now = self._clock.monotonic()
        self._left = [child for child in self._left if not child.is_gone()]
        child = self._child or self._renewed(now)
        if child is not None and not self._owed:
            child.ask(self._ahead)
            self._owed, self._owed_since = self._ahead, now

    def look(self) -> GpuReport:
        """How the GPUs are now, as far as the driver answers in time."""
        return self.looks()[-1]

    def looks(self) -> tuple[GpuReport, ...]:
        """All that the driver said since the last look, oldest first; how the GPUs are now is the last of it."""
        if not self._owed:
            self.ask()
        child = self._child
        if child is None:
            return (self._report,)
        came = self._hear(child, self._patience.answer_s if self._owed == self._ahead else 0.0)
        self._judge(child, self._clock.monotonic())
        if self._child is child and self._owed <= self._ahead // 2 < self._ahead - 1:
            child.ask_later(self._ahead - 1 - self._owed)
            self._owed = self._ahead - 1  # and not all: none of them comes at once, so none is waited for
        return came if came and came[-1] is self._report else (*came, self._report)

    def heard(self) -> tuple[GpuReport, ...]:
        """What the driver said since: nothing is asked, waited for or judged here."""
        return self._hear(self._child, 0.0) if self._child is not None and self._owed else ()

    def _judge(self, child: GpuChild, now: float) -> None:
        """It has said what is wrong, is gone, or silent for too long, or well."""
        if self._trouble is not None:
            self._give_up(self._of_fault(self._trouble))
        elif child.is_over:
            self._give_up(GpuReport(Gpus.UNKNOWN, words=CRASHED))
        elif not self._owed:
            return
        elif now - self._owed_since > self._patience.hung_s:
            self._give_up(SILENT)
        elif now - self._heard_at > self._patience.stale_s and self._report.state is Gpus.SEEN:
            self._report = SILENT

    def close(self) -> None:
        """No more looks."""
        if self._child is not None:
            self._child.end()
            self._left.append(self._child)
            self._child = None

    def _renewed(self, now: float) -> GpuChild | None:
        if self._left or (self._next_at is not None and now < self._next_at):
            return None  # one that outlives its kill hangs in the driver, as the next one would
        try:
            self._child = GpuChild(self._python, self._environment)
            self._said, self._trouble = (), None
        except OSError as error:
            self._give_up(GpuReport(Gpus.UNKNOWN, words=f"the driver could not be asked: {error}"))
        self._owed = 0
        return self._child

    def _hear(self, child: GpuChild, within_s: float) -> tuple[GpuReport, ...]:
        """A report for each line."""
        came = []
        for said in child.lines(within_s):
            line = gpu_lines.read(said, self._said)
            if line.fault is not None:
                self._trouble = line
                break
            came.append(self._take(line))
        return tuple(came)

    def _take(self, line: Line) -> GpuReport:
        now = self._clock.monotonic()
        self._owed, self._said = self._owed - 1, line.gpus
        self._heard_at = self._owed_since = min(now, line.asked_at or now)  # it may have lain for seconds
        self._pause_s = self._patience.again_s
        self._xids.update(line.xids)
        self._xids_at.update(dict.fromkeys(line.xids, min(now, line.xids_at or now)))
        found = tuple(self._with_xids(gpu, line) for gpu in line.gpus)
        seen = GpuReport(Gpus.SEEN, found, line.driver, asked_at=line.asked_at)
        self._report = seen if found else self._without(line.driver)
        return self._report

    def _with_xids(self, gpu: Gpu, line: Line) -> Gpu:
        of_it = {code: count for (index, code), count in self._xids.items() if index == gpu.index}
        if gpu.index not in line.heard or not of_it:
            return gpu
        at = tuple((code, self._xids_at[gpu.index, code]) for code in sorted(of_it))
        return replace(gpu, xids=tuple(sorted(of_it.items())), xids_at=at)

    def _of_fault(self, line: Line) -> GpuReport:
        if line.fault in NOBODY and not self._promised:
            return self._without(None)
        return GpuReport(Gpus.UNKNOWN, words=WORDS.get(line.fault or "", line.words))

    def _without(self, driver: str | None) -> GpuReport:
        """NVIDIA's driver knows none. Only where nobody promised one is that for certain."""
        if self._promised:
            return GpuReport(Gpus.UNKNOWN, driver=driver, words="NVIDIA's driver shows no GPU")
        return AMD if (self._devices / "kfd").exists() else replace(NONE, driver=driver)

    def _give_up(self, report: GpuReport) -> None:
        """Later another one is tried, each time later, where there may be anything to see."""
        self.close()
        self._report = report
        self._owed = 0
        most = self._patience.again_most_s
        pause = most if report.state is Gpus.ABSENT else self._pause_s
        self._next_at = self._clock.monotonic() + pause
        self._pause_s = min(self._pause_s * 2, most)
