"""The torch rule: the image's torch is used as it is where it satisfies the pins, else the pin wins and is said."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.interpreter import Interpreter

_WITH_IT = ("torch-", "nvidia_", "triton-", "pytorch_triton")


def note(place: Path, python: Interpreter, seconds: float) -> tuple[str, ...]:
    """The warning about a second torch, with what it cost; nothing where the image's is used."""
    found = sorted(place.glob("lib/python*/site-packages/torch-*.dist-info"))
    if not found or not python.torch:
        return ()
    mine = found[-1].name.removesuffix(".dist-info").removeprefix("torch-")
    size = sum(_size(info) for info in found[-1].parent.glob("*.dist-info") if info.name.startswith(_WITH_IT))
    said = (
        f"the image's torch {python.torch} does not satisfy what is asked for: torch {mine} was installed"
        f" beside it ({size / 1e6:.0f} MB; the installing took {seconds:.0f} s)"
    )
    return (said,)


def _size(info: Path) -> int:
    """What a package takes on the disk, by its own record."""
    try:
        with (info / "RECORD").open(encoding="utf-8", newline="") as record:
            return sum(int(row[2]) for row in csv.reader(record) if len(row) > 2 and row[2].isdigit())  # noqa: PLR2004
    except (OSError, ValueError, csv.Error):
        return 0
