"""What a check says: fine, a warning, or a failure, with the reason and the remedy in plain words. Values only."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

GB = 1_000_000_000.0


class Level(StrEnum):
    """How bad it is."""

    FINE = "fine"
    NOTE = "note"  # worth a line in the log
    WARNING = "warning"  # the training begins, and the status says so
    FAILURE = "failure"  # it would be paid for and come to nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's verdict."""

    level: Level = Level.FINE
    reason: str = ""
    remedy: str = ""
    ends_pod: bool = False  # the pod lacks what it is paid for: no exit policy keeps it

    @property
    def text(self) -> str:
        """Both in one line, for a warning."""
        return f"{self.reason} ({self.remedy})" if self.remedy else self.reason


FINE = Finding()


def note(reason: str) -> Finding:
    return Finding(Level.NOTE, reason)


def warning(reason: str, remedy: str = "") -> Finding:
    return Finding(Level.WARNING, reason, remedy)


def failure(reason: str, remedy: str = "", *, ends_pod: bool = False) -> Finding:
    return Finding(Level.FAILURE, reason, remedy, ends_pod)


def warnings(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What the status says; each once."""
    return tuple(dict.fromkeys(one.text for one in findings if one.level is Level.WARNING))


def texts(findings: Iterable[Finding]) -> tuple[str, ...]:
    """What the log says before a training begins all the same."""
    words = (f"warning: {one.text}" if one.level is Level.WARNING else one.text for one in findings)
    return tuple(dict.fromkeys(word for word in words if word))


def failed(findings: Iterable[Finding]) -> Finding | None:
    """All failures as one, with the first one's remedy; None when there is none."""
    bad = [one for one in findings if one.level is Level.FAILURE]
    if not bad:
        return None
    reasons = "; ".join(dict.fromkeys(one.reason for one in bad))
    return failure(reasons, bad[0].remedy, ends_pod=any(one.ends_pod for one in bad))


def size(count: float) -> str:
    """Bytes as a person reads them."""
    return f"{count / GB:.1f} GB" if count >= GB else f"{count / (GB / 1000):.0f} MB"
