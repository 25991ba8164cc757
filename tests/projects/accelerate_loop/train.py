"""A loop of one's own under Accelerate, saved with save_state and resumed in the middle of an epoch."""

import argparse
import os
import time

import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch.utils.data import DataLoader, TensorDataset


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--checkpointing_steps", type=int, default=5)
    parser.add_argument("--resume_from_checkpoint")
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True, dataloader_config=DataLoaderConfiguration(use_seedable_sampler=True))
    set_seed(5)
    x = torch.randn(640, 12)
    y = (x[:, :3].sum(1) > 0).float()
    model = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.ReLU(), torch.nn.Linear(24, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * len(loader))
    model, optimizer, loader, scheduler = accelerator.prepare(model, optimizer, loader, scheduler)

    step = first_epoch = skipped = 0
    if args.resume_from_checkpoint:
        accelerator.load_state(args.resume_from_checkpoint)
        step = int(os.path.basename(args.resume_from_checkpoint).removeprefix("step_"))
        first_epoch, skipped = divmod(step, len(loader))
        accelerator.print(f"Resumed from checkpoint: {args.resume_from_checkpoint}")

    for epoch in range(first_epoch, args.epochs):
        loader.set_epoch(epoch)
        active = loader
        if epoch == first_epoch and skipped:
            active = accelerator.skip_first_batches(loader, skipped)
        for inputs, wanted in active:
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(inputs).squeeze(1), wanted)
            accelerator.backward(loss)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()
            step += 1
            accelerator.print(f"epoch {epoch} step {step} loss {loss.item():.4f}", flush=True)
            if step % args.checkpointing_steps == 0:
                accelerator.save_state(f"runs/step_{step}")
            time.sleep(args.pace)
    accelerator.save_model(model, "runs/final")


if __name__ == "__main__":
    main()
