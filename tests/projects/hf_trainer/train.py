"""A tiny BERT learns to count ones, with Hugging Face's Trainer. The model is made from a config."""

import argparse
import time

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


def make_data(rows=512):
    bits = torch.randint(0, 2, (rows, 16), generator=torch.Generator().manual_seed(2))
    return [{"input_ids": row, "labels": (row.sum() > 8).long()} for row in bits]


class Pace(TrainerCallback):
    def __init__(self, seconds):
        self.seconds = seconds

    def on_step_end(self, args, state, control, **kwargs):
        time.sleep(self.seconds)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_steps", type=int, default=200)
    parser.add_argument("--save_steps", type=int, default=50)
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in out/")
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    torch.set_num_threads(1)
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=2, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    training = TrainingArguments(
        output_dir="out",
        max_steps=args.max_steps,
        save_steps=args.save_steps,
        save_total_limit=2,
        logging_steps=1,
        per_device_train_batch_size=16,
        learning_rate=1e-3,
        seed=11,
        use_cpu=True,
        report_to="none",
        disable_tqdm=True,
    )
    trainer = Trainer(BertForSequenceClassification(config), training, train_dataset=make_data())
    trainer.add_callback(Pace(args.pace))
    trainer.train(resume_from_checkpoint=args.resume)
    trainer.save_model("out/final")


if __name__ == "__main__":
    main()
