"""Trainer, TRL and Accelerate."""

from __future__ import annotations

from tests.client.init_samples.sample import Sample, one

FLAG = "--resume_from_checkpoint {checkpoint}"

SAMPLES = (
    one(
        "Trainer, argparse",
        """
import argparse
from transformers import Trainer, TrainingArguments
p = argparse.ArgumentParser()
p.add_argument("--resume", default=None)
args = p.parse_args()
trainer = Trainer(model=None, args=TrainingArguments("out"))
trainer.train(resume_from_checkpoint=args.resume)
""",
        "--resume {checkpoint}",
        "train.py:5",
    ),
    one(
        "Trainer, HfArgumentParser",
        """
import os
from transformers import HfArgumentParser, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

def main():
    parser = HfArgumentParser((TrainingArguments,))
    (training_args,) = parser.parse_args_into_dataclasses()
    last = get_last_checkpoint(training_args.output_dir) if os.path.isdir(training_args.output_dir) else None
    trainer = Trainer(args=training_args)
    checkpoint = None
    if training_args.resume_from_checkpoint is not None:
        checkpoint = training_args.resume_from_checkpoint
    elif last is not None:
        checkpoint = last
    trainer.train(resume_from_checkpoint=checkpoint)

if __name__ == "__main__":
    main()
""",
        FLAG,
        "field of TrainingArguments",
    ),
    one(
        "Trainer, hard-coded True",
        """
from transformers import Trainer, TrainingArguments
trainer = Trainer(args=TrainingArguments(output_dir="out"))
trainer.train(resume_from_checkpoint=True)
""",
        "",
        "takes the newest one of its output_dir",
        comments=("fails",),
    ),
    one(
        "Trainer, a switch",
        """
import argparse
from transformers import Trainer, TrainingArguments
p = argparse.ArgumentParser()
p.add_argument("--resume", action="store_true")
args = p.parse_args()
trainer = Trainer(args=TrainingArguments(output_dir="out"))
trainer.train(resume_from_checkpoint=args.resume)
""",
        "--resume",
        "goes to trainer.train",
    ),
    one(
        "Trainer, never told",
        """
from transformers import HfArgumentParser, Trainer, TrainingArguments
(args,) = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()
trainer = Trainer(args=args)
trainer.train()
""",
        None,
        "begins anew",
        comments=("max_restarts stays 0",),
    ),
    one(
        "Trainer, the newest of the output folder",
        """
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint
args = TrainingArguments(output_dir="out")
trainer = Trainer(args=args)
trainer.train(resume_from_checkpoint=get_last_checkpoint(args.output_dir))
""",
        "",
        "get_last_checkpoint",
    ),
    one(
        "TRL",
        """
from trl import SFTConfig, SFTTrainer, TrlParser, ModelConfig
parser = TrlParser((SFTConfig, ModelConfig))
training_args, model_args = parser.parse_args_and_config()
trainer = SFTTrainer(args=training_args)
trainer.train(resume_from_checkpoint=training_args.resume_from_checkpoint)
""",
        FLAG,
        "field of TrainingArguments",
    ),
    one(
        "typer",
        """
import typer
from transformers import Trainer, TrainingArguments

def main(data: str, lr: float = 1e-4, resume_from: str = None):
    trainer = Trainer(args=TrainingArguments(output_dir="out"))
    trainer.train(resume_from_checkpoint=resume_from)

if __name__ == "__main__":
    typer.run(main)
""",
        "--resume-from {checkpoint}",
        "goes to trainer.train",
        comments=("insists on --data",),
    ),
    one(
        "fire",
        """
import fire
from transformers import Trainer, TrainingArguments

def train(base_model: str = "x", resume_from_checkpoint: str = None):
    trainer = Trainer(args=TrainingArguments(output_dir="out"))
    trainer.train(resume_from_checkpoint=resume_from_checkpoint)

if __name__ == "__main__":
    fire.Fire(train)
""",
        FLAG,
        "goes to trainer.train",
    ),
    Sample(
        "Accelerate",
        {
            "train.py": """
import argparse
from accelerate import Accelerator

def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--output_dir", default="out")
    parser.add_argument("--resume_from_checkpoint", type=str, default=None)
    return parser.parse_args()

def main():
    args = parse_args()
    accelerator = Accelerator()
    for step in range(10):
        accelerator.backward(0)
        accelerator.save_state(f"{args.output_dir}/step_{step}")
    if args.resume_from_checkpoint:
        checkpoint_path = args.resume_from_checkpoint
        accelerator.load_state(checkpoint_path)

if __name__ == "__main__":
    main()
""",
            "requirements.txt": "accelerate\n",
        },
        "accelerate launch train.py",
        FLAG,
        "accelerator.load_state()",
    ),
    one(
        "Accelerate, its own numbering",
        """
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration
accelerator = Accelerator(project_config=ProjectConfiguration("out", automatic_checkpoint_naming=True))
try:
    accelerator.load_state()
except FileNotFoundError:
    pass
accelerator.backward(0)
accelerator.save_state()
""",
        "",
        "project's own folder",
        command="accelerate launch train.py",
    ),
    one(
        "Accelerate, never loaded",
        """
from accelerate import Accelerator
accelerator = Accelerator()
accelerator.backward(0)
accelerator.save_state("out")
""",
        None,
        "never loaded again",
        command="accelerate launch train.py",
    ),
)
