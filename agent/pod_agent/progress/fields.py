"""Names and values that programs log, as a reading: which name means the step, the total, the epoch, the loss.

Not here: how names and values are found in a line or a file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pod_agent.progress.reading import Reading, Source, count, number, positive

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS = (
    "global_step",
    "num_updates",
    "trainer_global_step",
    "global_iter",
    "total_steps_done",
    "step",
    "steps",
    "iteration",
    "iter",
    "iter_num",
    "iters",
    "update",
    "train_step",
    "train_global_step",
    "current_step",
)
TOTALS = (
    "total",
    "total_steps",
    "max_steps",
    "num_steps",
    "max_iters",
    "total_iters",
    "total_iterations",
    "num_training_steps",
    "train_iters",
)
EPOCHS = ("epochs", "num_epochs", "total_epochs", "max_epochs", "num_train_epochs")
LOSSES = ("loss", "train_loss", "training_loss", "loss_train", "lm_loss", "total_loss", "train_loss_step")
MEAN = "train_runtime"  # the Trainer's last line: its train_loss is the mean of the whole training
MOST = 24  # names of one line
LONGEST = 40


def plain(name: str) -> str:
    """A name as it is compared: `train/loss` and `Train Loss` are `train_loss`."""
    return "_".join(
        name.lower().replace("/", " ").replace("-", " ").replace(".", " ").replace("_", " ").split()
    )


def reading(pairs: Iterable[tuple[object, object]], source: Source, rank: int = 0) -> Reading | None:
    """What these say; None where it is nothing of a training."""
    known: dict[str, object] = {}
    for name, value in pairs:
        if isinstance(name, str) and len(name) <= LONGEST:
            known.setdefault(plain(name), value)
        if len(known) >= MOST:
            break
    step = next((found for name in STEPS if (found := count(known.get(name))) is not None), None)
    total = next((found for name in TOTALS if (found := count(known.get(name))) is not None), None)
    epochs = next((many for name in EPOCHS if (many := positive(known.get(name))) is not None), None)
    epoch = positive(known.get("epoch"))
    losses = () if MEAN in known else LOSSES
    loss = next((told for name in losses if (told := number(known.get(name))) is not None), None)
    if step is None and epoch is None and loss is None:
        return None
    return Reading(source, step, total, epoch, epochs, loss, scalars(known), rank=rank)


def scalars(known: dict[str, object]) -> tuple[tuple[str, float], ...]:
    """The other numbers, by name."""
    taken = {"epoch", *STEPS, *TOTALS, *EPOCHS}
    found = ((name, number(value)) for name, value in known.items() if name not in taken)
    return tuple((name, value) for name, value in found if value is not None and math.isfinite(value))
