"""A small network saved by torch.distributed.checkpoint, here by a single process."""

import argparse
import time

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=500)
parser.add_argument("--pace", type=float, default=0.0)
parser.add_argument("--resume")
args = parser.parse_args()

torch.manual_seed(21)
torch.set_num_threads(1)
model = torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
progress = {"step": 0}
if args.resume:
    weights, moments = get_state_dict(model, optimizer)
    state = {"model": weights, "optimizer": moments, "progress": progress}
    dcp.load(state, checkpoint_id=args.resume, no_dist=True)
    set_state_dict(model, optimizer, model_state_dict=state["model"], optim_state_dict=state["optimizer"])
    print(f"loaded {args.resume}, step {progress['step']}")

for step in range(progress["step"] + 1, args.steps + 1):
    source = torch.Generator().manual_seed(step)
    x = torch.randn(64, 10, generator=source)
    loss = torch.nn.functional.cross_entropy(model(x), (x.sum(1) > 0).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"step {step} loss {loss.item():.4f}")
    if step % 5 == 0:
        weights, moments = get_state_dict(model, optimizer)
        state = {"model": weights, "optimizer": moments, "progress": {"step": step}}
        dcp.save(state, checkpoint_id=f"checkpoints/step-{step}", no_dist=True)
    time.sleep(args.pace)
torch.save(model.state_dict(), "final.pt")
