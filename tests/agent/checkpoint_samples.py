"""A small whole checkpoint of every format, by hand: the bytes its library writes, without the library.

``SAMPLES`` is the test table: a new format is a file, a line in ``known.py``, and a line here.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.agent.checkpoint_files import numpy_zip, safetensors, torch_zip, trainer
from tests.agent.pickled_classes import dcp_metadata, joblib_file, old_torch

WEIGHTS = bytes(range(1, 256)) * 40  # more than two blocks, and no zeros


@dataclass(frozen=True)
class Sample:
    """``make`` writes the checkpoint of a step below a folder and gives its path."""

    make: Callable[[Path, int], Path]
    form: str
    step_inside: bool = True  # its content tells the step, not only its name
    is_listed: bool = True  # something says which files belong to it; else it has to have been seen whole
    no_length: frozenset[str] = frozenset()  # files, # for the step, of which nothing says how long they are
    no_matter: frozenset[str] = frozenset()  # files of which only that they are there counts


def file(name, data):
    """A format of one file."""

    def make(folder, step):
        path = folder / name.replace("#", str(step))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data(step))
        return path

    return make


def folder(name, files):
    """A format of one folder; its files are written in the order given."""

    def make(top, step):
        path = top / name.replace("#", str(step))
        for inner, data in files.items():
            place = path / inner.replace("#", str(step))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data(step) if callable(data) else data)
        return path

    return make


def weights():
    return safetensors(len(WEIGHTS))


def numpy_array(_step=0):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2550,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + WEIGHTS


def hdf5(version=0):
    """A first block, a first object, and numbers; not readable by HDF5, but as long as it says."""
    end = 2048 + len(WEIGHTS)
    if version == 0:
        head = b"\x89HDF\r\n\x1a\n" + bytes([0, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHL", 4, 16, 0)
        head += struct.pack("<QQQQ", 0, 2**64 - 1, end, 2**64 - 1) + struct.pack("<QQ", 0, 96)
        first = b"\x01\x00"
    else:
        head = (
            b"\x89HDF\r\n\x1a\n"
            + bytes([version, 8, 8, 0])
            + struct.pack("<QQQQ", 0, 2**64 - 1, end, 96)
            + b"sums"
        )
        first = b"OHDR"
    return (head.ljust(96, b"\0") + first).ljust(2048, b"\0") + WEIGHTS


def keras(_step=0):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (("metadata.json", b"{}"), ("config.json", b"{}"), ("model.weights.h5", hdf5())):
            archive.writestr(name, data)
    return buffer.getvalue()


def msgpack(step):
    """``{"step": …, "params": {"w": …}}`` as flax writes it."""
    text = b"\xa4step\xcd" + struct.pack(">H", step) + b"\xa6params\x81\xa1w"
    return b"\x82" + text + b"\xc5" + struct.pack(">H", len(WEIGHTS)) + WEIGHTS


def manifest(_step=0):
    body = b"m" * 200
    return struct.pack(">I", 0x0CDB3A2A) + struct.pack("<Q", 12 + len(body)) + body


def deepspeed(step=0, **more):
    told = {"module": None, "optimizer": None, "global_steps": step, "dp_world_size": 2, "mp_world_size": 1}
    return torch_zip({**told, **more}, WEIGHTS)


def trainers(name, **how):
    return lambda top, step: trainer(top / name.replace("#", str(step)), step, **how)


def inside_trainer(top, step):
    """DeepSpeed and FSDP as they lie inside a Trainer's folder."""
    state = json.dumps({"global_step": step}).encode()
    files = {
        "global_step#/mp_rank_00_model_states.pt": deepspeed,
        "global_step#/zero_pp_rank_0_mp_rank_00_optim_states.pt": deepspeed(),
        "global_step#/zero_pp_rank_1_mp_rank_00_optim_states.pt": deepspeed(),
        "latest": f"global_step{step}".encode(),
        "model.safetensors": weights(),
        "pytorch_model_fsdp_0/__0_0.distcp": torch_zip({}, WEIGHTS),
        "pytorch_model_fsdp_0/.metadata": dcp_metadata({"__0_0.distcp": len(torch_zip({}, WEIGHTS))}),
        "rng_state_0.pth": torch_zip({}),
        "rng_state_1.pth": torch_zip({}),
        "scheduler.pt": torch_zip({}),
        "trainer_state.json": state,
    }
    return folder("checkpoint-#", files)(top, step)


