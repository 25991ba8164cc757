"""Packs the job's environment onto the workspace while the training runs: a thread that waits for a program.

It is no step of the job: nothing waits for it, it ends with the agent, and its failure is a warning. The keeper alone
writes the job's log by then, so what became of it is said in the agent's own log.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from pod_agent.run.environment.mounts import on_other_mounts
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.packs import census, copied, form, program
from pod_agent.run.work import StepCancelled, Work
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_wire.clock import Clock

PAUSE_S = 10.0  # the training reads its data and its model first
_log = logging.getLogger("podkeep")


class Packing:
    """One environment at a time; ``begin`` returns at once and may be called for every attempt."""

    def __init__(
        self,
        envs: Path,
        shelf: Shelf,
        clock: Clock,
        warn: Callable[[str], None],
        *,
        pause_s: float = PAUSE_S,
        apart: Callable[[Path, Path], bool] = on_other_mounts,
    ) -> None:
        self._apart = apart
        self._envs = envs
        self._shelf = shelf
        self._clock = clock
        self._warn = warn
        self._pause_s = pause_s
        self._tried: set[str] = set()
        self._thread: threading.Thread | None = None
        self._work: Work | None = None
        self._stopped = threading.Event()

    def begin(self) -> None:
        """From now on, unless it is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="packing", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Give up what is under way; returns at once."""
        self._stopped.set()
        if self._work is not None:
            self._work.cancel()

    def wait(self, seconds: float) -> bool:
        """True when nothing is under way any more."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._stopped.wait(self._pause_s):
                return
            place = self._newest()
            if (
                place is not None
                and place.name not in self._tried
                and self._apart(self._envs, self._shelf.folder)
            ):
                self._tried.add(place.name)
                self._pack(place)
        except StepCancelled:
            return
        except (PodError, OSError) as error:
            self._warn(f"the environment could not be packed: {error}")
        except Exception as error:  # noqa: BLE001 - a thread's top: the training goes on whatever becomes of this
            self._warn(f"a defect of podkeep in packing: {error!r}")

    def _newest(self) -> Path | None:
        """The complete environment that was used last."""
        marks = [(mark.stat().st_mtime, mark.parent) for mark in self._envs.glob(f"*/{MARK}")]
        return max(marks)[1] if marks else None

    def _pack(self, place: Path) -> None:
        pack = self._shelf.pack(place.name)
        noted = census.noted(place)
        if noted is None or pack.exists():
            return
        self._work = Work(lambda _: None, self._clock)
        facts = self._facts(place, noted, self._work)
        if not facts.own:
            self._warn("the environment is not packed: its own Python does not start")
            return
        self._shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        counted = census.take(place)
        if counted.bytes > self._shelf.limits.most_bytes:
            self._warn(f"the environment is not packed: {counted.bytes / 1e9:.1f} GB are too much to keep")
            return
        thinned = self._shelf.thin(room_for=counted.bytes)
        draft = self._shelf.draft(place.name)
        began = self._clock.monotonic()
        try:
            words = [str(place), str(draft), str(self._shelf.reserve()), json.dumps(asdict(facts))]
            answer = program.run("writing", words, self._work)
            if answer.problem:
                self._warn(f"the environment is not packed, the next boot installs it anew: {answer.words}")
                return
            if not pack.exists():  # where another pod was quicker, somebody may be reading its copy
                draft.rename(pack)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        _log.info(
            "packed=%s files=%d bytes=%d seconds=%.1f removed=%s",
            place.name,
            answer.files,
            answer.bytes,
            self._clock.monotonic() - began,
            ",".join(thinned) or "nothing",
        )

    def _facts(self, place: Path, noted: str, work: Work) -> form.Facts:
        told = json.loads((place / MARK).read_text(encoding="utf-8"))
        own = copied.own_version(place, work)
        return form.Facts(place.name, str(place), str(told["python"]), str(told["version"]), own, noted)
