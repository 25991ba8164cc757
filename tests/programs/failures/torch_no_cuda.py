"""Wants a GPU where there is none, or a torch that knows none."""

import torch

torch.zeros(1).to("cuda")
