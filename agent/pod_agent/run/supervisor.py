"""One mailbox, one loop: every event goes through the table, is kept, told, published, and only then acted upon.

The order is the promise: ``state.json`` before the journal, the journal before any deed. So the agent may die after any
line and the next one knows what was decided. One deed comes first: a pod that is going leaves five seconds, which a
hung mount would take to keep the record; a training hurried unrecorded is interrupted all the same.
Not here: deciding (``machine``) and doing (``effects``).
"""

from __future__ import annotations

import heapq
import logging
import queue
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pod_agent.pod import brakes
from pod_agent.run import asks, hold, machine, snapshot
from pod_agent.run import events as e
from pod_agent.run.commands import After, Answer, Command, ExitAgent, HurryAttempt, Note
from pod_agent.run.journal import tell
from pod_agent.run.moves import OPEN_S
from pod_agent.run.situation import State
from pod_agent.run.state import FILE, dump
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.rest import Rest
    from pod_agent.run.folders import Folders
    from pod_agent.run.journal import Journal
    from pod_agent.run.snapshot import PodFacts
    from pod_agent.run.state import Job
    from pod_wire.clock import Clock
    from pod_wire.events import Entry
    from pod_wire.status import Status

ASK_S = 5.0
LONGEST_WAIT_S = 600.0
log = logging.getLogger("podkeep")


class Effects(Protocol):
    """Turns commands into deeds. Returns at once; what comes of them arrives as events."""

    def do(self, command: Command) -> None: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """What lies in the mailbox: an event, and who waits for a verdict on it."""

    event: e.Event
    reply: Callable[[asks.Verdict], None] | None = None


