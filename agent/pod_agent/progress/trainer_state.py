"""The Trainer's `trainer_state.json`: step, the last step, epochs, and the losses so far. Pure, from bytes.

It lies in each checkpoint, so it is as old as the last save. Not here: finding it (``places``).
"""

from __future__ import annotations

import json

from pod_agent.progress.reading import Reading, Source, count, number, positive

FILE = "trainer_state.json"
LARGEST = 8 << 20  # its history grows with the training


def read(data: bytes) -> Reading | None:
    """None for what is none, or half written."""
    try:
        found: object = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    step = count(found.get("global_step"))
    if step is None:
        return None
    return Reading(
        Source.TRAINER,
        step,
        count(found.get("max_steps")) or None,
        positive(found.get("epoch")),
        positive(found.get("num_train_epochs")) or None,
        _loss(found.get("log_history")),
    )


def _loss(history: object) -> float | None:
    if not isinstance(history, list):
        return None
    for entry in reversed(history[-50:]):
        if isinstance(entry, dict) and (loss := number(entry.get("loss"))) is not None:
            return loss
    return None
