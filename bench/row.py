"""One row of the table: which figure of which bench, beside whom, within which budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One row. ``limit`` is what ours must not exceed, or, ``at_least``, must reach; of it and a rival where given."""

    what: str
    bench: str
    figure: str
    unit: str
    budget: str = "-"
    limit: float | None = None
    at_least: bool = False
    times: str = ""  # the limit counts in this rival's figure
    who: str = "podkeep"
    others: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=dict)
    show: Callable[[float], str] = lambda value: f"{value:g}"
    how: str = ""
    note: str = ""

    def value(self, lines: Sequence[Figures], who: str) -> float | None:
        """This row's figure of somebody, or None where it did not run."""
        for line in lines:
            fits = line["bench"] == self.bench and line.get("who") == who and self.figure in line
            if fits and all(line.get(name) == wanted for name, wanted in self.where.items()):
                return float(line[self.figure])
        return None

    def ours(self, lines: Sequence[Figures]) -> str:
        value = self.value(lines, self.who)
        return "did not run" if value is None else f"{self.show(value)} {self.unit}".strip()

    def rivals(self, lines: Sequence[Figures]) -> list[str]:
        found = [(who, self.value(lines, who)) for who in self.others]
        return [f"{who} {self.show(value)} {self.unit}" for who, value in found if value is not None]

    def ratios(self, lines: Sequence[Figures]) -> list[str]:
        mine = self.value(lines, self.who)
        found = [(who, self.value(lines, who)) for who in self.others]
        if mine is None:
            return []
        return [f"{mine / value:.2g} x {who}" for who, value in found if value]

    def is_met(self, lines: Sequence[Figures]) -> bool | None:
        mine = self.value(lines, self.who)
        if self.limit is None:
            return None
        theirs = self.value(lines, self.times) if self.times else 1.0
        if mine is None or theirs is None:
            return None
        return mine >= self.limit * theirs if self.at_least else mine <= self.limit * theirs
