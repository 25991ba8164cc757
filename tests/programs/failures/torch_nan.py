"""A gradient that is no number, found by torch's own watch."""

import torch

torch.autograd.set_detect_anomaly(True)
x = torch.zeros(1, requires_grad=True)
torch.sqrt(x - x).sum().mul(0.0).backward()
