"""What experiment trackers need to draw one curve over all attempts of a run: variables for the training, no calls.

W&B only: TensorBoard goes on by itself, as its files stay where they are. Whoever sets W&B's variables is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WANDB_ID, WANDB_RESUME = "WANDB_RUN_ID", "WANDB_RESUME"


def variables(run: str, env: Mapping[str, str]) -> dict[str, str]:
    """The run's own id is W&B's too, so that a fresh run is a new one there; its eight hex digits need no escaping.

    An id of the user's own still gets ``allow``: without it W&B would write the second attempt over the first.
    """
    if WANDB_RESUME in env:
        return {}
    return {WANDB_RESUME: "allow"} if WANDB_ID in env else {WANDB_RESUME: "allow", WANDB_ID: run}
