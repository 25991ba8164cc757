"""A running job in virtual time under the real watch of the stall brake: spells of how it is, and when it acts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pod_agent.pod.stall import gpus
from pod_agent.pod.stall.raw import GpuLook, Raw, Task
from pod_agent.pod.stall.subject import Subject
from pod_agent.pod.stall.watch import Watch, pause
from pod_agent.pod.vitals.sample import Gpu, GpuReport, Gpus
from tests.fakes.clock import FakeClock

HERTZ = 100


def card(use, watts=None, limit=400.0, fault=None):
    return Gpu(0, utilization=use, power_watts=watts, power_limit_watts=limit, fault=fault)


def seen(*cards):
    return GpuReport(Gpus.SEEN, cards)


NO_GPU = GpuReport(Gpus.ABSENT)
DRIVER_SILENT = GpuReport(Gpus.UNKNOWN, words="the driver does not answer")
WORKS, RESTS, SPINS = seen(card(0.97, 380)), seen(card(0.0, 60)), seen(card(1.0, 92))


@dataclass(frozen=True)
class Spell:
    """For so many minutes the job is so. ``cores``: of its busiest process; ``others``: of ten more, each.

    ``steps``, ``logs``, ``writes``: whether that goes on; ``away``: nobody looks; ``full``: the log's disk is.
    """

    minutes: float
    cores: float | None = 0.0
    steps: bool | None = None
    logs: bool = False
    writes: float = 0.0
    touches: bool = False
    gpu: GpuReport = NO_GPU
    others: float = 0.0
    hung: bool = False
    unreadable: bool = False
    full: bool = False
    stuck: bool = False
    away: bool = False
    attempt: int = 1
    stops_looking: bool = False


class StallPod:
    """Counters that grow as the spells say; ``acted`` is the minute in which the watch acted, and what it said."""

    def __init__(self, folder, minutes=60.0, *, keeps=False):
        self.folder = Path(folder)
        self.minutes = minutes
        self.keeps = keeps  # on the disk, for the next agent
        self.clock = FakeClock()
        self.began = self.clock.monotonic()
        self.spell = Spell(0)
        self.counts = {"step": 0, "log": 0, "moved": 0, "tree": 0, "ticks": 0.0, "other": 0.0}
        self.acted = None
        self.statuses = []
        self.new_agent()

    def new_agent(self):
        self.watch = Watch(
            self.folder,
            self.clock,
            self,
            boot=lambda: "b1" if self.keeps else None,
            subject=self.subject,
            publish=self.statuses.append,
            act=self.act,
            hold_s=360.0,
        )

    def subject(self):
        if self.spell.stops_looking:
            return None
        place = self.folder
        step = None if self.spell.steps is None else str(self.counts["step"])
        attempt = self.spell.attempt
        return Subject(f"r-{attempt}", attempt, 7, 6, place, place, place, self.minutes, step)

    def act(self, _subject, reason):
        if self.acted is None:
            self.acted = ((self.clock.monotonic() - self.began) / 60, reason)

    def look(self, subject, before, mono, *, is_deep):
        """As ``Sources`` does it."""
        spell, counts = self.spell, self.counts
        others = tuple(Task(20 + n, 1, "worker", "S", int(counts["other"]), 0) for n in range(10))
        mine = Task(7, 1, "python", "D" if spell.stuck else "S", int(counts["ticks"]), counts["moved"])
        tasks = None if spell.cores is None else (mine, *(others if spell.others else ()))
        hidden = spell.hung or spell.unreadable
        return Raw(
            at=mono,
            step=subject.step,
            log=None if hidden else counts["log"],
            is_log_hung=spell.hung,
            tasks=tasks,
            ticks=int(counts["ticks"] + 10 * counts["other"]),
            places=None,
            tree=counts["tree"] if is_deep else before.tree if before is not None else None,
            gpu=GpuLook() if spell.gpu is None else gpus.read([spell.gpu]),
            waiting=4096 if spell.full else 0,
            ticks_per_s=HERTZ,
        )

    def play(self, *spells):
        """Until a stall, or the script ends."""
        for spell in spells:
            self.spell = spell
            until = self.clock.monotonic() + spell.minutes * 60
            while self.clock.monotonic() < until - 0.001 and self.acted is None:
                self._pass(min(pause(self.minutes), until - self.clock.monotonic()))
                if not spell.away:
                    self.watch.look(self.subject())
        return self

    def _pass(self, seconds):
        spell, counts = self.spell, self.counts
        self.clock.advance(seconds)
        counts["step"] += bool(spell.steps)
        counts["log"] += 100 * spell.logs
        counts["moved"] += int(spell.writes * seconds)
        counts["tree"] += spell.touches
        counts["ticks"] += (spell.cores or 0.0) * seconds * HERTZ
        counts["other"] += spell.others * seconds * HERTZ
