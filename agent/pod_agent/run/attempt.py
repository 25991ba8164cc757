"""The agent's side of an attempt: start it, find it again after our own death, cancel it, wait for its end.

The training is never our child and its log never passes through us: the keeper (keeper.py) has both. All that
we know of it is in the attempt's folder, so a new agent knows as much as the one that died.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from pod_agent.run import exit_record, keeper_start, keeper_tree
from pod_agent.run.attempt_plan import AttemptPlan, Ended, Patience
from pod_wire.clock import Clock, RealClock
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Attempt", "AttemptPlan", "Attempts", "Ended", "KeptAttempts", "Patience", "RunningAttempt"]

RETRY_S, RETRY_MAX_S = 0.1, 5.0  # pauses between keepers that die young
LONG_LIFE_S = 5.0
HOPELESS_S = 60.0  # nobody lives any more, and no keeper can be had who would say how it ended


class Attempt(Protocol):
    """What the supervisor knows of an attempt; tests give it others."""

    @property
    def pid(self) -> int | None:
        """Of the training, as seen inside the pod."""

    @property
    def start_time(self) -> int | None:
        """Of the training, in the kernel's ticks since boot."""

    @property
    def keeper_pid(self) -> int:
        """Of the living keeper; 0 when there is none."""

    def cancel(self) -> None:
        """POD_SIGNAL, patience, KILL."""

    def hurry(self) -> None:
        """The pod is going: POD_SIGNAL at once, little patience, KILL."""

    def kill(self) -> None:
        """SIGKILL for everything of it at once, unasked and unwarned."""

    def say(self, line: str) -> None:
        """A line of ours into its log, where the keeper takes it."""

    def wait(self, on_end: Callable[[Ended], None]) -> None:
        """Block until everything of the attempt is gone, then tell once."""


class Attempts(Protocol):
    """Where attempts come from."""

    def start(self, plan: AttemptPlan) -> Attempt:
        """Start it; raises PodError when not even a keeper could be started."""

    def find(self, folder: Path) -> Attempt | None:
        """The attempt of this folder, running or ended; None when it never began and now never will."""


class KeptAttempts:
    """Attempts under real keepers."""

    def start(self, plan: AttemptPlan) -> Attempt:
        return RunningAttempt.start(plan)

    def find(self, folder: Path) -> Attempt | None:
        return RunningAttempt.find(folder)


