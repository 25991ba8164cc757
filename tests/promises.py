"""What docs/outcomes.md promises, as rows: tests of the agent hold it to them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "outcomes.md"
PROGRAMS = "What a program does, and how its job ends"
OTHERS = "What else may happen"
WARNING = "a warning: "


@dataclass(frozen=True, slots=True)
class Promise:
    """One row. ``reason``, ``remedy`` and ``warning`` are part of what is said."""

    cause: str
    outcome: str
    reason: str
    remedy: str
    warning: str

    def assert_kept_by(self, job: dict[str, object]) -> None:
        """``job`` is a job's part of a status."""
        assert job["outcome"] == self.outcome, job
        assert self.reason in str(job["reason"]), job
        assert self.remedy in str(job["remedy"] or ""), job
        assert bool(job["remedy"]) == bool(self.remedy), job
        assert self.warning in " ".join(job["warnings"]), job
        if self.outcome == "succeeded" and not self.warning:
            assert job["warnings"] == [], job


def _promise(cause: str, outcome: str, reason: str, remedy: str) -> Promise:
    warning = remedy.removeprefix(WARNING) if remedy.startswith(WARNING) else ""
    return Promise(cause, outcome, reason, "" if warning or remedy == "-" else remedy, warning)


def by_program() -> dict[str, Promise]:
    """Each program's promise, by its file name."""
    return {row[0]: _promise(*row[1:]) for row in rows(PROGRAMS)}


def by_cause() -> dict[str, Promise]:
    """Every other promise, by its cause."""
    return {row[0]: _promise(*row) for row in rows(OTHERS)}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = PAGE.read_text("utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]
