"""Checkpoints whose names podkeep would pass over when it looks by itself, and the glob that names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.init.resume.from_origins import saved

if TYPE_CHECKING:
    from pod_client.init.program import Program

# What the agent looks at without being told; a test holds it to the agent's own list.
LOOKED_AT = (
    ".ckpt", ".distcp", ".h5", ".hdf5", ".joblib", ".json", ".keras", ".msgpack", ".npy", ".npz", ".pickle", ".pkl",
    ".pt", ".pth", ".safetensors", ".bz2", ".gz", ".lzma", ".xz", ".z",
)  # fmt: skip
_OTHER = (".txt", ".csv", ".png", ".jpg", ".log", ".tmp", ".py", ".yaml", ".yml", ".md", ".tfevents")
_LEAST = 3  # letters that a name has to have besides its number


def unseen_checkpoints(program: Program) -> str | None:
    """A glob for numbered files of another ending, where the program saves no others."""
    names = sorted({name for found in saved(program) for name in found.files if "*" in name})
    if any(name.endswith(LOOKED_AT) for name in names):
        return None
    fitting = [name for name in names if not name.endswith(_OTHER) and _letters(name) >= _LEAST]
    return f"**/{fitting[0]}" if len(fitting) == 1 else None


def _letters(name: str) -> int:
    return sum(letter.isalpha() for letter in name.rpartition(".")[0])
