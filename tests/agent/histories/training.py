"""Trainings as a pod has them: claimed once in a container, alive beside any agent, ended as the dice fell.

Not here: the keeper, which is real elsewhere (test_keeper), and what the agent makes of an end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pod_agent.run.attempt import Ended
from pod_wire.status import CheckpointPlace
from tests.agent.histories.strands import Time

GRACE_S, HURRY_S = 38.0, 2.0  # POD_SIGNAL, patience, KILL, leftovers


@dataclass(frozen=True, slots=True)
class Fate:
    """How one attempt goes. ``lasts_s`` None: until it is ended. ``obeys_s``: after the signal; None: not at all."""

    lasts_s: float | None
    code: int | None = 0
    signal: str | None = None
    gains: bool = False  # a newer whole checkpoint
    obeys_s: float | None = 1.0

    def words(self) -> str:
        last = "for ever" if self.lasts_s is None else f"{self.lasts_s:.0f} s"
        stubborn = "" if self.obeys_s == 1.0 else f", heeds its signal after {self.obeys_s}"
        return f"{last}, exit {self.code}{' with a checkpoint' if self.gains else ''}{stubborn}"


@dataclass
class Training:
    """``heard`` is told the end by whoever follows it now."""

    time: Time
    job: str
    order: str
    number: int
    pid: int
    fate: Fate
    now: Callable[[], float]
    ended: Ended | None = None
    place: CheckpointPlace | None = None
    is_asked: bool = False
    over_at: float | None = None  # by the true time
    heard: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_alive(self) -> bool:
        return self.ended is None

    def begin(self) -> None:
        if self.fate.lasts_s is not None:
            self.time.later(self.fate.lasts_s, lambda: self.over(self.fate.code, self.fate.signal))

    def ask(self, patience_s: float, *, taken: bool = False) -> None:
        """The signal; KILL when patience is over. One that hangs in the kernel heeds neither."""
        self.is_asked = True
        if self.fate.obeys_s is None:
            return
        wait = min(self.fate.obeys_s, patience_s)
        self.time.later(wait, lambda: self.over(143, "TERM", cancelled=True, taken=taken))

    def over(self, code: int | None, signal: str | None, *, cancelled: bool = False, taken: bool = False):
        if self.ended is not None:
            return
        self.over_at = self.time.t
        reason = "unknown" if code is None else "signalled" if signal else "exited"
        if self.fate.gains:
            self.place = CheckpointPlace(f"/w/{self.pid}", self.pid, 1, self.now())
        self.ended = Ended(
            code, signal, reason, cancelled=cancelled, output_bytes=10, ended_at=self.now(), taken=taken
        )
        heard, self.heard = self.heard, []
        for tell in heard:
            tell()
