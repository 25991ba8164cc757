"""Which packages of a lock file the image brings already: those are not installed a second time.

A lock names exact versions, so the question needs no resolver. Not here: reading the lock files (their kinds do).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock file; names are canonical."""

    name: str
    version: str
    needs: tuple[str, ...] = ()


def of_the_image(packages: Iterable[Locked], roots: Iterable[str], image: Mapping[str, str]) -> set[str]:
    """The names to leave to the image.

    What it has at the very version of the lock; and where torch is so, also what only torch needs: the image's torch
    brings its own CUDA libraries.
    """
    known = list(packages)
    kept = {one.name for one in known if _satisfies(image.get(one.name), one.version)}
    forks = {one.name for one in known if sum(other.name == one.name for other in known) > 1}
    kept -= forks  # several versions, chosen by markers: the installer's to decide
    if TORCH in kept:
        kept |= {one.name for one in known} - _reached(known, set(roots)) - {TORCH}
    return kept


def _satisfies(has: str | None, pinned: str) -> bool:
    """Whether a version is the pinned one; a pin without a local part (+cu124) takes any."""
    if has is None:
        return False
    return has == pinned or ("+" not in pinned and has.partition("+")[0] == pinned)


def _reached(packages: list[Locked], roots: set[str]) -> set[str]:
    """What is needed without going through torch."""
    needs: dict[str, set[str]] = {}
    for one in packages:
        needs.setdefault(one.name, set()).update(one.needs)
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen and name != TORCH:
            seen.add(name)
            waiting += needs.get(name, ())
    return seen | {TORCH}
