"""Reads what a look needs: processes, the log's size, open files, the job's folder, the GPUs' samples.

What lies on a disk is asked for by threads of their own, since a disk may hang; a look waits a few seconds for it at
most. What costs more is read only when asked for. Not here: what any of it means (``measure``).
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from typing import TYPE_CHECKING

from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.pod.stall import gpus, processes, tree
from pod_agent.pod.stall.raw import GpuLook, Raw
from pod_agent.pod.vitals.sample import OLD_S

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pod_agent.pod.stall.subject import Subject
    from pod_agent.pod.vitals.sample import Sample

LOG_S, TREE_S = 5.0, 20.0
FIFO = "fifo"


class Sources:
    """``samples`` gives the latest looks at the machine, oldest first; None where nobody looks."""

    def __init__(self, samples: Callable[[], Sequence[Sample] | None], proc: str = "/proc") -> None:
        self._samples = samples
        self._proc = proc
        self._quill = Scribe(LOG_S)
        self._walker = Scribe(TREE_S)
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")

    def look(self, subject: Subject, before: Raw | None, mono: float, *, is_deep: bool) -> Raw:
        """Now. What is not looked at stands as it was at the look before."""
        found = processes.family(subject.pid, subject.keeper, self._proc)
        size, is_hung = self._size(subject.log)
        places = None if before is None else before.places
        mark = None if before is None else before.tree
        if is_deep:
            pids = () if found is None else tuple(task.pid for task in found.tasks)
            places = processes.places(pids, self._proc)
            mark = self._mark(subject.folder)
        return Raw(
            at=mono,
            step=subject.step,
            log=size,
            is_log_hung=is_hung,
            tasks=None if found is None else found.tasks,
            ticks=0 if found is None else found.ticks,
            places=places,
            tree=mark,
            gpu=self._gpus(None if before is None else before.at, mono),
            waiting=_waiting(subject.place / FIFO),
            is_keeper_stuck=found is not None and found.is_keeper_stuck,
            ticks_per_s=self._ticks_per_s,
        )

    def _size(self, log: Path) -> tuple[int | None, bool]:
        try:
            return self._quill.do("look at the log", lambda: log.stat().st_size), False
        except Hung:
            return None, True
        except OSError:
            return None, False

    def _mark(self, folder: Path) -> int | None:
        try:
            return self._walker.do("look at the job's files", lambda: tree.mark(str(folder)))
        except (Hung, OSError):
            return None

    def _gpus(self, since: float | None, now: float) -> GpuLook:
        """All samples since the last look; the newest, where whoever looks each second comes before the next one."""
        samples = self._samples()
        if samples is None:
            return GpuLook()
        fresh = [one for one in samples if since is None or one.monotonic > since]
        return gpus.read(
            one.gpus for one in fresh or [one for one in samples[-1:] if now - one.monotonic <= OLD_S]
        )


def _waiting(fifo: Path) -> int:
    """Bytes in the job's pipe that the log has not taken. 0 where there is no pipe to ask."""
    try:
        fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0])
    except OSError:
        return 0
    finally:
        os.close(fd)
