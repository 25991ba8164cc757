"""Checkpoints at their real length, 10 GB and in the layout of a 7B model: true headers and ends, holes for weights."""

from __future__ import annotations

import functools
import json
import os
import pickle
import struct

from tests.agent.checkpoint_files import sparse_trainer, sparse_zip, torch_zip
from tests.agent.checkpoint_samples import hdf5, manifest
from tests.agent.pickled_classes import Storage, dcp_metadata, dumps, named

GIGABYTE = 1 << 30
WHOLE = 10 * GIGABYTE
LAYERS = 32
TENSORS = [
    f"model.layers.{n}.{part}"
    for n in range(LAYERS)
    for part in ("q", "k", "v", "o", "up", "gate", "down", "a", "b")
]
RANKS = {f"__{rank}_0.distcp": WHOLE // 8 for rank in range(8)}
END = b"w" * 8192  # zeros at the very end look like what a crash leaves


def stretched(path, head, length, tail=END):
    """A file of this length: its head, a hole, its tail."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head)
        file.truncate(length)
        file.seek(length - len(tail))
        file.write(tail)
    return path


def safetensors(path, length, names=TENSORS):
    each = length // len(names) // 4 * 4
    header = json.dumps(
        {
            name: {"dtype": "BF16", "shape": [each // 2], "data_offsets": [n * each, (n + 1) * each]}
            for n, name in enumerate(names)
        }
    ).encode()
    return stretched(path, struct.pack("<Q", len(header)) + header, 8 + len(header) + each * len(names))


def shards(path, step):
    """A folder of a Llama's shards, with their index, and torch's optimizer beside them."""
    names = [f"model-{n:05}-of-00003.safetensors" for n in (1, 2, 3)]
    for name in names:
        safetensors(path / name, WHOLE // 6)
    index = {"weight_map": {name: names[n % 3] for n, name in enumerate(TENSORS)}}
    (path / "model.safetensors.index.json").write_text(json.dumps(index))


def accelerate(folder, step):
    path = folder / f"checkpoint_{step}"
    shards(path, step)
    sparse_zip(path / "optimizer.bin", WHOLE // 2)
    for name in ("scheduler.bin", "random_states_0.pkl"):
        (path / name).write_bytes(torch_zip({"a": 1}))


def other_folder(folder, step):
    shards(folder / f"step_{step}", step)
    sparse_zip(folder / f"step_{step}/optimizer.pt", WHOLE // 2)


@functools.cache
def metadata(last):
    return dcp_metadata(RANKS, 3 * len(TENSORS), last, saved="/workspace/out/step-#######")


def distributed(folder, step):
    """Eight processes, each with a piece of every tensor and of its two moments: 7,000 pieces."""
    path = folder / f"step-{step}"
    tail = torch_zip({}, END)  # torch saves each piece as a zip
    for name, length in RANKS.items():
        stretched(path / name, b"", length, tail)
    (path / ".metadata").write_bytes(metadata(len(tail)).replace(b"#######", b"%07d" % step))


def deepspeed(folder, step):
    path = folder / f"global_step{step}"
    told = {"optimizer": None, "global_steps": step, "dp_world_size": 8, "mp_world_size": 1}
    path.mkdir(parents=True)
    (path / "mp_rank_00_model_states.pt").write_bytes(torch_zip(told))
    for rank in range(8):
        sparse_zip(path / f"bf16_zero_pp_rank_{rank}_mp_rank_00_optim_states.pt", WHOLE // 8)


def old_torch(folder, step):
    kind = named("torch", "FloatStorage")
    count = (WHOLE - 4096) // len(TENSORS) // 4
    value = {name: Storage(("storage", kind, name, "cpu", count, None)) for name in TENSORS}
    head = b"".join(
        dumps(one) for one in (0x1950A86A20F9469CFC6C, 1001, {}, {"step": step, **value}, TENSORS)
    )
    path = stretched(folder / f"ckpt-{step}.pth", head, len(head) + len(TENSORS) * (8 + 4 * count))
    with path.open("r+b") as file:
        for number in range(len(TENSORS)):
            file.seek(len(head) + number * (8 + 4 * count))
            file.write(struct.pack("<q", count))


def numpy_array(folder, step):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2684354560,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    stretched(folder / f"ckpt-{step}.npy", head, len(head) + WHOLE)


def hdf(folder, step):
    head = bytearray(hdf5()[:2048])
    struct.pack_into("<Q", head, 40, WHOLE)
    stretched(folder / f"ckpt-{step}.weights.h5", bytes(head), WHOLE)


def pickled(folder, step):
    """Two arrays as bytes, as numpy's lie in a pickle of protocol 5."""
    head = b"\x80\x05" + pickle.dumps({"step": step}, 2)[2:-1] + b"\x8c\x01w\x8e"
    length = WHOLE - len(head) - 8
    stretched(folder / f"ckpt-{step}.pkl", head + struct.pack("<Q", length - 2), WHOLE, END + b"s.")


def flax(folder, step):
    """A map of as many arrays as the model has tensors; a long one is cut into pieces below 2 GB."""
    each = (WHOLE - 65536) // len(TENSORS)
    path = folder / f"checkpoint_{step}"
    head = b"\x82\xa4step\xce" + struct.pack(">I", step) + b"\xa6params\xde" + struct.pack(">H", len(TENSORS))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(head)
        for name in TENSORS:
            file.write(b"\xd9" + bytes([len(name)]) + name.encode() + b"\xc6" + struct.pack(">I", each))
            file.seek(each - len(END), os.SEEK_CUR)
            file.write(END)


def orbax(folder, step):
    path = folder / str(step)
    for number in range(24):
        stretched(path / f"default/d/{number:032x}", b"", WHOLE // 24)
    (path / "default/manifest.ocdbt").write_bytes(manifest())
    (path / "default/_METADATA").write_text("{}")
    (path / "_CHECKPOINT_METADATA").write_text('{"commit_timestamp_nsecs": 2}')


def one_zip(name):
    return lambda folder, step: sparse_zip(folder / name.replace("#", str(step)), WHOLE)


SPARSE = {
    "Hugging Face Trainer": lambda folder, step: sparse_trainer(folder / f"checkpoint-{step}", step),
    "Accelerate": accelerate,
    "torch.distributed.checkpoint": distributed,
    "DeepSpeed": deepspeed,
    "any other folder": other_folder,
    "orbax (JAX)": orbax,
    "torch.save": one_zip("ckpt-#.pt"),
    "torch.save before 1.6": old_torch,
    "safetensors": lambda folder, step: safetensors(folder / f"step-{step}.safetensors", WHOLE),
    "numpy.savez": one_zip("ckpt-#.npz"),
    "numpy.save": numpy_array,
    "Keras": one_zip("ckpt-#.keras"),
    "HDF5, Keras weights": hdf,
    "pickle": pickled,
    "MessagePack (flax)": flax,
}
