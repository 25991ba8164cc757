"""What a service beside the job is, and how long it rests after each end. Values, and one decision over its history.

A service is optional: it never delays the training, and none takes another or the agent down. Not here: processes
(``services_process``), the thread that looks after one (``services_care``), and which there are (``services_table``).
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MOST_LIVES = 32


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a service that ends is begun again; seconds."""

    first_s: float = 1.0
    longest_s: float = 60.0
    rare_s: float = 600.0  # once it has failed, and while it is off
    at_once_s: float = 10.0  # a life shorter than this came to nothing
    span_s: float = 600.0  # ends older than this are forgotten
    at_once: int = 5  # so many of them in a row are a failure
    grace_s: float = 0.7  # from TERM to KILL


USUAL = Patience()


@dataclass(frozen=True, slots=True)
class Lived:
    """One life of a service that is over; monotonic seconds."""

    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Pause:
    """What follows an end."""

    seconds: float
    is_failed: bool


def after(lives: Sequence[Lived], patience: Patience = USUAL) -> Pause:
    """The rest after the last of these lives: longer with each recent end, rare after a row of lives in vain."""
    if not lives:
        return Pause(0.0, is_failed=False)
    in_vain = 0
    for life in reversed(lives):
        if life.ended - life.began >= patience.at_once_s:
            break
        in_vain += 1
    if in_vain >= patience.at_once:
        return Pause(patience.rare_s, is_failed=True)
    last = lives[-1].ended
    recent = sum(last - life.ended <= patience.span_s for life in lives[-MOST_LIVES:])
    return Pause(min(patience.longest_s, patience.first_s * 2.0 ** (recent - 1)), is_failed=False)


@dataclass(frozen=True, slots=True)
class Start:
    """What to run. ``settled`` is all else that it depends on: a predecessor of another making is replaced."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    settled: bytes = b""


@dataclass(frozen=True, slots=True)
class Off:
    """It is not to run here, and why. ``is_expected``: somebody may wonder that it does not."""

    why: str
    is_expected: bool = True


class Service(Protocol):
    """A row of the table. Both calls come from the service's own thread, and may take as long as they need."""

    @property
    def name(self) -> str: ...

    @property
    def remedy(self) -> str:
        """What a person does about one that fails."""

    def prepare(self) -> Start | Off:
        """Before each start. OSError and PodError count as an end of the service."""

    def refresh(self) -> None:
        """Every few seconds, whether it runs or not."""