ADAPTER = {
    "adapter_config.json": b"{}",
    "adapter_model.safetensors": weights(),
    "optimizer.pt": torch_zip({}, WEIGHTS),
    "scheduler.pt": torch_zip({}),
    "rng_state.pth": torch_zip({}),
    "training_args.bin": torch_zip({}),
    "trainer_state.json": lambda step: json.dumps({"global_step": step}).encode(),
}
ACCELERATE = {
    "model.safetensors": weights(),
    "optimizer.bin": torch_zip({}, WEIGHTS),
    "scheduler.bin": torch_zip({}),
    "random_states_0.pkl": torch_zip({}),
    "random_states_1.pkl": torch_zip({}),
    "custom_checkpoint_0.pkl": torch_zip({}),
}
SHARDED = {
    "__0_0.distcp": torch_zip({}, WEIGHTS),
    ".metadata": dcp_metadata({"__0_0.distcp": len(torch_zip({}, WEIGHTS))}),
}
ACCELERATE_FSDP = {
    **{f"pytorch_model_fsdp_0/{name}": data for name, data in SHARDED.items()},
    **{f"optimizer_0/{name}": data for name, data in SHARDED.items()},
    "scheduler.bin": torch_zip({}),
    "random_states_0.pkl": torch_zip({}),
    "random_states_1.pkl": torch_zip({}),
}
DCP = {
    "__0_0.distcp": torch_zip({}, WEIGHTS),
    "__1_0.distcp": torch_zip({}, WEIGHTS),
    ".metadata": dcp_metadata(
        {name: len(torch_zip({}, WEIGHTS)) for name in ("__0_0.distcp", "__1_0.distcp")}
    ),
}
SHARDS = {f"model-0000{number}-of-00003.safetensors": weights() for number in (1, 2, 3)}
INDEX = json.dumps({"weight_map": {str(number): name for number, name in enumerate(SHARDS)}}).encode()
ORBAX = {
    "default/_METADATA": b'{"tree_metadata": {}}',
    "default/d/0a1b2c": WEIGHTS,
    "default/manifest.ocdbt": manifest(),
    "default/commit_success.txt": b"committed",
    "_CHECKPOINT_METADATA": b'{"init_timestamp_nsecs": 1, "commit_timestamp_nsecs": 2}',
    "commit_success.txt": b"committed",
}
RANKS = {
    "mp_rank_00_model_states.pt": deepspeed,
    "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt": deepspeed(),
    "bf16_zero_pp_rank_1_mp_rank_00_optim_states.pt": deepspeed(),
}
PIPELINE = {
    "model_index.json": b'{"_class_name": "P", "unet": ["diffusers", "U"], "vae": ["diffusers", "V"], "x": [null]}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": weights(),
    "vae/diffusion_pytorch_model.safetensors": weights(),
}
STATE = {"global_step": 0}

