"""Two ranks under torchrun: one fails, is killed, or is late; the other waits for it."""

import datetime
import os
import sys
import time

import torch
import torch.distributed as dist

how = sys.argv[1]
dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=3 if how == "late" else 30))
if dist.get_rank() == 1:
    if how == "fails":
        raise ValueError("shard 1 has no samples")
    if how == "killed":
        os.kill(os.getpid(), 9)
    time.sleep(8)
dist.all_reduce(torch.ones(1))
