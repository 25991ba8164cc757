"""Pickles that name classes of torch and joblib, written without them: what those libraries leave on the disk."""

from __future__ import annotations

import io
import os
import pickle
import struct
from typing import ClassVar


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


def dcp_metadata(lengths, pieces=1, last=0):
    """``.metadata`` of files of these lengths, each filled by as many pieces; ``last`` is the length of the last."""
    home = "torch.distributed.checkpoint"
    stored = {}
    for file, length in lengths.items():
        small = length if pieces == 1 else last
        places = [*((length - small) // (pieces - 1) * n for n in range(pieces - 1)), length - small]
        for number, at in enumerate(places):
            index = made(f"{home}.metadata", "MetadataIndex", fqn=f"model.w{number}", offset=None, index=None)
            size = [*places, length][number + 1] - at
            place = made(f"{home}.filesystem", "_StorageInfo", relative_path=file, offset=at, length=size)
            stored[index] = place
    return dumps(
        made(f"{home}.metadata", "Metadata", state_dict_metadata={}, planner_data=None, storage_data=stored)
    )


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