class Supervisor:
    """Owns the state. Everything but ``post``, ``ask``, ``snapshot`` and ``update`` belongs to the loop's thread."""

    def __init__(
        self,
        folders: Folders,
        journal: Journal,
        effects: Effects,
        clock: Clock,
        *,
        facts: PodFacts,
        rest: Rest,
        changed: Callable[[State], None] = lambda _: None,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._effects = effects
        self._clock = clock
        self._rest = rest
        self._changed = changed
        self._mailbox: queue.SimpleQueue[Letter | Entry | None] = queue.SimpleQueue()
        self._timers: list[tuple[float, int, e.Event]] = []
        self._count = 0
        self._facts_lock = threading.Lock()
        self.facts = facts
        self.state = State(opening=True, entered_at=clock.now(), on_pod=facts.pod is not None)
        self._since = clock.monotonic()  # when the phase was entered
        self._pulled = -1  # the serial whose deadline was told
        self.exit: ExitAgent | None = None

    # Called from any thread

    def post(self, event: e.Event) -> None:
        self._mailbox.put(Letter(event))

    def ask(self, ask: asks.Ask) -> asks.Verdict:
        """Put an ask to the machine and wait for its verdict."""
        answers: queue.SimpleQueue[asks.Verdict] = queue.SimpleQueue()
        self._mailbox.put(Letter(ask, answers.put))
        try:
            return answers.get(timeout=ASK_S)
        except queue.Empty:
            return asks.Verdict(
                accepted=False, reason="the agent is busy", remedy="ask again in a few seconds"
            )

    def update(self, change: Callable[[PodFacts], PodFacts]) -> None:
        """Replace what is known of the pod."""
        with self._facts_lock:
            self.facts = change(self.facts)

    def snapshot(self) -> Status:
        state, facts = self.state, self.facts
        now, mono = self._clock.now(), self._clock.monotonic()
        left = snapshot.idle_left(state, facts, self._since, mono)
        idle = snapshot.idle_status(state, facts, self._since, now, mono)
        return snapshot.portray(state, facts, now, left, idle, mono=mono)

    def idle_left_s(self) -> float | None:
        """Seconds until idleness stops the pod; None where it does not."""
        return snapshot.idle_left(self.state, self.facts, self._since, self._clock.monotonic())

    def idle_reason(self) -> str:
        """What will be said of that stop."""
        return snapshot.idle_reason(self.state, self.facts, self._since, self._clock.monotonic())

    def nudge(self) -> None:
        """Look at the brakes again: what is known of the pod has changed."""
        self._mailbox.put(None)

    def record(self, entry: Entry) -> None:
        """Into the journal of the job at hand, where there is one: what changes no state."""
        self._mailbox.put(entry)

    # The loop

    def run(self) -> ExitAgent:
        """Until the machine says so."""
        self._carry_out(After(OPEN_S, e.Overdue(self.state.serial)), Letter(e.Overdue(self.state.serial)))
        while self.exit is None:
            self.turn(self._wait())
        return self.exit

    def _wait(self) -> Letter | Entry | None:
        due = self.due_s()
        try:
            return self._mailbox.get(timeout=LONGEST_WAIT_S if due is None else min(due, LONGEST_WAIT_S))
        except queue.Empty:
            return None

    def turn(self, letter: Letter | Entry | None) -> None:
        """One letter, then everything that time has made due."""
        if isinstance(letter, Letter):
            self.take(letter)
        elif letter is not None and not self.state.opening:  # until then its folder may be another pod's
            self._write(self.state, letter)
        while self.exit is None and (event := self._ripe()) is not None:
            self.take(Letter(event))

    def due_s(self) -> float | None:
        """How long nothing will happen by itself."""
        mono = self._clock.monotonic()
        waits = [self._timers[0][0] - mono] if self._timers else []
        if self.state.serial != self._pulled and not self.state.opening:
            pulls = snapshot.next_deadline(self.state, self.facts, self._clock.now(), mono)
            waits += [] if pulls is None or self.state.phase is Phase.STOPPING else [pulls[0]]
        idle = snapshot.idle_left(self.state, self.facts, self._since, mono)
        held = self._held_left(mono)
        waits += [one for one in (idle, held) if one is not None]
        return max(0.0, min(waits)) if waits else None

    def _ripe(self) -> e.Event | None:
        """The event that is due now, if any: a timer's, a brake's."""
        mono = self._clock.monotonic()
        if self._timers and self._timers[0][0] <= mono:
            return heapq.heappop(self._timers)[2]
        pulls = snapshot.next_deadline(self.state, self.facts, self._clock.now(), mono)
        is_told = self.state.serial == self._pulled or self.state.phase is Phase.STOPPING
        if pulls is not None and pulls[0] == 0 and not is_told and not self.state.opening:
            self._pulled = self.state.serial
            return e.DeadlinePassed(brakes.reason(pulls[1]), brakes.remedy(pulls[1]))
        if self._held_left(mono) == 0:
            return e.HoldOver(self.state.serial)
        if snapshot.idle_left(self.state, self.facts, self._since, mono) == 0:
            return e.IdleTooLong(snapshot.idle_reason(self.state, self.facts, self._since, mono))
        return None

    def _held_left(self, mono: float) -> float | None:
        """Until the leases are read a hold is not over: one of them may put its end off."""
        brake, by = self.facts.brake, self.facts.brake_by
        left = hold.left_s(self.state, self._clock.now(), mono, brake.leases if brake is not None else ())
        return left if left is None or brake is not None or by is None else max(left, by - mono)

    def take(self, letter: Letter) -> None:
        """One event: decide, keep, tell, publish, act."""
        before, now = self.state, self._clock.now()
        after, commands = machine.step(before, letter.event, now)
        for command in commands:
            if isinstance(command, HurryAttempt):
                self._effects.do(command)
        self._time(before, after)  # first: a hold that the record says is over has its idle minutes before it
        after = self._keep(before, after)
        entries = tell(before, after, now)
        for entry in entries:
            self._write(after, entry)
        self.state = after
        self._say(before, after)
        if after != before:
            self._changed(after)
        for command in commands:
            if not isinstance(command, HurryAttempt):
                self._carry_out(command, letter)

    def _time(self, before: State, after: State) -> None:
        """When the phase began. Rest that an earlier agent of this boot had begun goes on."""
        opened = before.opening and not after.opening
        if after.serial == before.serial and not opened:
            return
        now, boot = self._clock.monotonic(), self.facts.boot
        if after.phase not in snapshot.RESTING:
            self._rest.ended()
            self._since = now
        else:
            self._since = self._rest.resumed(boot, now) if opened else self._rest.began(boot, now)

    def _keep(self, before: State, after: State) -> State:
        """The record on disk first; nothing else may know of a decision that a crash would forget."""
        job = after.job
        if job is None or after.opening or (before.job == job and not before.opening):
            return after
        job = replace(job, revision=job.revision + 1)
        self._save(job)
        return replace(after, job=job)

    def _save(self, job: Job) -> None:
        try:
            self._folders.of(job.name).replace(FILE, dump(job))
        except (OSError, PodError) as error:
            log.error("state=unwritten job=%s error=%r", job.name, str(error))  # noqa: TRY400 - one line, no trace

    def _write(self, state: State, entry: Entry) -> None:
        if state.job is None:
            return
        try:
            self._journal.write(state.job.name, entry)
        except (OSError, PodError) as error:
            log.error("journal=unwritten kind=%s error=%r", entry.kind, str(error))  # noqa: TRY400 - the same

    def _say(self, before: State, after: State) -> None:
        if after.phase is before.phase:
            return
        reason = after.job.ending.reason if after.job is not None and after.job.ending is not None else ""
        spent = self._clock.now() - before.entered_at
        log.info("phase=%s from=%s seconds=%.3f reason=%r", after.phase, before.phase, spent, reason)

    def _carry_out(self, command: Command, letter: Letter) -> None:
        match command:
            case After(seconds, event):
                self._count += 1
                heapq.heappush(self._timers, (self._clock.monotonic() + seconds, self._count, event))
            case Answer(verdict):
                if letter.reply is not None:
                    letter.reply(verdict)
            case Note(text):
                log.info(text)
            case ExitAgent():
                self.exit = command
            case _:
                self._effects.do(command)
