"""Predicts the next value of a time series; a .pth for every few steps, with the random state in it."""

import argparse
import time

import numpy as np
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--steps", type=int, default=500)
parser.add_argument("--pace", type=float, default=0.0)
parser.add_argument("--resume")
args = parser.parse_args()

torch.manual_seed(0)
torch.set_num_threads(1)
series = torch.from_numpy(np.load(args.data)).float()
model = torch.nn.Sequential(torch.nn.Linear(24, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
start = 0
if args.resume:
    saved = torch.load(args.resume, weights_only=False)
    model.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["random"])
    start = saved["step"]
    print(f"resumed {args.resume}: {start} steps are done")

for step in range(start + 1, args.steps + 1):
    at = torch.randint(len(series) - 25, (32,))
    windows = torch.stack([series[i : i + 25] for i in at])
    loss = (model(windows[:, :24]).squeeze(1) - windows[:, 24]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"[{step}/{args.steps}] mse={loss.item():.5f}")
    if step % 5 == 0:
        saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**saved, "random": torch.get_rng_state(), "step": step}, f"build/forecast_{step}.pth")
    time.sleep(args.pace)
torch.save(model.state_dict(), "build/final.pth")
