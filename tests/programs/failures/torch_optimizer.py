"""An optimizer's state of another model."""

import torch

small = torch.optim.AdamW(torch.nn.Linear(8, 2).parameters())
large = torch.optim.AdamW(torch.nn.Linear(8, 2, bias=False).parameters())
large.load_state_dict(small.state_dict())
