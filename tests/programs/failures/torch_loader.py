"""A worker of a DataLoader: fails, is killed, or crashes, as it is told; amid its first batch, when it owes nobody any."""

import os
import signal
import sys

import torch


class Samples(torch.utils.data.Dataset):
    def __len__(self):
        return 64

    def __getitem__(self, at):
        if at == 1 and sys.argv[1] == "fails":
            raise ValueError(f"sample {at} has no label")
        if at == 1:
            os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        return torch.zeros(int(sys.argv[2]) if sys.argv[2:] else 8)


for batch in torch.utils.data.DataLoader(Samples(), batch_size=8, num_workers=2):
    pass