SAMPLES = {
    "trainer": Sample(
        trainers("out/checkpoint-#"), "Hugging Face Trainer", no_length=frozenset({"merges.txt"})
    ),
    "trainer, sharded": Sample(
        trainers("out/checkpoint-#", shards=3), "Hugging Face Trainer", no_length=frozenset({"merges.txt"})
    ),
    "trainer, deepspeed and fsdp": Sample(
        inside_trainer, "Hugging Face Trainer", no_length=frozenset({"latest"})
    ),
    "trainer, adapter": Sample(folder("checkpoint-#", ADAPTER), "Hugging Face Trainer"),
    "accelerate, fsdp": Sample(folder("step_#", ACCELERATE_FSDP), "Accelerate", step_inside=False),
    "accelerate": Sample(folder("checkpoint_#", ACCELERATE), "Accelerate", step_inside=False),
    "accelerate, checkpoints": Sample(
        folder("checkpoints/checkpoint_#", ACCELERATE), "Accelerate", step_inside=False
    ),
    "accelerate, state": Sample(folder("state_#", ACCELERATE), "Accelerate", step_inside=False),
    "lightning": Sample(
        file("epoch=1-step=#.ckpt", lambda step: torch_zip({"global_step": step}, WEIGHTS)), "torch.save"
    ),
    "lightning, sharded": Sample(
        folder("epoch=1-step=#.ckpt", {**DCP, "meta.pt": lambda step: torch_zip({"global_step": step})}),
        "Lightning, sharded",
    ),
    "torch": Sample(file("ckpt-#.pt", lambda step: torch_zip({"step": step}, WEIGHTS)), "torch.save"),
    "torch, old": Sample(file("ckpt-#.pth", lambda step: old_torch(step, WEIGHTS)), "torch.save"),
    "safetensors": Sample(file("step-#.safetensors", lambda _: weights()), "safetensors", step_inside=False),
    "shards, index": Sample(
        folder("step_#", {**SHARDS, "model.safetensors.index.json": INDEX}),
        "any other folder",
        step_inside=False,
        is_listed=False,
    ),
    "shards, no index": Sample(
        folder("step_#", SHARDS), "any other folder", step_inside=False, is_listed=False
    ),
    "pipeline": Sample(folder("checkpoint-#", PIPELINE), "diffusers pipeline", step_inside=False),
    "dcp": Sample(folder("step-#", DCP), "torch.distributed.checkpoint", step_inside=False),
    "deepspeed": Sample(folder("ds/global_step#", RANKS), "DeepSpeed"),
    "keras": Sample(file("ckpt-#.keras", keras), "Keras", step_inside=False),
    "keras weights": Sample(
        file("ckpt-#.weights.h5", lambda _: hdf5()), "HDF5, Keras weights", step_inside=False
    ),
    "hdf5": Sample(file("ckpt-#.hdf5", lambda _: hdf5(3)), "HDF5, Keras weights", step_inside=False),
    "numpy zip": Sample(file("ckpt-#.npz", lambda step: numpy_zip(step, WEIGHTS)), "numpy.savez"),
    "numpy": Sample(file("ckpt-#.npy", numpy_array), "numpy.save", step_inside=False),
    "pickle": Sample(
        file("ckpt-#.pkl", lambda step: pickle.dumps({"step": step, "w": WEIGHTS})), "torch.save"
    ),
    "joblib": Sample(file("ckpt-#.joblib", lambda step: joblib_file(step, WEIGHTS)), "pickle, joblib"),
    "gzip": Sample(
        file("ckpt-#.pkl.gz", lambda step: gzip.compress(pickle.dumps({"step": step, "w": WEIGHTS}))),
        "pickle, joblib",
    ),
    "xz": Sample(
        file("ckpt-#.joblib.xz", lambda step: lzma.compress(pickle.dumps({"step": step, "w": WEIGHTS}))),
        "pickle, joblib",
    ),
    "orbax": Sample(
        folder("#", ORBAX),
        "orbax (JAX)",
        step_inside=False,
        no_length=frozenset({"default/d/0a1b2c"}),
        no_matter=frozenset({"default/commit_success.txt", "commit_success.txt"}),
    ),
    "flax": Sample(file("checkpoint_#", msgpack), "MessagePack (flax)"),
    "json": Sample(
        file("ckpt-#.json", lambda step: json.dumps({"step": step, "w": "w" * 9000}).encode()), "JSON"
    ),
    "folder": Sample(
        folder("run/epoch_#", {"model.pt": torch_zip({}, WEIGHTS), "optimizer.pt": torch_zip({}, WEIGHTS)}),
        "any other folder",
        step_inside=False,
        is_listed=False,
    ),
}
