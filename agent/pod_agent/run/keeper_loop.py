"""The keeper's loop: what wakes it, when patience ends, and the three stages of an attempt.

Driven by poll(2) alone: no ticks, no time spent while nothing happens. It knows nothing of jobs or orders.
"""

from __future__ import annotations

import os
import select
import signal
import time

from pod_agent.run import exit_record, keeper_log, keeper_tree

ASKING: dict[int, str] = {signal.SIGUSR1: "cancel", signal.SIGTERM: "hurry"}
RESCAN_S = 0.1  # between two KILLs, doubled each time up to KILL_PAUSE_S
KILL_PAUSE_S = 5.0


class Keeper:
    """Three stages: the command runs; what it left behind is ended; what is in the pipe goes into the log."""

    def __init__(
        self, orders: exit_record.Orders, file: exit_record.RecordFile, pump: keeper_log.LogPump, ears: int
    ) -> None:
        self.orders = orders
        self.file = file
        self.record = file.record
        self.pump = pump
        self.ears = ears
        self.complaint = -1  # the newborn's pipe, while it is being born
        self.pidfd = -1  # of a training that is not our child
        self.stage = "running"
        self.deadline: float | None = None  # when patience ends and KILL begins
        self.kill_pause_s = RESCAN_S
        self.asked = bool(file.record.ending)  # POD_SIGNAL, or TERM to the leftovers, has been sent
        self.hurried = False
        self.spawn_failed = False
        self.adopted = False  # not our child
        self.known = True  # the recorded pid was seen to be the training, so its session is too
        self.look = True  # the leftovers are worth another look
        self.watched: dict[int, int] = {}  # pid -> pidfd
        self.poller = select.poll()
        self.minds_pipe = False
        self.ballast_spent = False

    # What wakes us

    def run(self) -> None:
        self.hear_on(self.ears)
        while self.stage != "over":
            self._mind_the_pipe()
            poll = self.poller.poll
            heard = self.pump.carry(poll) if self._is_calm() else poll(self._patience_ms())
            for fd, _ in heard:
                self._hear(fd)
            self.pump.move()
            self._reap()
            self._go_on(time.monotonic())

    def _go_on(self, now: float) -> None:
        if self.stage == "running":
            self._while_running(now)
        if self.stage == "leftovers":
            self._end_leftovers(now)
        if self.stage == "draining":
            self._drain(now)

    def hear_on(self, fd: int) -> None:
        self.poller.register(fd, select.POLLIN)

    def _hang_up(self, fd: int) -> None:
        self.poller.unregister(fd)
        os.close(fd)

    def _mind_the_pipe(self) -> None:
        """Poll the FIFO, but not while the disk is full, or it would wake us for ever."""
        minds = self.pump.blocked_since is None
        if minds != self.minds_pipe:
            self.minds_pipe = minds
            self.poller.register(self.pump.fifo, select.POLLIN if minds else 0)

    def _is_calm(self) -> bool:
        """The common case: the job runs, nobody's patience is being measured, and the log takes what comes."""
        return self.stage == "running" and self.deadline is None and self.pump.flows

    def _patience_ms(self) -> int | None:
        """How long nothing needs to be looked at; None: until something happens."""
        waits = [] if self.deadline is None else [self.deadline - time.monotonic()]
        if self.pump.blocked_since is not None:
            waits.append(min(1.0, self.orders.full_s / 10))
        elif self.stage == "draining" or self.pump.own:
            waits.append(0.0)
        if self.stage == "leftovers" and self.look:
            waits.append(RESCAN_S)
        return max(0, int(min(waits) * 1000) + 1) if waits else None

    def _hear(self, fd: int) -> None:
        if fd == self.ears:
            self.look = True
            for number in os.read(self.ears, 4096):
                if number in ASKING:
                    self.end(ASKING[number])
        elif fd == self.complaint:
            self.record.detail = os.read(fd, 4096).decode("utf-8", "replace")
            self.spawn_failed = bool(self.record.detail)
            self._hang_up(fd)
            self.complaint = -1
            announce()
        elif fd == self.pidfd:
            self._hang_up(fd)
            self.pidfd = -1
            self.exited(None)
        elif fd != self.pump.fifo:
            self.look = True

    # The command runs

    def end(self, why: str) -> None:
        """End the attempt: ask, be patient for a while, then KILL. Asked twice, the shorter patience counts."""
        record, now = self.record, time.monotonic()
        self.hurried = self.hurried or why == "hurry"
        if self.stage == "running":
            if not record.ending:
                self._signal(self.orders.signal)
            self.asked = True
            record.cancelled = int(record.cancelled or why == "cancel")
            record.ending = "full" if record.ending == "full" else why
        elif self.deadline is None or not self.hurried:
            return  # too late to end anything, or nobody has been asked to end yet
        limit = now + (self.orders.hurry_s if why == "hurry" else self.orders.grace_s)
        self.deadline = limit if self.deadline is None else min(limit, self.deadline)
        self.file.write()

    def _signal(self, number: int) -> None:
        """To the training's whole group at once, then to whoever of its tree has left that group."""
        group = 0
        asks = number != signal.SIGKILL
        top = self.record.pid if self.adopted else os.getpid()
        spared = keeper_tree.filters_below(top) if asks else set()
        if not spared and self._training_is_ours_to_signal():
            try:
                os.killpg(self.record.pid, number)
                group = self.record.pid
            except ProcessLookupError:
                group = 0  # not yet in a session of its own: found as a child below
        for pid, process in self._members().items():
            if process.group != group and pid not in spared:
                keeper_tree.send(pid, process.start, number)

    def _training_is_ours_to_signal(self) -> bool:
        """Its pid cannot be another's: it is our unreaped child, or its pidfd says that it still runs."""
        if self.stage != "running" or not self.record.pid:
            return False
        if self.pidfd < 0:
            return True
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)

    def _members(self) -> dict[int, keeper_tree.Process]:
        """Our descendants; of an adopted training, whoever shares its session or carries its nonce."""
        if not self.adopted:
            return keeper_tree.members(os.getpid(), 0, b"")
        marker = f"{exit_record.MARKER}={self.record.nonce}" if self.record.nonce else ""
        return keeper_tree.members(0, self.record.pid if self.known else 0, marker.encode())

    def _reap(self) -> bool:
        """Take the dead children; True when there is no child left, living or dead."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == self.record.pid and self.stage == "running":
                self.exited(status)

    def exited(self, status: int | None) -> None:
        """The command is over. Written down at once: should we die now, the exit is known all the same."""
        if self.complaint >= 0:
            self._hear(self.complaint)
        kills = keeper_tree.oom_kills()
        exit_record.judge(
            status,
            self.record,
            spawn_failed=self.spawn_failed,
            oom_killed=0 <= self.record.oom_before < kills,
        )
        self.record.state = "exited"
        self.file.write()
        self.stage, self.look = "leftovers", True
        self.kill_pause_s = RESCAN_S

    def _while_running(self, now: float) -> None:
        since = self.pump.blocked_since
        if since is not None and now - since >= self.orders.full_s and not self.record.ending:
            self.end("full")
            self.record.detail = f"cannot write the log: {os.strerror(self.pump.error)}"
        if self.deadline is not None and now >= self.deadline:
            self._kill(now)

    def _kill(self, now: float) -> None:
        self._signal(signal.SIGKILL)
        self.deadline = now + self.kill_pause_s
        self.kill_pause_s = min(2 * self.kill_pause_s, KILL_PAUSE_S)

    # What it left behind

    def _end_leftovers(self, now: float) -> None:
        late = self.deadline is not None and now >= self.deadline
        if not self.look and not late:
            return
        self.look = False
        left = self._members()
        self._watch(left)
        if not left and self._reap():
            self.stage, self.deadline = "draining", None
        elif late:
            self._kill(now)
        elif not self.asked:
            self.asked = True
            self._signal(signal.SIGTERM)
            self.deadline = now + (self.orders.hurry_s if self.hurried else self.orders.leftover_s)

    def _watch(self, left: dict[int, keeper_tree.Process]) -> None:
        """Hold a pidfd of each, so that its end wakes us."""
        for pid in [pid for pid in self.watched if pid not in left]:
            self._hang_up(self.watched.pop(pid))
        for pid in left:
            if pid not in self.watched and len(self.watched) < 256:  # noqa: PLR2004 - spare file descriptors
                try:
                    self.watched[pid] = os.pidfd_open(pid)
                    self.hear_on(self.watched[pid])
                except OSError:
                    self.look = True

    # What is still in the pipe

    def _drain(self, now: float) -> None:
        pump, record = self.pump, self.record
        if pump.blocked_since is not None and not self.ballast_spent:
            self.ballast_spent = True
            spend(self.orders.ballast)
            pump.blocked_since = None
            return
        hopeless = pump.blocked_since is not None and now - pump.blocked_since >= self._drain_patience_s()
        if not hopeless and not pump.is_clear:
            return
        if record.state != "drained":
            record.output_bytes = max(0, pump.offset - record.begin)
            if not hopeless:
                record.state = "drained"
                self.file.write()
                pump.own = self.last_line()
                return
        record.unwritten = pump.waiting() + len(pump.own)
        record.state, record.ended_at = "ended", time.time()
        self.file.write()
        self.stage = "over"

    def _drain_patience_s(self) -> float:
        if self.hurried:
            return self.orders.hurry_s
        return self.orders.leftover_s if self.record.ending else self.orders.full_s

    def last_line(self) -> bytes:
        record = self.record
        line = f"EXIT_CODE={record.exit_code if record.exit_code >= 0 else 'unknown'}\n"
        if record.reason == "spawn_failed":
            line = f"podkeep: {record.detail}\n{line}"
        return self.pump.line_break() + line.encode()


def announce() -> None:
    """Tell the agent that started us that the attempt stands, and let go of its pipe."""
    null = os.open("/dev/null", os.O_RDWR)
    try:
        os.write(1, b"up")
    except OSError:
        return  # it died meanwhile; the next one finds our claim
    finally:
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.close(null)


def spend(ballast: bytes) -> None:
    """Free the room that was kept for this moment."""
    try:
        os.unlink(ballast)
    except OSError:
        return  # spent already