class RunningAttempt:
    """An attempt that has begun. ``wait`` belongs to one thread; the rest may be called from any."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.keeper_pid = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._asked: list[int] = []  # signals for the keeper, told again to the next one
        self._keeper = -1  # its pidfd
        self._fifo = -1  # held open so that what is in the pipe outlives a keeper's death
        self._attach()

    @staticmethod
    def start(plan: AttemptPlan, clock: Clock | None = None) -> RunningAttempt:
        """Spawn a keeper and wait until the training runs, or could not: its end then tells why."""
        try:
            plan.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            claim = exit_record.newest_claim(str(plan.folder))
            if claim is None or not claim.pid:
                generation = claim.generation + 1 if claim else 1
                keeper_start.write_orders(plan)
                keeper_start.spawn_keeper(plan.folder, generation, "start", keeper_start.errand(plan))
        except OSError as error:
            raise PodError(f"cannot start the keeper of {plan.folder.name}: {error}") from error
        attempt = RunningAttempt.find(plan.folder, clock)  # an OSError from here on: it may have begun
        if attempt is None:
            raise PodError(
                f"cannot start the keeper of {plan.folder.name}: {keeper_start.last_words(plan.folder)}"
            )
        return attempt

    @staticmethod
    def find(plan_folder: Path, clock: Clock | None = None) -> RunningAttempt | None:
        """The attempt of this folder: its keeper lives, or a new one adopts it, or its record tells its end.

        None when nobody ever claimed it. Then it is claimed here: a late keeper finds it taken and exits.
        """
        folder = str(plan_folder)
        if not plan_folder.is_dir():
            return None
        claim = exit_record.newest_claim(folder)
        if claim is None and exit_record.take_claim(folder, 1, 0, 0):
            return None
        claim = exit_record.newest_claim(folder)
        if claim is None or not claim.pid:
            return None
        attempt = RunningAttempt(plan_folder, clock or RealClock())
        if not attempt.keeper_pid and attempt.ended is None:
            attempt._adopt()
        return attempt

    @property
    def pid(self) -> int | None:
        record = self._record()
        return record.pid or None if record else None

    @property
    def start_time(self) -> int | None:
        record = self._record()
        return record.start or None if record else None

    @property
    def ended(self) -> Ended | None:
        """How it ended, as the record says; None while it has not."""
        record = self._record()
        if record is None or record.state != "ended":
            return None
        return Ended(
            exit_code=record.exit_code if record.exit_code >= 0 else None,
            signal=record.signal or None,
            reason=record.reason,
            cancelled=bool(record.cancelled),
            output_bytes=record.output_bytes,
            ended_at=record.ended_at,
            unwritten_bytes=record.unwritten,
            detail=record.detail,
            taken=record.ending == "hurry",
        )

    def cancel(self) -> None:
        self._ask(signal.SIGUSR1)

    def hurry(self) -> None:
        self._ask(signal.SIGTERM)

    def kill(self) -> None:
        """The command first, so that it starts nothing more; leftovers that escape are the keeper's."""
        record = self._record()
        if record is None or not record.pid:
            return
        marker = f"{exit_record.MARKER}={record.nonce}" if record.nonce else ""
        keeper_tree.send(record.pid, record.start, signal.SIGKILL)
        for pid, process in keeper_tree.members(0, record.pid, marker.encode()).items():
            keeper_tree.send(pid, process.start, signal.SIGKILL)

    def say(self, line: str) -> None:
        """Through the pipe, as if the training had said it: the keeper is the log's only writer. Never waits."""
        data = f"\n{line}\n".encode("utf-8", "replace")[: select.PIPE_BUF]
        with self._lock, suppress(OSError):  # full: whoever reads the status knows it all the same
            if self._fifo >= 0:
                os.write(self._fifo, data)

    def wait(self, on_end: Callable[[Ended], None]) -> None:
        pause_s = 0.0
        hope_until = self._clock.monotonic() + HOPELESS_S
        while True:
            began = self._clock.monotonic()
            self._await_keeper()
            ended = self.ended
            if ended is None and not (self.folder / exit_record.PLAN).exists():
                ended = _lost(self._clock.now(), "the attempt's folder is gone")
            now = self._clock.monotonic()
            if now - began > LONG_LIFE_S:
                pause_s = 0.0
            if now - began > LONG_LIFE_S or keeper_tree.is_alive(self.pid or 0, self.start_time or 0):
                hope_until = now + HOPELESS_S
            if ended is None and now >= hope_until:
                ended = self._given_up()
            if ended is not None:
                break
            self._clock.sleep(pause_s)
            pause_s = min(max(2 * pause_s, RETRY_S), RETRY_MAX_S)
            self._adopt()
        self.close()
        on_end(ended)

    def _given_up(self) -> Ended:
        """Keeper after keeper died, and the training is dead: an end that nobody can tell must not bill for ever."""
        return _lost(self._clock.now(), f"no keeper lived: {keeper_start.last_words(self.folder)}")

    def _record(self) -> exit_record.ExitRecord | None:
        """The exit record as far as it can be read now."""
        try:
            return exit_record.read_record(str(self.folder))
        except OSError:
            return None  # too many open files, for instance: it is asked for again

    def close(self) -> None:
        """Let go of what we hold. The attempt does not mind."""
        with self._lock:
            for fd in (self._keeper, self._fifo):
                if fd >= 0:
                    os.close(fd)
            self._keeper = self._fifo = -1

    def _ask(self, number: int) -> None:
        with self._lock:
            self._asked.append(number)
            self._tell(number)

    def _tell(self, number: int) -> None:
        if self._keeper >= 0:
            with suppress(ProcessLookupError):  # the next keeper is told
                signal.pidfd_send_signal(self._keeper, number)

    def _attach(self) -> bool:
        """Take hold of the keeper that has the newest claim; False when it is dead."""
        claim = exit_record.newest_claim(str(self.folder))
        with self._lock:
            if self._fifo < 0:
                with suppress(FileNotFoundError):
                    flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
                    self._fifo = os.open(self.folder / exit_record.FIFO, flags)
            if claim is None or not claim.pid:
                return False
            with suppress(ProcessLookupError):
                self._keeper = os.pidfd_open(claim.pid)
            if self._keeper >= 0 and not keeper_tree.is_alive(claim.pid, claim.start):
                os.close(self._keeper)
                self._keeper = -1
            self.keeper_pid = claim.pid if self._keeper >= 0 else 0
            for number in self._asked:
                self._tell(number)
        return self._keeper >= 0

    def _await_keeper(self) -> None:
        if self._keeper < 0:
            return
        poll = select.poll()
        poll.register(self._keeper, select.POLLIN)
        poll.poll()
        with self._lock:
            if self._keeper >= 0:
                os.close(self._keeper)
            self._keeper = -1
            keeper_start.reap(self.keeper_pid)
            self.keeper_pid = 0

    def _adopt(self) -> bool:
        """Give the attempt a new keeper; False when that one died at once too."""
        try:
            claim = exit_record.newest_claim(str(self.folder))
            if claim is None:
                return False
            if not keeper_tree.is_alive(claim.pid, claim.start):
                keeper_start.spawn_keeper(self.folder, claim.generation + 1, "adopt", b"")
            return self._attach()
        except OSError:
            return False  # no process, no memory, no descriptor: wait tries again


def _lost(now: float, detail: str) -> Ended:
    return Ended(
        exit_code=None,
        signal=None,
        reason="unknown",
        cancelled=False,
        output_bytes=0,
        ended_at=now,
        detail=detail,
    )
