"""Keeps the receipt: told when somebody asks, and written beside the job's record at its end, before the pod stops.

Never waited for longer than a moment: a workspace that hangs costs a thread and the boots before this one, not the
stop. Not here: what stands in it (``account``).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_agent.run.folders import BALLAST
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.folders import Folders
    from pod_agent.run.receipt.account import Books
    from pod_agent.run.receipt.reading import Reader
    from pod_agent.run.supervisor import Supervisor
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker
    from pod_wire.receipt import Receipt

JSON, PAGE = "receipt.json", "receipt.md"
CATCH_UP_S = 0.1  # for what the training said last
WRITE_S = 0.1
log = logging.getLogger("podkeep")


class Chronicle:
    """``reader`` is given where one is followed; all but ``told`` return within a moment."""

    def __init__(
        self,
        clock: Clock,
        masker: Masker,
        folders: Folders,
        supervisor: Supervisor,
        patience_s: float = WRITE_S,
    ) -> None:
        self._clock = clock
        self._masker = masker
        self._folders = folders
        self._supervisor = supervisor
        self._patience_s = patience_s
        self._one_at_a_time = threading.Lock()
        self._publishing = threading.Lock()
        self._writer: threading.Thread | None = None

    def told(self, name: str | None, reader: Reader | None) -> Receipt | None:
        """Of the current job, as it stands now. Reads the disk: takes as long as the workspace does."""
        job = self._supervisor.state.job
        if job is None or name not in {None, job.name}:
            return None
        if reader is not None:
            reader.catch_up(CATCH_UP_S)
        from pod_agent.run.receipt import reading  # noqa: PLC0415 - the training comes first

        return self._tell(reading.books(self._folders.of(job.name), job.run, reader), None)

    def drained(self, reader: Reader | None) -> None:
        """The job's end is decided and everything of it is over: its last words are read, its receipt is told.

        The files are not waited for where ``stopping`` follows: there is time for them until then.
        """
        from pod_agent.run.receipt.stopping import foreseen  # noqa: PLC0415 - the training comes first

        if reader is not None:
            reader.catch_up(CATCH_UP_S)
        is_last = foreseen(self._supervisor.state, self._clock.now()) is None
        self._close(reader, None, is_last=is_last)

    def stopping(self, reader: Reader | None) -> None:
        """The pod is asked to stop with the next breath: that is in the receipt too."""
        self._close(reader, self._clock.now(), is_last=True)

    def leave(self, within_s: float) -> None:
        """The agent goes: what is still being written has so long. The folder is another pod's afterwards."""
        writer = self._writer
        if writer is not None:
            writer.join(within_s)

    def _close(self, reader: Reader | None, asked_at: float | None, *, is_last: bool) -> None:
        """Told and written by a thread of its own, which is waited for only so long."""
        told, done = threading.Event(), threading.Event()

        def write() -> None:
            try:
                with self._one_at_a_time:
                    self._write(reader, asked_at, told)
            except Exception as error:  # noqa: BLE001 - a thread's top: a receipt less, not a pod that bills on
                log.warning("receipt=unwritten error=%r", str(error))
            finally:
                told.set()
                done.set()

        self._writer = threading.Thread(target=write, name="receipt", daemon=True)
        self._writer.start()
        if not (done if is_last else told).wait(self._patience_s):
            self._publish_from_memory(reader, asked_at, told)

    def _write(self, reader: Reader | None, asked_at: float | None, is_told: threading.Event) -> None:
        job = self._supervisor.state.job
        if job is None:
            return
        from pod_agent.run.receipt import reading  # noqa: PLC0415 - the training comes first
        from pod_wire.codec import to_json  # noqa: PLC0415
        from pod_wire.receipt_page import page  # noqa: PLC0415

        folder = self._folders.of(job.name)
        told = self._tell(reading.books(folder, job.run, reader), asked_at)
        if told is None:
            return
        with self._publishing:
            self._publish(told)
            is_told.set()
        _put(folder.path, JSON, to_json(told) + b"\n")
        _put(folder.path, PAGE, page(told).encode("utf-8", "replace"))

    def _publish_from_memory(
        self, reader: Reader | None, asked_at: float | None, is_told: threading.Event
    ) -> None:
        """What can be told without the disk, unless all of it was told meanwhile."""
        try:
            from pod_agent.run.receipt import reading  # noqa: PLC0415 - the training comes first

            job = self._supervisor.state.job
            told = None if job is None else self._tell(reading.from_memory(job.run, reader), asked_at)
            with self._publishing:
                if told is not None and not is_told.is_set():
                    self._publish(told)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("receipt=untold error=%r", str(error))

    def _tell(self, books: Books, asked_at: float | None) -> Receipt | None:
        from pod_agent.run.receipt.account import receipt  # noqa: PLC0415 - the training comes first
        from pod_agent.run.receipt.veil import veiled  # noqa: PLC0415

        state, facts = self._supervisor.state, self._supervisor.facts
        if state.job is None:
            return None
        told = veiled(
            receipt(state, state.job, facts, books, self._clock.now(), asked_at=asked_at), self._masker
        )
        is_ending = state.phase is Phase.DRAINING and told.outcome is not None
        return replace(told, phase=Phase.FINISHED) if is_ending else told

    def _publish(self, told: Receipt) -> None:
        """For whoever asks for the status from now on."""
        from pod_wire.codec import to_plain  # noqa: PLC0415 - the training comes first

        plain: dict[str, object] = to_plain(told)
        self._supervisor.update(lambda facts: replace(facts, receipt=plain))


def _put(folder: Path, name: str, data: bytes) -> None:
    scribe.replace(folder / name, data, ballast=folder / BALLAST)
