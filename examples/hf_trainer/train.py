"""Teaches a very small GPT-2 to write like Python's own manual, with Hugging Face's Trainer. Downloads nothing.

An ordinary training script: weights start random, the text comes with Python, a byte is a token. On a CPU a run that
was killed and resumed ends with exactly the weights of one that was not.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pydoc_data import topics

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

BLOCK = 64


def blocks():
    """Python's manual in pieces of 64 bytes; labels are the same bytes, the model shifts them."""
    text = "\n".join(topics.topics[name] for name in sorted(topics.topics)).encode()[:200_000]
    rows = torch.frombuffer(bytearray(text[: len(text) // BLOCK * BLOCK]), dtype=torch.uint8).long()
    return [{"input_ids": row, "labels": row} for row in rows.view(-1, BLOCK)]


class Pace(TrainerCallback):
    """Lets a step take as long as it does with a model of a useful size."""

    def __init__(self, seconds):
        self.seconds = seconds

    def on_train_begin(self, _args, state, _control, **_more):
        print(
            f"resumed at step {state.global_step}" if state.global_step else "starting at step 0", flush=True
        )

    def on_step_end(self, _args, _state, _control, **_more):
        time.sleep(self.seconds)


def fingerprint(model):
    """One line that is equal only for equal weights."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode() + value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max_steps", type=int, default=120)
    parser.add_argument("--save_steps", type=int, default=20)
    parser.add_argument("--logging_steps", type=int, default=10)
    parser.add_argument("--output_dir", default="out")
    parser.add_argument("--resume_from_checkpoint")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds added to each step")
    asked = parser.parse_args()

    torch.manual_seed(7)
    torch.set_num_threads(1)  # the order of additions, and so the last bit, depends on it
    shape = GPT2Config(
        vocab_size=256, n_positions=BLOCK, n_embd=32, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    trainer = Trainer(
        model=GPT2LMHeadModel(shape),
        args=TrainingArguments(
            output_dir=asked.output_dir,
            max_steps=asked.max_steps,
            save_steps=asked.save_steps,
            save_total_limit=3,
            logging_steps=asked.logging_steps,
            per_device_train_batch_size=16,
            learning_rate=3e-3,
            seed=7,
            use_cpu=True,
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=blocks(),
        callbacks=[Pace(asked.pace)],
    )
    trainer.train(resume_from_checkpoint=asked.resume_from_checkpoint)
    trainer.save_model(f"{asked.output_dir}/final")
    print(f"final weights: {fingerprint(trainer.model)}")


if __name__ == "__main__":
    main()
