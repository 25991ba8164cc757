"""Hugging Face's Trainer: a folder whose ``trainer_state.json`` is written last and says the step."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_agent.outputs.checkpoints.inside import check_inside
from pod_agent.outputs.checkpoints.reading import is_closed

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

STATE_FILE = "trainer_state.json"
_NAME = re.compile(r"(?:^|[-_.])checkpoint[-_](\d+)$")
_WEIGHTS = re.compile(
    r"(?:^|/)(?:model|adapter_model|pytorch_model|adapter)[^/]*\.(?:safetensors|bin)$|^pytorch_model_fsdp_\d+/|^global_step\d+/"
)
_OPTIMIZER = re.compile(r"^(?:optimizer(?:_\d+)?(?:\.pt|\.bin|/.*)|global_step\d+/.*)$")
_BESIDE_OPTIMIZER = re.compile(r"^(?:scheduler\.pt|rng_state(?:_\d+)?\.pth)$")
_OWN = re.compile(
    r"^(?:trainer_state\.json|training_args\.bin|scheduler\.pt|rng_state(?:_\d+)?\.pth"
    r"|global_step\d+|pytorch_model_fsdp_\d+|optimizer_\d+)$"
)
_ANY_WEIGHTS = re.compile(r"\.(?:safetensors|bin|pth?|ckpt|npz|npy|h5|hdf5|keras|pkl|pickle|joblib|msgpack)$")
_STEP = re.compile(rb'^ {0,4}"global_step"\s*:\s*(\d+)', re.MULTILINE)
_LARGE = 8 << 10  # a state with a long history is not parsed, only held against its brackets


class Trainer:
    name = "Hugging Face Trainer"
    endings = (STATE_FILE,)

    def claims(self, entry: Entry) -> bool:
        """By its name and what only a Trainer writes; or by its name alone, while no weights of others are in it."""
        if not entry.is_folder or _NAME.search(entry.name) is None:
            return False
        is_sure = any(map(_OWN.match, entry.files | entry.folders))
        return is_sure or (
            not any(map(_ANY_WEIGHTS.search, entry.files)) and bool(entry.files or entry.folders)
        )

    def check(self, found: Candidate, seen: Seen) -> int | None:
        names = {part.name for part in found.parts}
        if STATE_FILE not in names:
            raise NotWhole(f"{STATE_FILE} is missing")
        if not any(_WEIGHTS.search(name) for name in names):
            raise NotWhole("its weights are missing")
        if any(_BESIDE_OPTIMIZER.match(name) for name in names) and not any(map(_OPTIMIZER.match, names)):
            raise NotWhole("optimizer.pt is missing")
        step = _step(found)
        if found.step is not None and found.step != step:
            raise NotWhole(f"{STATE_FILE} says step {step}")
        check_inside(found, seen, step=step, last=STATE_FILE, read=frozenset({STATE_FILE}))
        return step


def _step(found: Candidate) -> int:
    try:
        data = (found.path / STATE_FILE).read_bytes()
        if len(data) <= _LARGE:
            return int(json.loads(data)["global_step"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise NotWhole(f"{STATE_FILE} is not valid") from None
    told = _STEP.search(data)
    if told is None or not is_closed(data):
        raise NotWhole(f"{STATE_FILE} is not valid")
    return int(told[1])
