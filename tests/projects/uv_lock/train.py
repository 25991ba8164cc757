"""An autoencoder whose weights are saved as sharded safetensors, as large models are."""

import argparse
import json
import time
from pathlib import Path

import torch
from huggingface_hub import load_torch_model, save_torch_model
from steplines import line


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--resume-from", type=Path)
    parser.add_argument("--pace", type=float, default=0.0)
    args = parser.parse_args()

    torch.manual_seed(8)
    torch.set_num_threads(1)
    model = torch.nn.Sequential(
        torch.nn.Linear(48, 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, 32),
        torch.nn.Tanh(),
        torch.nn.Linear(32, 48),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = 0
    if args.resume_from:
        load_torch_model(model, args.resume_from)
        optimizer.load_state_dict(torch.load(args.resume_from / "optimizer.pt"))
        start = json.loads((args.resume_from / "progress.json").read_text())["step"]

    for step in range(start + 1, args.steps + 1):
        x = torch.randn(32, 48, generator=torch.Generator().manual_seed(step))
        loss = (model(x) - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(line(step, loss.item()), flush=True)
        if step % 4 == 0:
            folder = Path(f"outputs/step-{step}")
            folder.mkdir(parents=True, exist_ok=True)
            save_torch_model(model, folder, max_shard_size="5KB")
            torch.save(optimizer.state_dict(), folder / "optimizer.pt")
            (folder / "progress.json").write_text(json.dumps({"step": step}))
        time.sleep(args.pace)
    Path("outputs/final").mkdir(exist_ok=True)
    save_torch_model(model, "outputs/final")


if __name__ == "__main__":
    main()
