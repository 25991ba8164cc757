"""Any other folder that is named for a step and holds weights: each file by its own format, all of them by rest.

Nothing in it lists what belongs to it. So the one before it is asked, or it has to rest, or was seen whole earlier.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.inside import check_inside
from pod_agent.outputs.checkpoints.names import NUMBERED

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

_NAMED = re.compile(r"(?:^|[-_.])(?:last|latest|ckpt|checkpoint|snapshot|resume|state)$", re.IGNORECASE)
_ENDINGS = r"\.(?:safetensors|pth?|bin|ckpt|npz|npy|h5|hdf5|keras|pkl|pickle|joblib|msgpack|distcp)$"
_WEIGHTS = re.compile(
    r"^(?:(?:pytorch_|diffusion_pytorch_|adapter_|ema_|ae_|lora_)?model|weights?|params?|net(?:work)?|policy|actor|critic"
    r"|agent|generator|discriminator|encoder|decoder|unet|vae|ema|adapter|state(?:_dict)?|train(?:er|ing)?_state"
    r"|checkpoint|ckpt|module)(?:[^a-z][^/]*)?" + _ENDINGS,
    re.IGNORECASE,
)
_SURE = re.compile(
    r"(?:^|[-_.])(?:checkpoint|ckpt)[-_=.]?\d+$", re.IGNORECASE
)  # whatever its files are called
_ANY = re.compile(_ENDINGS, re.IGNORECASE)
_BESIDE = re.compile(
    r"^(?:optim|optimizer|opt|sched|scheduler|train(?:er|ing)?_state|rng|scaler)[^/]*$", re.IGNORECASE
)
_PARTS = {"model", "optim", "optimizer", "weights", "params", "unet", "pytorch_model_fsdp_0"}
_REST_S = 30.0  # the first of its kind: longer than a trainer pauses between two files


class Folder:
    name = "any other folder"
    endings: tuple[str, ...] = ()

    def claims(self, entry: Entry) -> bool:
        if not (entry.is_folder and entry.is_meant):
            return False
        if _SURE.search(entry.name):
            return any(map(_ANY.search, entry.files)) or bool(entry.folders & _PARTS)
        has_weights = any(map(_WEIGHTS.match, entry.files)) or bool(entry.folders & _PARTS)
        if NUMBERED.search(entry.name):
            return has_weights
        return _NAMED.search(entry.name) is not None and has_weights and any(map(_BESIDE.match, entry.files))

    def check(self, found: Candidate, seen: Seen) -> int | None:
        if not any(part.size for part in found.parts):
            raise NotWhole("it is empty")
        step = check_inside(found, seen, step=found.step)
        if not seen.kinds and not seen.sizes:
            raise Unproved("nobody saw it whole, and nothing in it lists its files", step, _REST_S)
        return step
