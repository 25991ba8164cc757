"""The torch rule in words: the image's torch is used where it satisfies the pins, else the pin wins and is said.

Not here: what makes it so (pip sees the image's packages; ``locked`` for the lock files).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.environment import distributions

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.interpreter import Interpreter

_WITH_IT = ("torch-", "nvidia_", "triton-", "pytorch_triton")


def note(place: Path, python: Interpreter, seconds: float, *, apart: bool) -> tuple[str, ...]:
    """The warning about a second torch, with what it cost; nothing where the image's is used.

    ``apart``: the environment has a Python of its own, which cannot see the image's torch.
    """
    found = sorted(place.glob("lib/python*/site-packages/torch-*.dist-info"))
    if not found or not python.torch:
        return ()
    mine = found[-1].name.removesuffix(".dist-info").removeprefix("torch-")
    parts = [info for info in found[-1].parent.glob("*.dist-info") if info.name.startswith(_WITH_IT)]
    size = sum(distributions.size(info) for info in parts)
    why = "cannot be seen by another Python" if apart else "does not satisfy what is asked for"
    cost = f"{size / 1e6:.0f} MB; the installing took {seconds:.0f} s"
    return (f"the image's torch {python.torch} {why}: torch {mine} was installed beside it ({cost})",)
