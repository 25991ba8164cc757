"""A loop under Accelerate with automatic naming: it finds its newest checkpoint itself, and counts its saves."""

import argparse
import os
import time

import torch
from accelerate import Accelerator
from accelerate.utils import ProjectConfiguration, set_seed
from safetensors.torch import save_file


class Progress:
    def __init__(self):
        self.step = 0

    def state_dict(self):
        return {"step": self.step}

    def load_state_dict(self, told):
        self.step = told["step"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--save-every", type=int, default=5)
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()

    torch.set_num_threads(1)
    config = ProjectConfiguration(project_dir="work", automatic_checkpoint_naming=True)
    accelerator = Accelerator(cpu=True, project_config=config)
    set_seed(5)
    model = torch.nn.Sequential(torch.nn.Linear(12, 24), torch.nn.Dropout(0.1), torch.nn.Linear(24, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model, optimizer = accelerator.prepare(model, optimizer)
    progress = Progress()
    accelerator.register_for_checkpointing(progress)
    if args.resume:
        accelerator.load_state()
        config.iteration = 1 + max(int(name.rpartition("_")[2]) for name in os.listdir("work/checkpoints"))
        print(f"resumed at step {progress.step}", flush=True)
    while progress.step < args.steps:
        loss = model(torch.randn(40, 12)).square().mean()
        accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        progress.step += 1
        print(f"step {progress.step} loss {loss.item():.6f}", flush=True)
        if progress.step % args.save_every == 0:
            accelerator.save_state()
        time.sleep(args.pace)
    save_file(accelerator.unwrap_model(model).state_dict(), "final.safetensors")


if __name__ == "__main__":
    main()
