"""Distributed data parallel under torchrun, with a snapshot that is loaded when it is there."""

import argparse
import os
import time

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("epochs", type=int)
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    dist.init_process_group("gloo")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(20, 20), torch.nn.ReLU(), torch.nn.Linear(20, 1))
    epochs_run = 0
    snapshot = None
    if os.path.exists("snapshot.pt"):
        snapshot = torch.load("snapshot.pt", weights_only=True)
        net.load_state_dict(snapshot["MODEL_STATE"])
        epochs_run = snapshot["EPOCHS_RUN"]
        print(f"Resuming training from snapshot at Epoch {epochs_run}", flush=True)
    model = DistributedDataParallel(net)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2, momentum=0.9)
    if snapshot:
        optimizer.load_state_dict(snapshot["OPTIMIZER_STATE"])

    for epoch in range(epochs_run, args.epochs):
        source = torch.Generator().manual_seed(epoch * dist.get_world_size() + dist.get_rank())
        x = torch.randn(256, 20, generator=source)
        for part in x.split(64):
            loss = (model(part).squeeze(1) - part.sum(1)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if dist.get_rank() == 0:
            print(f"[GPU0] Epoch {epoch + 1} | loss {loss.item():.5f}", flush=True)
            saved = {"MODEL_STATE": net.state_dict(), "OPTIMIZER_STATE": optimizer.state_dict()}
            torch.save({**saved, "EPOCHS_RUN": epoch + 1}, "snapshot.pt")
        time.sleep(args.pace)
    if dist.get_rank() == 0:
        torch.save(net.state_dict(), "final.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
