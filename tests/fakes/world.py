"""A pod around the supervisor without processes: steps that just succeed, attempts that end as a script says.

The ``World`` outlives an agent, as claims and trainings do; a ``Lifetime`` is one agent in it, over real folders. The
journal is an argument, so that an agent can be made to die after any line.
"""

from __future__ import annotations

import json
import queue
from dataclasses import dataclass, field, replace
from pathlib import Path

from pod_agent.pod.record import PodRecords
from pod_agent.pod.rest import Rest
from pod_agent.pod.scribe import Scribe
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.attempt import Ended
from pod_agent.run.folders import Folders
from pod_agent.run.journal import FileJournal
from pod_agent.run.opening import Opening
from pod_agent.run.snapshot import PodFacts
from pod_agent.run.supervisor import Letter, Supervisor
from pod_agent.settings import Settings
from pod_wire.status import CheckpointPlace, Phase
from tests.fakes.clock import FakeClock


class Died(Exception):
    """The agent is gone, in the middle of what it did."""


def ended(code=0, *, signal=None, reason="exited", cancelled=False, output=10):
    return Ended(code, signal, reason, cancelled=cancelled, output_bytes=output, ended_at=0.0)


@dataclass
class Act:
    """How one attempt goes: the checkpoint it makes, and its end. ``lasts``: it ends only when it is asked to."""

    ended: Ended = field(default_factory=ended)
    step: int | None = None
    lasts: bool = False


@dataclass
class World:
    """What is there whether or not an agent lives."""

    root: Path
    acts: list[Act] = field(default_factory=lambda: [Act()])
    clock: FakeClock = field(default_factory=FakeClock)
    claims: dict[tuple[str, int], int] = field(default_factory=dict)  # attempt -> which act it is
    stops: list[bool] = field(default_factory=list)  # the pod was asked to stop (terminate?)
    done: list[c.Command] = field(default_factory=list)
    fail: dict[type, e.Event] = field(default_factory=dict)  # a step that ends otherwise

    @property
    def begun(self):
        return list(self.claims)


class DyingJournal:
    """A journal whose agent dies right after writing line ``after``, or instead of it (None: never)."""

    def __init__(self, inner, after=None, *, instead=False):
        self.inner = inner
        self.left = after
        self.instead = instead

    def write(self, job, entry):
        if self.left is not None:
            self.left -= 1
        dies = self.left is not None and self.left <= 0
        if not (dies and self.instead):
            self.inner.write(job, entry)
        if dies:
            raise Died


class FakeEffects:
    """Commands have their effect at once, in the world; events go back into the mailbox."""

    def __init__(self, world, opening, post):
        self.world = world
        self.opening = opening
        self.post = post
        self.alive = None

    def do(self, command):  # noqa: C901, PLR0912 - one arm for each command
        world = self.world
        world.done.append(command)
        if type(command) in world.fail:
            self.post(world.fail[type(command)])
            return
        match command:
            case c.Open(spec, order):
                self.opening.accept(spec, order)
                self.post(self.opening.order(spec, order))
            case c.Sync(_):
                self.post(e.Synced("c0ffee"))
            case c.Install(_):
                self.post(e.Installed())
            case c.Restore(job):
                at = job.checkpoint
                self.post(e.Restored(at.path if at else None, at.step if at else None, at))
            case c.StartAttempt(job, number):
                key = (job.run, number)
                if key not in world.claims:  # O_EXCL
                    world.claims[key] = len(world.claims)
                self._follow(key)
            case c.FindAttempt(job, number):
                key = (job.run, number)
                if key in world.claims:
                    self._follow(key)
                else:
                    self.post(e.AttemptUnclaimed(number))
            case c.CancelAttempt() | c.HurryAttempt():
                if self.alive is not None:
                    self._end(ended(143, signal="TERM", reason="signalled", cancelled=True), None)
            case c.CancelStep():
                self.post(e.StepCancelled(phase=command_phase(world.done)))
            case c.Drain(_):
                self.post(e.Drained())
            case c.StopPod(terminate, _):
                world.stops.append(terminate)

    def _follow(self, key):
        act = self.world.acts[min(self.world.claims[key], len(self.world.acts) - 1)]
        self.alive = key
        self.post(e.AttemptStarted(key[1], 100 + key[1], self.world.clock.now()))
        if act.lasts:
            return
        place = (
            CheckpointPlace("/w/ckpt", act.step, 1, self.world.clock.now()) if act.step is not None else None
        )
        if place is not None:
            self.post(e.BecameWhole(place))
        self._end(act.ended, place)

    def _end(self, how, place):
        key, self.alive = self.alive, None
        self.post(e.AttemptEnded(key[1], how, place))


