"""Whether a folder has all the files that its own names and indexes promise. Not here: what is in each of them."""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import NotWhole, Seen

if TYPE_CHECKING:
    from collections.abc import Collection

    from pod_agent.outputs.checkpoints.candidate import Candidate

INDEX = ".index.json"
_INDEX_LIMIT = 64 << 20
_SHORT = 128 << 10
_SENTINELS = {"checkpoint-is-incomplete.txt"}
_UNFINISHED = (".tmp", ".incomplete", ".part", ".partial")
_HEAVY = (".safetensors", ".bin", ".pt", ".pth", ".distcp", ".pkl", ".npz", ".npy", ".h5", ".msgpack")
_SHARD = re.compile(r"^(.*?)(\d+)-of-(\d+)(.*)$")
_RANK = re.compile(r"^(.*?(?:_rank_?|rng_state_|random_states_))(\d+)(\.(?:pth?|pkl|bin))$")


def check_complete(found: Candidate, seen: Seen, last: str = "") -> Seen:
    """Raises NotWhole where a name says that it is unfinished, or one that is promised is not there.

    ``last`` is the file written last: where another was written again and it was not, a save was cut off; where it was,
    this is a new save under an old name. Gives what is left to be known of it then.
    """
    names = {part.name for part in found.parts}
    for name in names:
        if name.rpartition("/")[2] in _SENTINELS or name.endswith(_UNFINISHED):
            raise NotWhole(f"{name} says that it is not finished")
    if seen.changed and (last in seen.changed if last else seen.changed >= set(seen.sizes)):
        seen = Seen(wants_step=seen.wants_step)
    _check_memory(found, seen, last)
    for name in sorted(names):
        if name.endswith(INDEX):
            _check_index(found, name, names)
    _check_numbers(names)
    check_ranks(names, _RANK)
    return seen


def _check_memory(found: Candidate, seen: Seen, last: str) -> None:
    sizes = {part.name: part.size for part in found.parts}
    for name, size in seen.sizes.items():
        if name not in sizes:
            raise NotWhole(f"{name} has been removed")
        if sizes[name] != size:
            raise NotWhole(f"{name} had {size} bytes when it was whole, and has {sizes[name]}")
    again = sorted(
        name for name in seen.changed if name.endswith(_HEAVY)
    )  # not a README that somebody touched
    if again and last:
        raise NotWhole(f"{again[0]} was written again, and {last} was not")


def _check_index(found: Candidate, name: str, names: Collection[str]) -> None:
    size = next(part.size for part in found.parts if part.name == name)
    if size > _INDEX_LIMIT:
        raise NotWhole(f"{name} is too long to be an index")
    try:
        data = (found.path / name).read_bytes()
        shards = _shards_known(data) if size <= _SHORT else _shards(data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotWhole(f"{name} cannot be read") from None
    below = name.rpartition("/")[0]
    missing = sorted(shard for shard in shards if f"{below}/{shard}".lstrip("/") not in names)
    if missing:
        raise NotWhole(f"{missing[0]} is missing")


def _shards(data: bytes) -> frozenset[str]:
    return frozenset(map(str, json.loads(data)["weight_map"].values()))


_shards_known = functools.lru_cache(maxsize=16)(
    _shards
)  # a run's checkpoints have one index, to the last byte


def _check_numbers(names: Collection[str]) -> None:
    """``-00002-of-00003``: all three, also where no index names them."""
    groups: dict[tuple[str, str, str], dict[int, int]] = defaultdict(dict)
    for name in names:
        told = _SHARD.match(name)
        if told is not None and not name.endswith(INDEX):
            groups[told[1], told[3], told[4]][int(told[2])] = len(told[2])
    for (before, count, after), numbers in groups.items():
        first = 0 if 0 in numbers else 1
        wide = max(numbers.values())
        if len(numbers) < int(count):
            missing = next(n for n in range(first, first + int(count)) if n not in numbers)
            raise NotWhole(f"{before}{missing:0{wide}}-of-{count}{after} is missing")


def check_ranks(names: Collection[str], pattern: re.Pattern[str], count: int | None = None) -> int:
    """One file for each process, numbered from nothing. Gives how many processes there were at least."""
    groups: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for name in names:
        told = pattern.match(name)
        if told is not None:
            groups[told[1], told[3]][int(told[2])] = told[2]
    most = max((max(ranks) + 1 for ranks in groups.values()), default=0) if count is None else count
    for (before, after), ranks in groups.items():
        for rank in range(most):
            if rank not in ranks:
                number = f"{rank:0{min(map(len, ranks.values()))}}" if count is not None else str(rank)
                raise NotWhole(f"{before}{number}{after} is missing")
    return most
