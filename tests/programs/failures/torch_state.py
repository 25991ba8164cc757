"""A checkpoint of another model."""

import torch

torch.save(torch.nn.Linear(8, 2).state_dict(), "model.pt")
torch.nn.Sequential(torch.nn.Linear(8, 4)).load_state_dict(torch.load("model.pt"))
