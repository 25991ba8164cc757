"""Readings made of looks at the pod: rates of what counts up, and what has changed between them. Pure.

A rate counts as busy only where it is so since the last look and over two minutes: editors and daemons that stir for a
moment are no work. Not here: the signals themselves (``of_machine``, ``of_people``), nor how long they hold (``fold``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.idle import of_machine, of_people
from pod_agent.pod.idle.raw import UNREAD
from pod_agent.pod.idle.signs import Reading, Sample, State
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.idle.raw import Raw

LEAST_S = 0.5  # two looks that are nearer tell no rate
SPAN_S = 120.0
MARK_S = 30.0


@dataclass(frozen=True, slots=True)
class Looks:
    """The last look, and a few earlier ones, the first of which is about two minutes old."""

    last: Raw | None = None
    marks: tuple[Raw, ...] = ()

    @property
    def can_tell_rates(self) -> bool:
        return len(self.marks) > 1 or (bool(self.marks) and self.last is not self.marks[0])

    def then(self, now: Raw) -> Looks:
        if self.last is not None and now.at - self.last.at < LEAST_S:
            return self
        marks = self.marks
        while len(marks) > 1 and now.at - marks[1].at >= SPAN_S:
            marks = marks[1:]
        if not marks or now.at - marks[-1].at >= MARK_S:
            marks = (*marks, now)
        return Looks(now, marks)


def sample(looks: Looks, now: Raw) -> Sample:
    """What the newest look says, with earlier ones to compare it to. A first look tells no rates."""
    readings = [of_people.notebooks(now)]
    if now.gpus is not UNREAD:
        readings.append(of_machine.gpus(now))
    last = looks.last
    if last is None:
        readings += of_people.first_terminals(now)
    elif now.at - last.at >= LEAST_S:
        since, over = _between(last, now), _between(looks.marks[0], now)
        readings += [_steady(one, other) for one, other in zip(since, over, strict=True)]
    return Sample(now.at, now.is_resting, tuple(readings), is_whole=last is not None)


def _between(before: Raw, now: Raw) -> list[Reading]:
    return [
        *of_machine.processes(before, now),
        of_machine.network(before, now),
        of_people.ssh(before, now),
        of_people.services(before, now),
    ]


def _steady(since: Reading, over: Reading) -> Reading:
    """What was busy for a moment only is told as it is over two minutes."""
    return over if since.state is State.BUSY and over.state is State.IDLE else since
