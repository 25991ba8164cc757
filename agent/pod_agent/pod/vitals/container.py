"""The container's CPU and memory by its cgroup's files, of either version. What a kernel does not tell is None.

A container without a limit may use the whole machine, which is then its limit. Not here: where they lie (``cgroup``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.vitals import cgroup
from pod_agent.pod.vitals.sample import Container

if TYPE_CHECKING:
    from pod_agent.pod.vitals.cgroup import Group

NANO, MICRO = 1e-9, 1e-6
KIB = 1 << 10
SELDOM = 10  # looks: the kernel adds memory.stat up anew for each reader
UNLIMITED = "max"
MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class _Limits:
    cores: float | None = None
    memory_bytes: int | None = None
    inactive_bytes: int | None = None  # pages of files that nobody used lately


class ContainerWatch:
    """``look`` is one thread's."""

    def __init__(self, root: Path = Path("/"), cores: int | None = None) -> None:
        self._root = root
        self._cores = cores if cores is not None else len(os.sched_getaffinity(0))
        self._groups = cgroup.find(root)
        self._limits = _Limits()
        self._looks = 0

    def look(self) -> Container:
        """Now; limits as of the last ten seconds."""
        if self._looks % SELDOM == 0:
            self._limits = self._look_at_limits()
        self._looks += 1
        return replace(
            self._memory(),
            cpu_seconds=_cpu_seconds(self._groups.cpu_time),
            cpu_throttled_seconds=_throttled_seconds(self._groups.cpu),
            cpu_cores=self._limits.cores,
        )

    def _memory(self) -> Container:
        group = self._groups.memory
        if group is None:
            return Container(memory_limit_bytes=self._limits.memory_bytes)
        is_first = group.version == 1
        used = _number(group.folder / ("memory.usage_in_bytes" if is_first else "memory.current"))
        events = _pairs(group.folder / ("memory.oom_control" if is_first else "memory.events"))
        inactive = self._limits.inactive_bytes
        return Container(
            memory_used_bytes=used,
            memory_working_bytes=None if used is None or inactive is None else max(0, used - inactive),
            memory_limit_bytes=self._limits.memory_bytes,
            oom_kills=events.get("oom_kill"),
        )

    def _look_at_limits(self) -> _Limits:
        quota = _quota_cores(self._groups.cpu)
        total = _pairs(self._root / "proc/meminfo").get("MemTotal:")
        limit, inactive = _memory_limit(self._groups.memory)
        known = [one for one in (limit, None if total is None else total * KIB) if one is not None]
        return _Limits(
            cores=min(self._cores, quota) if quota is not None else float(self._cores),
            memory_bytes=min(known, default=None),
            inactive_bytes=inactive,
        )


def _cpu_seconds(group: Group | None) -> float | None:
    if group is None:
        return None
    if group.version == 1:
        return _times(_number(group.folder / "cpuacct.usage"), NANO)
    return _times(_pairs(group.folder / "cpu.stat").get("usage_usec"), MICRO)


def _throttled_seconds(group: Group | None) -> float | None:
    if group is None:
        return None
    told = _pairs(group.folder / "cpu.stat")
    if group.version == 1:
        return _times(told.get("throttled_time"), NANO)
    return _times(told.get("throttled_usec"), MICRO)


def _quota_cores(group: Group | None) -> float | None:
    """How many cores its limit allows; None where there is none."""
    if group is None:
        return None
    if group.version == 1:
        quota = _number(group.folder / "cpu.cfs_quota_us")
        period = _number(group.folder / "cpu.cfs_period_us")
    else:
        first, _, second = (_text(group.folder / "cpu.max") or "").partition(" ")
        quota, period = _whole(first), _whole(second)
    return quota / period if quota and period and quota > 0 else None


def _memory_limit(group: Group | None) -> tuple[int | None, int | None]:
    """Its limit, with those of the groups above as far as the kernel says; and what it holds of idle files."""
    if group is None:
        return None, None
    told = _pairs(group.folder / "memory.stat")
    if group.version == 1:
        return told.get("hierarchical_memory_limit"), told.get("total_inactive_file")
    text = _text(group.folder / "memory.max")
    return None if text == UNLIMITED else _whole(text or ""), told.get("inactive_file")


def _pairs(path: Path) -> dict[str, int]:
    """Lines of a name and a number."""
    words = [line.split() for line in (_text(path) or "").splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdecimal()}


def _number(path: Path) -> int | None:
    return _whole(_text(path) or "")


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _times(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _text(path: Path) -> str | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - several each second
            return file.read(MOST_BYTES).decode("ascii", "replace").strip()
    except OSError:
        return None
