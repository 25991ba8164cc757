"""DCP, DeepSpeed, and libraries that keep their own folder; and what launches them."""

from __future__ import annotations

from tests.client.init_samples.sample import Sample, one

SAMPLES = (
    one(
        "DCP",
        """
import argparse
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
p = argparse.ArgumentParser()
p.add_argument("--resume-from")
args = p.parse_args()
dist.init_process_group("nccl")
state = {}
if args.resume_from:
    dcp.load(state, checkpoint_id=args.resume_from)
loss.backward()
dcp.save(state, checkpoint_id="ckpt/step_10")
""",
        "--resume-from {checkpoint}",
        "dcp.load(checkpoint_id=…)",
        command="torchrun --standalone --nproc_per_node=auto train.py",
    ),
    one(
        "DCP, a place of its own",
        """
import os
import torch.distributed.checkpoint as dcp
HERE = "ckpt"
state = {}
if os.path.exists(HERE):
    dcp.load(state, checkpoint_id=HERE)
loss.backward()
dcp.save(state, checkpoint_id=HERE)
""",
        "",
        "folder of the program's own",
    ),
    one(
        "DeepSpeed",
        """
import argparse
import deepspeed
parser = argparse.ArgumentParser()
parser.add_argument("--load_dir")
parser.add_argument("--ckpt_id")
parser.add_argument("--save_dir", default="out")
parser = deepspeed.add_config_arguments(parser)
args = parser.parse_args()
engine, _, _, _ = deepspeed.initialize(args=args)
if args.load_dir:
    engine.load_checkpoint(args.load_dir, args.ckpt_id)
engine.backward(loss)
engine.save_checkpoint(args.save_dir)
""",
        "--load_dir $(dirname {checkpoint}) --ckpt_id $(basename {checkpoint})",
        "load_checkpoint()",
        command="deepspeed train.py",
    ),
    one(
        "DeepSpeed, its own folder",
        """
import deepspeed
engine, _, _, _ = deepspeed.initialize(model=None)
engine.load_checkpoint("out")
engine.backward(loss)
engine.save_checkpoint("out")
""",
        "",
        "folder that it saves to",
        command="deepspeed train.py",
    ),
    one(
        "Keras, BackupAndRestore",
        """
import keras
model = keras.Sequential()
model.fit(x, y, callbacks=[keras.callbacks.BackupAndRestore("backup")])
""",
        "",
        "BackupAndRestore",
    ),
    one(
        "Keras, a flag",
        """
import argparse
import keras
p = argparse.ArgumentParser()
p.add_argument("--load-model")
args = p.parse_args()
model = keras.models.load_model(args.load_model) if args.load_model else keras.Sequential()
model.fit(x, y)
model.save("out.keras")
""",
        "--load-model {checkpoint}",
        "keras.models.load_model()",
    ),
    one(
        "orbax",
        """
import jax
import orbax.checkpoint as ocp
manager = ocp.CheckpointManager("/tmp/ckpt")
if manager.latest_step() is not None:
    state = manager.restore(manager.latest_step())
grads = jax.grad(loss)
""",
        "",
        "finds its newest step itself",
    ),
    Sample(
        "rank by torchrun or without",
        {
            "train_gpt.py": """
import os
import torch
ddp = int(os.environ.get('RANK', -1)) != -1
if ddp:
    torch.distributed.init_process_group(backend='nccl')
loss.backward()
"""
        },
        "python train_gpt.py",
        None,
        "No way to resume",
    ),
)
