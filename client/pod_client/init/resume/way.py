"""A way back into a program, or why there is none; and the protocol of those who look for it. Values only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_client.init.program import Program
    from pod_client.init.source import Place

PUT_BACK = ""  # nothing is added to the command: the program looks for its checkpoint itself


@dataclass(frozen=True, slots=True)
class Way:
    """``text`` is the value of ``resume``; ``weight`` says how sure the recogniser is, 100 being the most."""

    text: str
    reason: str  # one sentence without its full stop
    place: Place
    weight: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A training that cannot go on as it is: why, and what its author could add."""

    reason: str
    place: Place
    remedy: str
    weight: int = 50


class Recogniser(Protocol):
    """One family of frameworks."""

    def __call__(self, program: Program) -> Iterator[Way | Gap]:
        """What is found, in any order; nothing where the program is of another family."""
