"""Trains what a config describes. latest.pth is replaced at each save: written beside it, then renamed."""

import argparse
import json
import os
import time

import torch

parser = argparse.ArgumentParser()
parser.add_argument("config")
parser.add_argument("--auto-resume", action="store_true")
parser.add_argument("--pace", type=float, default=0.0)
args = parser.parse_args()
with open(args.config) as file:
    config = json.load(file)

torch.manual_seed(config.get("seed", 0))
torch.set_num_threads(1)
centers = torch.randn(5, 8) * 2
model = torch.nn.Sequential(
    torch.nn.Linear(8, config["width"]), torch.nn.SiLU(), torch.nn.Linear(config["width"], 5)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
done = 0
os.makedirs(config["out"], exist_ok=True)
latest = os.path.join(config["out"], "latest.pth")
if args.auto_resume and os.path.exists(latest):
    saved = torch.load(latest, weights_only=False)
    model.load_state_dict(saved["state_dict"])
    optimizer.load_state_dict(saved["optimizer"])
    torch.set_rng_state(saved["rng"])
    done = saved["meta"]["iter"]
    print(f"resumed from {latest}, iter {done}")

for step in range(done + 1, config["steps"] + 1):
    labels = torch.randint(5, (64,))
    loss = torch.nn.functional.cross_entropy(model(centers[labels] + torch.randn(64, 8)), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"Iter [{step}/{config['steps']}] loss: {loss.item():.4f}")
    if step % config["save_every"] == 0:
        saved = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict()}
        saved |= {"rng": torch.get_rng_state(), "meta": {"iter": step}}
        torch.save(saved, latest + ".tmp")
        os.replace(latest + ".tmp", latest)
    time.sleep(args.pace)
torch.save(model.state_dict(), os.path.join(config["out"], "final.pt"))
