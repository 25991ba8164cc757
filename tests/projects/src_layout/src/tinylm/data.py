"""Python's own manual, as bytes."""

from pydoc_data import topics

import torch


def load():
    text = "\n".join(topics.topics[name] for name in sorted(topics.topics)).encode()[:50_000]
    return torch.frombuffer(bytearray(text), dtype=torch.uint8).long()


def batch(data, update, rows=16, length=24):
    at = torch.randint(len(data) - length - 1, (rows,), generator=torch.Generator().manual_seed(update))
    pieces = torch.stack([data[i : i + length + 1] for i in at])
    return pieces[:, :-1], pieces[:, 1:]
