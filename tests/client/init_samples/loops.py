"""Loops of one's own: plain torch, numpy, nanoGPT's way, sklearn."""

from __future__ import annotations

from tests.client.init_samples.sample import Sample, one

SAMPLES = (
    one(
        "torch, --resume",
        """
import argparse
import torch

def load_checkpoint(path, model, optimizer):
    state = torch.load(path, map_location="cpu")
    model.load_state_dict(state["model"])
    return state["epoch"]

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data", metavar="DIR", nargs="?", default="imagenet")
    parser.add_argument("--resume", default="", type=str, help="path to latest checkpoint")
    parser.add_argument("--pretrained", action="store_true")
    parser.add_argument("--checkpoint-every", type=int, default=5)
    args = parser.parse_args()
    if args.resume:
        start = load_checkpoint(args.resume, None, None)
    loss.backward()
    torch.save({}, "checkpoint.pth.tar")

if __name__ == "__main__":
    main()
""",
        "--resume {checkpoint}",
        "goes to torch.load() at train.py:6",
    ),
    one(
        "torch, a switch and a file of its own",
        """
import argparse, os
import torch
parser = argparse.ArgumentParser()
parser.add_argument("--lr", default=0.1, type=float)
parser.add_argument("--resume", "-r", action="store_true", help="resume from checkpoint")
args = parser.parse_args()
if args.resume:
    assert os.path.isdir("checkpoint")
    state = torch.load("./checkpoint/ckpt.pth")
loss.backward()
torch.save({}, "./checkpoint/ckpt.pth")
""",
        "--resume",
        "is a switch",
        comments=("put back",),
    ),
    one(
        "torch, finds its own",
        """
import os
import torch
CKPT = "out/ckpt.pt"
step = 0
if os.path.exists(CKPT):
    state = torch.load(CKPT)
    step = state["step"]
while step < 100:
    loss.backward()
    step += 1
    torch.save({"step": step}, CKPT)
""",
        "",
        "takes its own ckpt.pt",
    ),
    one(
        "torch, the best one is loaded for the test at the end",
        """
import torch
for epoch in range(3):
    loss.backward()
    torch.save({}, "best.pt")
model.load_state_dict(torch.load("best.pt"))
""",
        None,
        "No way to resume",
    ),
    one(
        "torch, pretrained weights are no resume",
        """
import argparse
import torch
p = argparse.ArgumentParser()
p.add_argument("--weights")
p.add_argument("--pretrained-path")
p.add_argument("--save-path", default="model.pt")
a = p.parse_args()
model.load_state_dict(torch.load(a.weights))
loss.backward()
torch.save({}, a.save_path)
""",
        None,
        "No way to resume",
    ),
    one(
        "click",
        """
import click
import torch

@click.command()
@click.option("--lr", type=float, default=1e-3)
@click.option("--from-checkpoint", "resume_from", type=click.Path())
def train(lr, resume_from):
    if resume_from:
        state = torch.load(resume_from)
    loss.backward()

if __name__ == "__main__":
    train()
""",
        "--from-checkpoint {checkpoint}",
        "goes to torch.load()",
    ),
    one(
        "absl",
        """
from absl import app, flags
import numpy as np
FLAGS = flags.FLAGS
flags.DEFINE_string("restore_from", None, "where to go on")
flags.DEFINE_integer("steps", 10, "how many")

def main(_):
    if FLAGS.restore_from:
        state = np.load(FLAGS.restore_from)
    grads = jax.grad(loss)

if __name__ == "__main__":
    app.run(main)
""",
        "--restore_from={checkpoint}",
        "goes to np.load()",
    ),
    one(
        "tyro",
        """
from dataclasses import dataclass
from pathlib import Path
import torch
import tyro

@dataclass
class Config:
    lr: float = 1e-3
    resume_path: Path | None = None

def main(config: Config):
    if config.resume_path is not None:
        state = torch.load(config.resume_path)
    loss.backward()

if __name__ == "__main__":
    main(tyro.cli(Config))
""",
        "--resume-path {checkpoint}",
        "goes to torch.load()",
    ),
    Sample(
        "nanoGPT's way",
        {
            "train.py": """
import os
import torch
out_dir = 'out'
init_from = 'scratch' # 'scratch' or 'resume'
eval_interval = 2000
exec(open('configurator.py').read())
if init_from == 'scratch':
    pass
elif init_from == 'resume':
    checkpoint = torch.load(os.path.join(out_dir, 'ckpt.pt'))
loss.backward()
torch.save({}, os.path.join(out_dir, 'ckpt.pt'))
""",
            "configurator.py": "import sys\n",
            "sample.py": "import torch\ninit_from = 'resume'\n",
            "README.md": "```sh\npython train.py config/train_small.py\n```\n",
        },
        "python train.py",
        "--init_from=resume",
        "look in its own folder",
        ("python train.py config/train_small.py", "put back"),
    ),
    one(
        "the same place is saved to and read from",
        """
import argparse, os
import torch
p = argparse.ArgumentParser()
p.add_argument("--checkpoint", default="state.pt")
args = p.parse_args()
if os.path.exists(args.checkpoint):
    state = torch.load(args.checkpoint)
    optimizer.load_state_dict(state["optimizer"])
loss.backward()
torch.save({}, args.checkpoint)
""",
        "",
        "takes its own --checkpoint",
    ),
    one(
        "a folder, to which the code adds the name",
        """
import argparse, os
import torch
p = argparse.ArgumentParser()
p.add_argument("--resume-dir")
args = p.parse_args()
if args.resume_dir:
    state = torch.load(os.path.join(args.resume_dir, "state.pt"))
loss.backward()
""",
        "--resume-dir $(dirname {checkpoint})",
        "goes to torch.load()",
        comments=("checkpoint's folder",),
    ),
    one(
        "by an epoch's number",
        """
import argparse
import torch
p = argparse.ArgumentParser()
p.add_argument("--resume_epoch", type=int, default=0)
args = p.parse_args()
if args.resume_epoch:
    state = torch.load(f"ckpt_{args.resume_epoch}.pth")
loss.backward()
""",
        None,
        "takes a number",
    ),
    one(
        "a flag that nothing reads",
        """
import argparse
p = argparse.ArgumentParser()
p.add_argument("--resume")
opt = p.parse_args()
loss.backward()
""",
        None,
        "nothing reads it",
    ),
    one(
        "Python 2",
        """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument('--resume', type=str, help='go on')
args = parser.parse_args()
print 'resuming', args.resume
loss.backward()
""",
        "--resume {checkpoint}",
        "what reads it was not seen",
    ),
    one(
        "sklearn, partial_fit",
        """
from pathlib import Path
import joblib
from sklearn.linear_model import SGDClassifier
where = Path("model.joblib")
model = joblib.load(where) if where.exists() else SGDClassifier()
for part in parts:
    model.partial_fit(part, part)
    joblib.dump(model, where)
""",
        "",
        "takes its own model.joblib",
    ),
    one(
        "reads our variable",
        """
import os
import torch
path = os.environ.get("POD_RESUME_FROM")
if path:
    state = torch.load(path)
loss.backward()
""",
        "",
        "reads POD_RESUME_FROM",
    ),
)
