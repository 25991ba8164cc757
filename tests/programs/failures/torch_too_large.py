"""A tensor larger than any memory."""

import torch

torch.zeros(1 << 50)
