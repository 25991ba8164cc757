"""python -m tinylm.train: a bigram model; weights in torch's older file format, as some tools still need it."""

import argparse
import time
from pathlib import Path

import torch
from steplines import line

from tinylm import data


def main():
    parser = argparse.ArgumentParser(prog="tinylm.train")
    parser.add_argument("--updates", type=int, default=500)
    parser.add_argument("--restore", type=Path)
    parser.add_argument("--run", default="bigram")
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    torch.manual_seed(3)
    torch.set_num_threads(1)
    text = data.load()
    model = torch.nn.Sequential(torch.nn.Embedding(256, 16), torch.nn.Linear(16, 256))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    start = 0
    if args.restore:
        saved = torch.load(args.restore, weights_only=False)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]

    place = Path("runs", args.run)
    place.mkdir(parents=True, exist_ok=True)
    for update in range(start + 1, args.updates + 1):
        x, y = data.batch(text, update)
        loss = torch.nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(line(update, loss.item()))
        if update % 5 == 0:
            saved = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": update}
            torch.save(saved, place / f"weights_{update}.bin", _use_new_zipfile_serialization=False)
        time.sleep(args.pace)
    torch.save(model.state_dict(), place / "final.pt")


if __name__ == "__main__":
    main()
