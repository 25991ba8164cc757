"""Gathers the evidence of a failed attempt (the log's end, masked; the disks' room; the GPUs), and asks ``classify``.

A workspace that does not answer costs a few seconds, and leaves what the exit record tells. Not here: any decision.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.scribe import Scribe
from pod_agent.run.failures.evidence import SHM, TAIL_BYTES, TMP, Disk, bare
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pod_agent.outputs.masked import MaskedLog
    from pod_agent.pod.vitals.sample import Sample
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.run.attempt_plan import Ended
    from pod_agent.run.failures.evidence import Evidence
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.state import Job
    from pod_wire.clock import Clock
    from pod_wire.status import CheckpointPlace

LOOK_S, PAUSE_S = 3.0, 0.2  # for one more look at the GPUs
_EXIT_LINE = re.compile(rb"EXIT_CODE=\w+\n?\Z")


class Examiner:
    """``log`` gives a job's masked log, ``places`` are the disks by the names that people know.

    ``vitals`` gives the looks at the machine; None where nobody looks, or not yet.
    """

    def __init__(
        self,
        log: Callable[[str], MaskedLog],
        places: tuple[tuple[str, Path], ...],
        clock: Clock,
        vitals: Callable[[], Sampler | None] = lambda: None,
    ) -> None:
        self._log = log
        self._places = places
        self._clock = clock
        self._vitals = vitals
        self._quill = Scribe()

    def examine(self, job: Job, ended: Ended, newest: CheckpointPlace | None, began: float) -> Failure | None:
        """Why it failed; None for an end that was good, or asked for."""
        if ended.exit_code == 0 or ended.cancelled or ended.taken:
            return None
        from pod_agent.run.failures.classify import classify, may_be_of_gpu  # noqa: PLC0415 - seldom needed

        last = job.open_attempt
        started = last.started_at if last is not None and last.started_at is not None else began
        known = replace(
            bare(ended),
            saved=replace(job, checkpoint=newest or job.checkpoint).made_progress,
            lived_s=max(0.0, ended.ended_at - started),
        )
        with contextlib.suppress(PodError, OSError):  # then the exit record tells what it can
            known = self._quill.do("read the log's end", lambda: self._seen(job.name, ended, known))
        found = classify(known)
        return classify(replace(known, gpus=self._told(started))) if may_be_of_gpu(found) else found

    def _samples(self) -> Sequence[Sample]:
        vitals = self._vitals()
        return () if vitals is None else vitals.recent

    def _told(self, started: float) -> tuple[str, ...]:
        """What the driver told since the attempt began. It is asked once a second: the answer after the end counts."""
        from pod_agent.run.failures import gpus  # noqa: PLC0415 - the same

        now = self._clock.monotonic()
        until = now + LOOK_S
        while gpus.are_seen(found := self._samples()) and found[-1].gpus.asked_at < now:
            if self._clock.monotonic() >= until:
                break
            self._clock.sleep(PAUSE_S)
        return gpus.told(found, now - max(0.0, self._clock.now() - started) - PAUSE_S)

    def _seen(self, job: str, ended: Ended, known: Evidence) -> Evidence:
        disks = tuple(disks_of(self._places))
        try:
            tail = tail_of(self._log(job), ended.output_bytes)
        except OSError:
            return replace(known, disks=disks)
        is_whole = len(tail) >= ended.output_bytes
        return replace(known, tail=tail, disks=disks, stepped=has_stepped(tail, is_whole=is_whole))


def has_stepped(tail: bytes, *, is_whole: bool) -> bool | None:
    """Whether a step was told. Where the log's beginning was not read, silence says nothing."""
    from pod_agent.run.failures import lines  # noqa: PLC0415 - the same

    told = any(line.step is not None for line in lines.read(tail))
    return told or (False if is_whole else None)


def tail_of(log: MaskedLog, output_bytes: int) -> bytes:
    """The end of what the last attempt said: no line of ours, nothing of the attempt before."""
    with log.view() as view:
        start = max(0, view.size() - TAIL_BYTES)
        data = view.read(start, TAIL_BYTES)
    own = _EXIT_LINE.sub(b"", data)
    return own[-output_bytes - 1 :] if output_bytes else b""


def places(workspace: Path, disk_dir: Path) -> tuple[tuple[str, Path], ...]:
    """What a job usually writes to. One that lies on an earlier one's file system is not told again."""
    root = Path(disk_dir.anchor)
    return (
        (SHM, root / SHM[1:]),
        ("the workspace", workspace),
        ("the container's disk", disk_dir),
        (TMP, root / TMP[1:]),
    )


def disks_of(places: tuple[tuple[str, Path], ...]) -> Iterator[Disk]:
    """The room on each file system, once."""
    seen: set[int] = set()
    for name, path in places:
        try:
            device, found = path.stat().st_dev, os.statvfs(path)
        except OSError:
            continue
        if device not in seen and found.f_blocks:  # a mount that tells nothing is not a full one
            seen.add(device)
            files = found.f_favail if found.f_files else None
            yield Disk(name, found.f_bavail * found.f_frsize, files, found.f_blocks * found.f_frsize)
