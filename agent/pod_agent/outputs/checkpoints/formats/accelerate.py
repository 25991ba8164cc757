"""``accelerator.save_state``: weights, optimizers, schedulers, samplers, and last each process's random states."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.inside import check_inside

if TYPE_CHECKING:
    from collections.abc import Collection

    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_SURE = re.compile(
    r"^(?:random_states_\d+\.pkl|(?:scheduler|sampler)(?:_\d+)?\.bin|custom_checkpoint_\d+\.pkl)$"
)
_LIKELY = re.compile(r"^optimizer(?:_\d+)?\.bin$")
_TRAINERS = re.compile(r"^(?:trainer_state\.json|training_args\.bin|scheduler\.pt|rng_state.*\.pth)$")
_OPTIMIZER = re.compile(r"^(?:optimizer(?:_\d+)?(?:\.bin$|/)|.*_optim_states\.pt$)")
_BESIDE = re.compile(
    r"^(?:optimizer|scheduler|sampler|dl_state|random_states|custom_checkpoint|scaler)[^/]*$|^optimizer_\d+/"
)
_WEIGHTS = re.compile(r"\.(?:safetensors|bin|pt|distcp)$")
_SERIES = re.compile(r"^(model|pytorch_model|optimizer|scheduler|sampler|custom_checkpoint)_(\d+)\.(\w+)$")
_FIRST = "random_states_0.pkl"


class Accelerate:
    name = "Accelerate"
    endings = ("random_states_0.pkl", "optimizer.bin")

    def claims(self, entry: Entry) -> bool:
        """By what lies in it, whatever its name."""
        if not entry.is_folder or any(map(_TRAINERS.match, entry.files)):
            return False
        return any(map(_SURE.match, entry.files)) or any(map(_LIKELY.match, entry.files))

    def check(self, found: Candidate, seen: Seen) -> int | None:
        names = {part.name for part in found.parts}
        if _FIRST not in names:
            raise NotWhole(f"{_FIRST}, which is written last, is missing")
        if not any(_WEIGHTS.search(name) for name in names if not _BESIDE.match(name)):
            raise NotWhole("its weights are missing")
        if not any(map(_OPTIMIZER.match, names)) and any(name.startswith("scheduler") for name in names):
            raise NotWhole("optimizer.bin is missing")
        _check_series(names)
        return check_inside(found, seen, step=found.step, last=_FIRST)


def _check_series(names: Collection[str]) -> None:
    """A second optimizer is ``optimizer_1``, and there is a first."""
    for name in sorted(names):
        told = _SERIES.match(name)
        if told is None or (number := int(told[2])) == 0:
            continue
        before = (
            f"{told[1]}.{told[3]}"
            if number == 1 and told[1] != "custom_checkpoint"
            else f"{told[1]}_{number - 1}.{told[3]}"
        )
        if before not in names:
            raise NotWhole(f"{before} is missing")
