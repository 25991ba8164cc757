"""Pickles that name classes of torch and joblib, written without them: what those libraries leave on the disk."""

from __future__ import annotations

import functools
import io
import os
import pickle
import struct
import uuid
from typing import ClassVar


@functools.cache
def named(module, name):
    """A class that pickles under another module's name."""
    return type(name, (), {"__module__": module, "__qualname__": name, "__slots__": ("__dict__",)})


class _Writer(pickle._Pickler):
    """Writes classes by name without looking whether they are there, and storages as torch refers to them."""

    def save_global(self, obj, name=None):  # noqa: ARG002 - its parent's
        self.write(b"c" + f"{obj.__module__}\n{obj.__qualname__}\n".encode())
        self.memoize(obj)

    def persistent_id(self, obj):
        return getattr(obj, "reference", None) if type(obj).__name__ == "Storage" else None

    dispatch: ClassVar = {**pickle._Pickler.dispatch, type: save_global}


def dumps(value, protocol=2):
    file = io.BytesIO()
    _Writer(file, protocol).dump(value)
    return file.getvalue()


def made(module, name, **state):
    one = named(module, name)()
    one.__dict__.update(state)
    return one


class Size:
    """torch's, of a tensor."""

    def __init__(self, *sides):
        self.sides = sides

    def __reduce__(self):
        return (named("torch", "Size"), (self.sides,))


def dcp_metadata(lengths, pieces=1, last=0, saved="out/step-100"):
    """``.metadata`` of files of these lengths, each filled by as many pieces; ``last`` is the length of the last.

    As torch 2.13 writes it: every tensor's chunks, the place of each, and at the end where it was ``saved``.
    """
    home = "torch.distributed.checkpoint.metadata"
    tensors = {f"model.w{number}": [] for number in range(pieces)}
    stored = {}
    for rank, (file, length) in enumerate(lengths.items()):
        small = length if pieces == 1 else last
        places = [*((length - small) // (pieces - 1) * n for n in range(pieces - 1)), length - small]
        for (name, chunks), at, end in zip(tensors.items(), places, [*places[1:], length], strict=True):
            offset = Size(rank * 512, 0)
            chunks.append(made(home, "ChunkStorageMetadata", offsets=offset, sizes=Size(512, 4096)))
            index = made(home, "MetadataIndex", fqn=name, offset=offset, index=rank)
            place = {"relative_path": file, "offset": at, "length": end - at}
            stored[index] = made("torch.distributed.checkpoint.filesystem", "_StorageInfo", **place)
    state = {
        name: made(home, "TensorStorageMetadata", size=Size(512 * len(lengths), 4096), chunks=chunks)
        for name, chunks in tensors.items()
    }
    meta = made(home, "StorageMeta", checkpoint_id=saved, save_id=str(uuid.uuid4()), load_id=None, modules=[])
    whole = {"state_dict_metadata": state, "planner_data": None, "storage_data": stored, "storage_meta": meta}
    return dumps(made(home, "Metadata", **whole), 4)


class Storage:
    def __init__(self, reference):
        self.reference = reference


def old_torch(step, weights):
    """torch.save before 1.6: five pickles, then the numbers after their count."""
    kind = named("torch", "FloatStorage")
    count = len(weights) // 4
    value = {"step": step, "w": Storage(("storage", kind, "k", "cpu", count, None))}
    out = b"".join(
        dumps(one) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, ["k"])
    )
    return out + struct.pack("<q", count) + weights[: 4 * count]


class Dtype:
    def __reduce__(self):
        return (named("numpy", "dtype"), ("f4", False, True), (3, "<", None, None, None, -1, -1, 0))


def joblib_file(step, weights):
    """joblib.dump: an array's numbers stand in the pickle behind what describes it."""
    count = len(weights) // 4
    head = dumps({"step": step})[:-2]  # without SETITEM and STOP
    wrapper = made(
        "joblib.numpy_pickle",
        "NumpyArrayWrapper",
        shape=(count,),
        order="C",
        dtype=Dtype(),
        allow_mmap=True,
        numpy_array_alignment_bytes=16,
    )
    body = dumps(wrapper)[2:-1]
    return head + b"s" + b"U\x01w" + body + b"\x04" + b"\xff" * 4 + weights[: 4 * count] + b"s."


class Evil:
    """Loading it touches a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return (os.system, (f"touch {self.canary}",))


def evil(canary, protocol):
    return pickle.dumps({"step": 20, "x": Evil(canary)}, protocol)
