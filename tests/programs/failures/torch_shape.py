"""A batch that does not fit the model."""

import torch

model = torch.nn.Linear(8, 2)
for step in range(3):
    print(f"step {step} loss {model(torch.zeros(4, 8)).sum().item():.3f}")
model(torch.zeros(4, 7))
