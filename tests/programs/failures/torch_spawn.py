"""Processes that torch itself begins, of which one fails."""

import torch.multiprocessing as mp


def train(rank):
    if rank == 1:
        open("shard-1.bin")


if __name__ == "__main__":
    mp.spawn(train, nprocs=2)
