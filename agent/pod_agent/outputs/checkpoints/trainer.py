"""Judges a folder that Hugging Face's Trainer wrote: every file whole, the step its own, nothing half or missing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import single_file
from pod_agent.outputs.checkpoints.candidate import Candidate, NotWhole, Part
from pod_agent.outputs.checkpoints.find import STATE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

_WEIGHTS = re.compile(r"(?:^|/)(?:model|adapter_model|pytorch_model|adapter)[^/]*\.(?:safetensors|bin)$")
_INDEX = ".index.json"
_SENTINELS = {"checkpoint-is-incomplete.txt"}
_STEP = re.compile(rb'^ {0,4}"global_step"\s*:\s*(\d+)', re.MULTILINE)
_LARGE = 8 << 10  # a state with a long history is not parsed, only looked at


def check(candidate: Candidate, recorded: Mapping[str, int]) -> int:
    """The step of a whole folder; ``recorded`` are the sizes its files had when it was first judged whole."""
    parts = {part.name: part for part in candidate.parts}
    _check_names(candidate, parts, recorded)
    state = parts[STATE_FILE]
    step = _step(candidate, state)
    if candidate.step is not None and candidate.step != step:
        raise NotWhole(f"{STATE_FILE} says step {step}")
    for part in candidate.parts:
        _check_part(candidate, part, state, recorded)
    return step


def _check_names(candidate: Candidate, parts: Mapping[str, Part], recorded: Mapping[str, int]) -> None:
    for name in parts:
        if name.rpartition("/")[2] in _SENTINELS or name.endswith((".tmp", ".incomplete", ".part")):
            raise NotWhole(f"{name} says that it is not finished")
    if STATE_FILE not in parts:
        raise NotWhole(f"{STATE_FILE} is missing")
    missing = sorted(set(recorded) - set(parts))
    if missing:
        raise NotWhole(f"{missing[0]} has been removed")
    indexes = [name for name in parts if name.endswith(_INDEX)]
    for name in indexes:
        _check_index(candidate, name, parts)
    if not indexes and not any(_WEIGHTS.search(name) for name in parts):
        raise NotWhole("its weights are missing")


def _check_index(candidate: Candidate, name: str, parts: Mapping[str, Part]) -> None:
    try:
        shards = set(json.loads((candidate.path / name).read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NotWhole(f"{name} cannot be read") from None
    below = name.rpartition("/")[0]
    missing = sorted(shard for shard in shards if f"{below}/{shard}".lstrip("/") not in parts)
    if missing:
        raise NotWhole(f"{missing[0]} is missing")


def _step(candidate: Candidate, state: Part) -> int:
    try:
        data = (candidate.path / STATE_FILE).read_bytes()
        if state.size <= _LARGE:
            return int(json.loads(data)["global_step"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotWhole(f"{STATE_FILE} is not valid") from None
    found = _STEP.search(data)
    if found is None or not data.rstrip().endswith(b"}"):
        raise NotWhole(f"{STATE_FILE} is not valid")
    return int(found[1])


def _check_part(candidate: Candidate, part: Part, state: Part, recorded: Mapping[str, int]) -> None:
    path = candidate.path / part.name
    if part.name == STATE_FILE or part.name.endswith(_INDEX):
        return  # both were read already
    if single_file.has_length(path):
        try:
            single_file.check(path, part.size, with_step=False)
        except NotWhole as found:
            raise NotWhole(f"{part.name}: {found}") from None
    elif recorded.get(part.name, part.size) != part.size:
        raise NotWhole(f"{part.name} had {recorded[part.name]} bytes when it was whole, and has {part.size}")
    elif part.name not in recorded and part.mtime_ns > state.mtime_ns:
        # The state is the last file the Trainer writes: what is older than a whole state was finished before it.
        raise NotWhole(f"nobody saw {part.name} whole, and it is newer than {STATE_FILE}")