def command_phase(done):
    phases = {c.Sync: Phase.SYNCING, c.Install: Phase.INSTALLING, c.Restore: Phase.RESTORING}
    return next(phases[type(command)] for command in reversed(done) if type(command) in phases)


class Lifetime:
    """One agent: real machine, real folders, real opening; a mailbox that is emptied by hand."""

    def __init__(
        self,
        world,
        job=None,
        *,
        order=None,
        dies_after=None,
        instead=False,
        hostname="h1",
        mistakes=None,
        quill=None,
    ):
        self.world = world
        (world.root / "run").mkdir(parents=True, exist_ok=True)
        settings = Settings(
            pod_id="pod-a",
            hostname=hostname,
            workspace=world.root / "ws",
            disk_dir=world.root / "disk",
            run_dir=world.root / "run",
            order=order,
            job=job,
            mistakes=mistakes,
        )
        quill = quill or Scribe()
        folders = Folders(settings.workspace, settings.disk_dir, quill)
        self.folders = folders
        records = PodRecords(settings.disk_dir, settings.workspace / ".podkeep/pods/pod-a.json", quill)
        self.opening = Opening(settings, folders, records, world.clock, on_boot=self._booted)
        self.journal = DyingJournal(FileJournal(folders), dies_after, instead=instead)
        self.effects = FakeEffects(world, self.opening, self._post)
        facts = PodFacts(version="test", pod="pod-a")
        self.supervisor = Supervisor(
            folders, self.journal, self.effects, world.clock, facts=facts, rest=Rest(settings.run_dir)
        )

    def _booted(self, boot, _deadline):
        self.supervisor.update(lambda facts: replace(facts, boot=boot.id))

    def _post(self, event):
        self.supervisor.post(event)

    def begin(self):
        """Open the boot and the order that stands, then work until nothing happens any more."""
        self.supervisor.post(self.opening.first())
        self.pump()
        return self

    def pump(self, *, timers=True):
        """Take what is in the mailbox, and let time pass to the next pause's end; brakes are left alone."""
        while self.supervisor.exit is None:
            try:
                letter = self.supervisor._mailbox.get_nowait()
            except queue.Empty:
                if not timers or not self._skip_pause():
                    return self
                continue
            self.supervisor.turn(letter)
        return self

    def _skip_pause(self):
        waiting = [
            at for at, _, event in self.supervisor._timers if isinstance(event, e.PauseOver | e.Settle)
        ]
        if not waiting or self.supervisor.state.next_attempt_at is None:
            return False
        self.world.clock.advance(max(0.0, min(waiting) - self.world.clock.monotonic()))
        self.supervisor.turn(None)
        return True

    def say(self, event):
        """Something happens."""
        self.supervisor.post(event)
        return self.pump()

    def ask(self, ask):
        """Somebody asks; the verdict."""
        verdicts = []
        self.supervisor._mailbox.put(Letter(ask, verdicts.append))
        self.pump()
        return verdicts[0]

    def later(self, seconds):
        """So much time passes."""
        self.world.clock.advance(seconds)
        self.supervisor.turn(None)
        return self.pump()

    @property
    def status(self):
        return self.supervisor.snapshot()

    def journal_kinds(self, job):
        path = self.folders.of(job).path / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]


def new_boot(world, job, **kwargs):
    """The pod was stopped and started: the container's disk is new, the host another."""
    marker = world.root / "disk" / "boot.json"
    marker.unlink(missing_ok=True)
    (world.root / "disk" / "deadline.json").unlink(missing_ok=True)
    return Lifetime(world, job, hostname="h2", **kwargs).begin()
