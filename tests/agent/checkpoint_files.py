"""Real checkpoint files made without torch or numpy: the bytes those libraries write, by hand."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile


def torch_zip(value, weights=b"w" * 1000):
    """What torch.save writes: a stored zip whose first entry is the pickle."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("archive/data.pkl", pickle.dumps(value, protocol=2))
        file.writestr("archive/data/0", weights)
        file.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def numpy_zip(step, extra=b"w" * 1000):
    """What numpy.savez writes, with a scalar ``step``."""
    header = b"{'descr': '<i8', 'fortran_order': False, 'shape': (), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + struct.pack("<q", step)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        file.writestr("w.npy", extra)
        file.writestr("step.npy", array)
    return buffer.getvalue()


def safetensors_head(length):
    """The header of a file with ``length`` bytes of weights."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [length // 4], "data_offsets": [0, length]}}).encode()
    return struct.pack("<Q", len(header)) + header


def safetensors(length=1000):
    return safetensors_head(length) + b"w" * length


def trainer(folder, step, *, shards=0, state_step=None):
    """A checkpoint folder as Hugging Face's Trainer writes it, its state last."""
    folder.mkdir(parents=True)
    if shards:
        names = [f"model-{number:05}-of-{shards:05}.safetensors" for number in range(1, shards + 1)]
        for name in names:
            (folder / name).write_bytes(safetensors())
        index = {"metadata": {}, "weight_map": {f"w{n}": name for n, name in enumerate(names)}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    else:
        (folder / "model.safetensors").write_bytes(safetensors())
    (folder / "merges.txt").write_text("a b\n")
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"):
        (folder / name).write_bytes(torch_zip({"a": 1}))
    state = {"epoch": 1.0, "global_step": step if state_step is None else state_step, "log_history": []}
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=2))
    return folder


def sparse_trainer(folder, step, gigabytes=10):
    """The same at its real length: holes instead of weights, true headers and ends."""
    folder.mkdir(parents=True)
    length = gigabytes << 29  # half in two shards, half in the optimizer
    names = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    for name in names:
        half = length // 2
        tensors = {
            f"model.layers.{n}.mlp.weight": {
                "dtype": "F32",
                "shape": [half // 1600],
                "data_offsets": [n * (half // 400), (n + 1) * (half // 400)],
            }
            for n in range(400)
        }
        header = json.dumps(tensors).encode()
        with (folder / name).open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.truncate(8 + len(header) + 400 * (half // 400))
            file.seek(-8192, os.SEEK_END)  # zeros at the very end look like what a crash leaves
            file.write(b"w" * 8192)
    index = {"weight_map": {f"model.layers.{n}.weight": names[n // 400] for n in range(800)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    sparse_zip(folder / "optimizer.pt", length)
    for name in ("scheduler.pt", "rng_state.pth", "training_args.bin"):
        (folder / name).write_bytes(torch_zip({"a": 1}))
    state = {"global_step": step, "log_history": [{"loss": 1.0, "step": n} for n in range(500)]}
    (folder / "trainer_state.json").write_text(json.dumps(state, indent=2))


def sparse_zip(path, length):
    """One stored entry of zeros with a zip64 end, as it is beyond 4 GB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    listed = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 45, 45, *[0] * 4, 0, 0, 0, 1, *[0] * 6) + b"a"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04" + bytes(26) + b"a")
        file.truncate(length)
        file.seek(length)
        file.write(listed)
        at = length + len(listed)
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, len(listed), length))
        file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), 0xFFFFFFFF, 0))
