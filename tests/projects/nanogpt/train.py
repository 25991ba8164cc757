"""A very small byte-level language model in one loop, in the manner of small teaching repositories.

python train.py config/train_bytes.py --max_iters=200
python train.py config/train_bytes.py --max_iters=400 --init_from=resume
"""

import os
import time
from pydoc_data import topics

import torch
from torch import nn

out_dir = "out"
eval_interval = 50
init_from = "scratch"  # or "resume"
max_iters = 200
batch_size = 12
block_size = 64
n_embd = 32
learning_rate = 1e-3
pace = 0.0
exec(open("configurator.py").read())

os.makedirs(out_dir, exist_ok=True)
torch.manual_seed(1337)
torch.set_num_threads(1)
text = "\n".join(topics.topics[name] for name in sorted(topics.topics)).encode()[:100_000]
data = torch.frombuffer(bytearray(text), dtype=torch.uint8).long()
train_data, val_data = data[:90_000], data[90_000:]


def get_batch(split):
    source = train_data if split == "train" else val_data
    at = torch.randint(len(source) - block_size - 1, (batch_size,))
    x = torch.stack([source[i : i + block_size] for i in at])
    return x, torch.stack([source[i + 1 : i + 1 + block_size] for i in at])


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(256, n_embd)
        self.mix = nn.GRU(n_embd, n_embd, batch_first=True)
        self.head = nn.Linear(n_embd, 256)

    def forward(self, x, y):
        logits = self.head(self.mix(self.embed(x))[0])
        return nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten())


model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate)
iter_num = 0
if init_from == "resume":
    checkpoint = torch.load(os.path.join(out_dir, "ckpt.pt"))
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    iter_num = checkpoint["iter_num"]
    print(f"Resuming training from {out_dir}")


@torch.no_grad()
def estimate_loss():
    model.eval()
    loss = torch.stack([model(*get_batch("val")) for _ in range(10)]).mean()
    model.train()
    return loss.item()


while True:
    if iter_num % eval_interval == 0:
        val_loss = estimate_loss()
        print(f"step {iter_num}: val loss {val_loss:.4f}")
        if iter_num > 0:
            checkpoint = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "iter_num": iter_num,
                "val_loss": val_loss,
            }
            torch.save(checkpoint, os.path.join(out_dir, "ckpt.pt"))
    if iter_num >= max_iters:
        break
    loss = model(*get_batch("train"))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    iter_num += 1
    print(f"iter {iter_num}: loss {loss.item():.4f}")
    time.sleep(pace)
