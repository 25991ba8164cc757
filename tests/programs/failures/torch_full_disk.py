"""Saves where there is no room."""

import sys

import torch

torch.save({"weights": torch.zeros(4_000_000)}, sys.argv[1] + "/model.pt")
