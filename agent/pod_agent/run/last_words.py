"""What the idle brake leaves behind of its doings: in the job's log and its journal, where people look afterwards.

A workspace that hangs holds nobody up. Not here: the terminals and the console (``pod.idle.watch``), and the sentences.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pod_agent.outputs.log import JobLog
from pod_agent.pod.idle import words
from pod_agent.pod.scribe import Scribe
from pod_agent.run.situation import Alive
from pod_agent.run.snapshot import RESTING
from pod_wire.errors import PodError
from pod_wire.events import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.pod.idle.leases import Lease
    from pod_agent.run.folders import Folders
    from pod_agent.run.supervisor import Supervisor
    from pod_wire.clock import Clock
    from pod_wire.events import Field
    from pod_wire.idle import KeepAsk

log = logging.getLogger("podkeep")


class LastWords:
    """Called by the brake's own threads."""

    def __init__(self, supervisor: Supervisor, folders: Folders, clock: Clock) -> None:
        self._supervisor = supervisor
        self._folders = folders
        self._clock = clock
        self._scribe = Scribe()

    def notice(self, left_s: float, text: str) -> None:
        """A minute before the stop: why, with every signal."""
        status = self._supervisor.snapshot().idle
        rows = () if status is None else words.sheet(status)
        self._into_log([text, *(f"podkeep:   {row}" for row in rows)])
        signs = () if status is None else status.signs
        told = "; ".join(f"{one.name} {one.state}{f' {one.value}' if one.value else ''}" for one in signs)
        because = self._supervisor.idle_reason()
        self._into_journal(Kind.IDLE_NOTICE, seconds=round(left_s, 1), because=because, signs=told)

    def stays(self, because: str) -> None:
        """It was put off."""
        self._into_log([f"podkeep: the pod stays. {because}"])
        self._into_journal(Kind.IDLE_OVER, because=because)

    def kept(self, ask: KeepAsk, standing: Sequence[Lease]) -> None:
        """Somebody wants the pod for a while, or no longer."""
        until = max((lease.until for lease in standing), default=None)
        self._into_journal(Kind.KEEP, seconds=ask.seconds, until=until, because=ask.because)

    def _into_journal(self, kind: Kind, **fields: Field) -> None:
        self._supervisor.record(Entry(self._clock.now(), kind, fields))

    def _into_log(self, lines: Sequence[str]) -> None:
        """Where there is one and no keeper writes it."""
        job = self._supervisor.state.job
        if job is None:
            return
        name = job.name
        try:
            self._scribe.do("write the last words", lambda: self._append(name, lines))
        except (PodError, OSError) as error:
            log.warning("log=unwritten error=%r", str(error))

    def _append(self, name: str, lines: Sequence[str]) -> None:
        state = self._supervisor.state
        if state.alive is not Alive.NONE or state.phase not in RESTING or state.opening:
            return
        file = JobLog(self._folders.of(name).path)
        size = file.size()
        torn = size > 0 and file.read(size - 1, 1) != b"\n"
        told = "".join(f"{line}\n" for line in lines)
        file.append((f"\n{told}" if torn else told).encode("utf-8", "replace"))
