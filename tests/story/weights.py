"""The tensors of a file of weights by name, as bytes: what two runs are compared by. Torch is only imported for .pt."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def tensors(path: Path) -> dict[str, bytes]:
    """Name, kind, shape and bytes of each."""
    loaders = {".npz": _numpy, ".npy": _numpy, ".safetensors": _safetensors}
    arrays = loaders.get(path.suffix, _torch)(path)
    return {f"{name} {value.dtype} {value.shape}": value.tobytes() for name, value in sorted(arrays.items())}


def _numpy(path):
    import numpy as np  # noqa: PLC0415 - only where this kind is met

    found = np.load(path)
    return {"": found} if path.suffix == ".npy" else {name: found[name] for name in found.files}


def _safetensors(path):
    from safetensors.numpy import load_file  # noqa: PLC0415

    return load_file(path)


def _torch(path):
    import torch  # noqa: PLC0415

    return {name: value.numpy() for name, value in torch.load(path, weights_only=True).items()}
