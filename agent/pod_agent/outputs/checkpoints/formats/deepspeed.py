"""DeepSpeed: a folder for each step, files for each process, and beside it ``latest``, which is written last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import pickles
from pod_agent.outputs.checkpoints.candidate import NotWhole, Unproved
from pod_agent.outputs.checkpoints.files import check_kinds, check_parts
from pod_agent.outputs.checkpoints.formats.torch_file import value_in_zip
from pod_agent.outputs.checkpoints.shards import check_complete

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from pod_agent.outputs.checkpoints.candidate import Candidate, Entry, Seen

LATEST = "latest"
_TAG = re.compile(r"^global_step(\d+)$")
_STATES = re.compile(r"_(?:model|optim)_states\.pt$")
_MODEL = re.compile(r"^mp_rank_(\d+)_model_states\.pt$")
_ZERO = re.compile(r"^((?:bf16_|fp16_)?zero_pp_rank_)(\d+)(_mp_rank_)(\d+)(_(?:model|optim)_states\.pt)$")
_LAYERS = re.compile(r"^layer_(\d+)-model_(\d+)-model_states\.pt$")
_SHORT = 200  # bytes of a name in ``latest``


class DeepSpeed:
    name = "DeepSpeed"
    endings = ("_model_states.pt", "_optim_states.pt")

    def claims(self, entry: Entry) -> bool:
        if not entry.is_folder:
            return False
        return any(map(_STATES.search, entry.files)) or (
            _TAG.match(entry.name) is not None and bool(entry.files)
        )

    def check(self, found: Candidate, seen: Seen) -> int | None:
        seen = check_complete(found, seen)
        told = _check_ranks(found, "")
        step = found.step if told is None else told
        if _TAG.match(found.path.name) and told is not None and found.step != told:
            raise NotWhole(f"its files say step {told}")
        check_parts(found, seen, step=step)
        _check_latest(found, step)
        check_kinds(found, seen, step, rest_s=60.0)
        return step


def check_inside(found: Candidate) -> int | None:
    """Every such folder within a checkpoint of another format. Gives the step that one tells."""
    folders = {name.rpartition("/")[0] for part in found.parts if _STATES.search(name := part.name)}
    steps = [_check_ranks(found, f"{folder}/" if folder else "") for folder in sorted(folders)]
    names = {part.name for part in found.parts}
    if LATEST in names:
        tag = _read(found.path / LATEST)
        if not any(name.startswith(f"{tag}/") for name in names):
            raise NotWhole(f"{LATEST} names {tag}, which is missing")
    return next((step for step in steps if step is not None), None)


def _check_ranks(found: Candidate, below: str) -> int | None:
    """Files of all processes, as many as the first says there were. Gives the step it says."""
    names = {part.name.removeprefix(below) for part in found.parts if part.name.startswith(below)}
    models = {int(told[1]): name for name in names if (told := _MODEL.match(name))}
    zeros = [told for name in names if (told := _ZERO.match(name))]
    if not models and not any(told[5] == "_model_states.pt" for told in zeros):
        raise NotWhole(f"{below}mp_rank_00_model_states.pt is missing")
    said = _said(found.path / below / next(iter(sorted(models.values())), zeros[0][0] if zeros else ""))
    wide = _at_least(said.get("mp_world_size"), [*models, *(int(told[4]) for told in zeros)])
    many = _at_least(said.get("dp_world_size"), [int(told[2]) for told in zeros])
    for rank in range(wide if models else 0):
        _need(f"mp_rank_{rank:02}_model_states.pt", names, below)
    if said.get("optimizer", ...) is None and not any("optim" in told[5] for told in zeros):
        raise NotWhole(f"{below}zero_pp_rank_0_mp_rank_00_optim_states.pt is missing")
    for before, middle, after in {(told[1], told[3], told[5]) for told in zeros}:
        for rank in range(many):
            for part in range(wide):
                _need(f"{before}{rank}{middle}{part:02}{after}", names, below)
    step = said.get("global_steps")
    return step if isinstance(step, int) else pickles.step_in(said)


def _at_least(said: object, there: Collection[int]) -> int:
    """How many there should be: as many as were said, else as many as the highest number tells."""
    return said if isinstance(said, int) and 0 < said < 100_000 else max(there, default=0) + 1  # noqa: PLR2004


def _need(name: str, names: Collection[str], below: str) -> None:
    if name not in names:
        raise NotWhole(f"{below}{name} is missing")


def _said(path: Path) -> dict[str, object]:
    """The plain values at the top of the first process's file."""
    try:
        with path.open("rb") as file:
            value = value_in_zip(file, path.stat().st_size)
    except OSError as error:
        raise NotWhole(f"{path.name} cannot be read: {error.strerror}") from None
    except NotWhole as why:
        raise NotWhole(f"{path.name}: {why}") from None
    return value if isinstance(value, dict) else {}


def _check_latest(found: Candidate, step: int | None) -> None:
    """What ``latest`` names was written before it; a later step was not, so its save was cut off."""
    path = found.path.parent / LATEST
    if not path.exists():
        return
    tag = _read(path)
    told = _TAG.match(tag)
    if tag == found.path.name or step is None or told is None or int(told[1]) >= step:
        return
    raise Unproved(f"{LATEST} still names {tag}", step, rest_s=60.0)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_SHORT).decode("utf-8", "replace").strip()
    except OSError as error:
        raise NotWhole(f"{path.name} cannot be read: {error.strerror}") from None
