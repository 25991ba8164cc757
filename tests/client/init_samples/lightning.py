"""Lightning, with and without its own command line, and hydra."""

from __future__ import annotations

from tests.client.init_samples.sample import Sample, one

SAMPLES = (
    one(
        "Lightning, a flag",
        """
from argparse import ArgumentParser
import lightning as L
parser = ArgumentParser()
parser.add_argument("--ckpt-path")
args = parser.parse_args()
trainer = L.Trainer(max_epochs=3)
trainer.fit(None, ckpt_path=args.ckpt_path)
""",
        "--ckpt-path {checkpoint}",
        "trainer.fit(ckpt_path=…)",
    ),
    one(
        "Lightning, last",
        """
import pytorch_lightning as pl
from pytorch_lightning.callbacks import ModelCheckpoint
trainer = pl.Trainer(callbacks=[ModelCheckpoint(dirpath="ckpt", save_last=True)])
trainer.fit(None, ckpt_path="last")
""",
        "",
        "newest one of its own folder",
        comments=("save_last=True",),
    ),
    one(
        "Lightning, its own path where that is there",
        """
import os
import lightning.pytorch as pl
LAST = "ckpt/last.ckpt"
trainer = pl.Trainer()
trainer.fit(None, ckpt_path=LAST if os.path.exists(LAST) else None)
""",
        "",
        "a path of the program's own",
    ),
    one(
        "LightningCLI",
        """
from lightning.pytorch.cli import LightningCLI

def main():
    LightningCLI(None, None)

if __name__ == "__main__":
    main()
""",
        "--ckpt_path {checkpoint}",
        "LightningCLI",
        command="python train.py fit",
    ),
    one(
        "Lightning, never told",
        """
import lightning as L
trainer = L.Trainer(max_epochs=3)
trainer.fit(None)
""",
        None,
        "gets no ckpt_path",
    ),
    one(
        "Lightning of old",
        """
import argparse
import pytorch_lightning as pl
p = argparse.ArgumentParser()
p.add_argument("--resume_ckpt", type=str)
hparams = p.parse_args()
trainer = pl.Trainer(resume_from_checkpoint=hparams.resume_ckpt)
trainer.fit(None)
""",
        "--resume_ckpt {checkpoint}",
        "Trainer(resume_from_checkpoint=…)",
    ),
    Sample(
        "hydra",
        {
            "src/train.py": """
import hydra
import lightning as L

@hydra.main(version_base=None, config_path="../configs", config_name="train.yaml")
def main(cfg):
    trainer = L.Trainer()
    trainer.fit(None, ckpt_path=cfg.get("ckpt_path"))

if __name__ == "__main__":
    main()
""",
            "configs/train.yaml": "# a\ndefaults:\n  - _self_\nseed: 7\nckpt_path: null\ntrainer:\n  max_epochs: 3\n",
        },
        "python src/train.py",
        "\"ckpt_path='{checkpoint}'\"",
        "configs/train.yaml:5",
    ),
    Sample(
        "hydra, a group",
        {
            "train.py": """
import hydra
import torch

@hydra.main(config_path="conf", config_name="config")
def main(cfg):
    if cfg.training.resume_from:
        state = torch.load(cfg.training.resume_from)
    loss.backward()

if __name__ == "__main__":
    main()
""",
            "conf/config.yaml": "defaults:\n  - training: small\n",
            "conf/training/small.yaml": "lr: 1e-3\nresume_from: null\n",
        },
        "python train.py",
        "\"training.resume_from='{checkpoint}'\"",
        "goes to torch.load()",
    ),
)
