"""Samples from probabilities that are no numbers."""

import torch

torch.multinomial(torch.tensor([float("nan"), 0.5]), 1)
