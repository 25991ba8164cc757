"""How repositories lie: Makefiles, src/, packages, notebooks, READMEs."""

from __future__ import annotations

import json

from tests.client.init_samples.sample import Sample

LOOP = """
import argparse
import torch
parser = argparse.ArgumentParser()
parser.add_argument("--resume")
args = parser.parse_args()
if args.resume:
    state = torch.load(args.resume)
loss.backward()
"""
CELLS = {"cells": [{"cell_type": "code", "source": ["%matplotlib inline\n", "model.fit(x, y)"]}]}
TOLD = {
    "cells": [
        {"cell_type": "markdown", "source": "# A title"},
        {
            "cell_type": "code",
            "metadata": {"tags": ["parameters"]},
            "source": "epochs = 3\nresume_from = None",
        },
        {"cell_type": "code", "source": "import torch\nif resume_from:\n    state = torch.load(resume_from)"},
        {"cell_type": "code", "source": ["model.fit(x, y)"]},
    ]
}

SAMPLES = (
    Sample(
        "a Makefile of one line",
        {"Makefile": "CFG = base.yaml\ntrain: data\n\tpython learn.py --config $(CFG)\n", "learn.py": LOOP},
        "python learn.py --config base.yaml",
        "--resume {checkpoint}",
        "the target train of Makefile:2",
        ("make train",),
    ),
    Sample(
        "a Makefile that passes words on",
        {"Makefile": "train:\n\tmkdir -p out\n\t@python train.py $(ARGS)\n", "train.py": LOOP},
        "make train",
        'ARGS="--resume {checkpoint}"',
        "the target train of Makefile:1",
        ("python train.py",),
    ),
    Sample(
        "a Makefile that passes nothing on",
        {"Makefile": "train:\n\tmkdir -p out && python train.py\n", "train.py": LOOP},
        "make train",
        None,
        "cannot be added behind this command",
        ("python train.py",),
    ),
    Sample(
        "src and pyproject",
        {
            "pyproject.toml": '[project]\nname = "pkg"\n[project.scripts]\npkg-train = "pkg.train:main"\n',
            "src/pkg/__init__.py": "",
            "src/pkg/train.py": f"from .data import x\n{LOOP}",
            "src/pkg/data.py": "x = 1\n",
            "tests/test_train.py": "import pytest\n",
        },
        "python -m pkg.train",
        "--resume {checkpoint}",
        "goes to torch.load()",
        ("pkg-train",),
    ),
    Sample(
        "a package without pyproject",
        {"model/__init__.py": "", "model/train.py": f"from . import net\n{LOOP}", "model/net.py": ""},
        "python -m model.train",
        "--resume {checkpoint}",
    ),
    Sample(
        "the loading lies in another file",
        {
            "main.py": """
import argparse
from engine.loop import fit
if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--restore-path")
    fit(p.parse_args())
""",
            "engine/loop.py": """
import torch
def fit(opts):
    if opts.restore_path:
        restore(opts.restore_path)
    loss.backward()
def restore(where):
    return torch.load(where)
""",
            "eval.py": "import torch\nif __name__ == '__main__':\n    torch.load('x')\n",
        },
        "python main.py",
        "--restore-path {checkpoint}",
        "goes to torch.load() at engine/loop.py:8",
    ),
    Sample(
        "what it insists on stands in the README",
        {
            "train.py": LOOP.replace(
                '"--resume")', '"--resume")\nparser.add_argument("--data", required=True)'
            ),
            "README.md": "# x\n\n```\n$ python eval.py --data d\n$ python train.py \\\n    --data data/small\n```\n",
        },
        "python train.py --data data/small",
        "--resume {checkpoint}",
        "so the README runs train.py",
    ),
    Sample(
        "what it insists on stands nowhere",
        {
            "train.py": LOOP.replace(
                '"--resume")', '"--resume")\nparser.add_argument("--data", required=True)'
            )
        },
        "python train.py",
        "--resume {checkpoint}",
        "insists on --data",
    ),
    Sample(
        "a notebook with parameters",
        {"train.ipynb": json.dumps(TOLD)},
        "train.ipynb",
        "-p resume_from {checkpoint}",
        "goes to torch.load()",
    ),
    Sample(
        "a notebook",
        {"Train.ipynb": json.dumps(CELLS), "plot.ipynb": json.dumps({"cells": []})},
        "Train.ipynb",
        None,
        "papermill",
    ),
    Sample(
        "names that looking passes over",
        {
            "train.py": """
import argparse
from pathlib import Path
import torch
p = argparse.ArgumentParser()
p.add_argument("--restore")
args = p.parse_args()
if args.restore:
    state = torch.load(args.restore)
place = Path("runs") / "a"
for step in range(9):
    loss.backward()
    torch.save({}, place / f"weights_{step}.bin")
torch.save({}, "final.pt")
"""
        },
        "python train.py",
        "--restore {checkpoint}",
        "would not take for checkpoints",
    ),
    Sample("a script of the shell", {"scripts/train_all.sh": "echo\n"}, "bash scripts/train_all.sh", None),
    Sample(
        "nothing that trains", {"README.md": "hello\n", "lib.py": "x = 1\n"}, None, None, "Say what to run"
    ),
    Sample("nothing at all", {}, None, None, "Say what to run"),
)
