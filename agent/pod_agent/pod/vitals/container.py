"""The container's CPU and memory by its cgroup's files, of either version. What a kernel does not tell is None.

A container without a limit may use the whole machine, which is then its limit. Not here: where they lie (``cgroup``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod import kernel_files
from pod_agent.pod.vitals import cgroup
from pod_agent.pod.vitals.sample import Container
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.vitals.cgroup import Group, Groups

NANO, MICRO = 1e-9, 1e-6
KIB = 1 << 10
SELDOM = 2  # looks: limits and kills hardly change; the kernel adds memory.stat up anew for each reader
UNLIMITED = "max"
MOST_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class _Limits:
    cores: float | None = None
    memory_bytes: int | None = None
    inactive_bytes: int | None = None  # pages of files that nobody used lately
    oom_kills: int | None = None


@dataclass(frozen=True, slots=True)
class _Files:
    """What is read often; None where there is no such file. Names, as a Path is made anew at each step."""

    used: str | None
    time: str | None
    stat: str | None

    @classmethod
    def of(cls, groups: Groups) -> _Files:
        return cls(
            used=_file(groups.memory, "memory.usage_in_bytes", "memory.current"),
            time=_file(groups.cpu_time, "cpuacct.usage", "cpu.stat"),
            stat=_file(groups.cpu, "cpu.stat", "cpu.stat"),
        )


class ContainerWatch:
    """``look`` is one thread's. ``groups``: where they were found already."""

    def __init__(
        self, root: Path = Path("/"), cores: int | None = None, groups: Groups | None = None
    ) -> None:
        self._root = root
        self._cores = cores if cores is not None else len(os.sched_getaffinity(0))
        self._groups = groups if groups is not None else cgroup.find(root)
        self._files = _Files.of(self._groups)
        self._limits = _Limits()
        self._looks = 0

    def look(self) -> Container:
        """CPU time and memory now; limits and OOM kills as of this look or the one before."""
        if self._looks % SELDOM == 0:
            self._limits = self._look_at_limits()
        self._looks += 1
        seconds, throttled = self._cpu()
        used, inactive = _number(self._files.used), self._limits.inactive_bytes
        return Container(
            cpu_seconds=seconds,
            cpu_throttled_seconds=throttled,
            cpu_cores=self._limits.cores,
            memory_used_bytes=used,
            memory_working_bytes=None if used is None or inactive is None else max(0, used - inactive),
            memory_limit_bytes=self._limits.memory_bytes,
            oom_kills=self._limits.oom_kills,
        )

    def _cpu(self) -> tuple[float | None, float | None]:
        """Seconds used, and held back. In version 2 one file tells both, and is read once."""
        groups, files = self._groups, self._files
        stat = _pairs(files.stat)
        if groups.cpu is None or groups.cpu.version == 1:
            throttled = _times(stat.get("throttled_time"), NANO)
        else:
            throttled = _times(stat.get("throttled_usec"), MICRO)
        if groups.cpu_time is None or groups.cpu_time.version == 1:
            return _times(_number(files.time), NANO), throttled
        told = stat if files.time == files.stat else _pairs(files.time)
        return _times(told.get("usage_usec"), MICRO), throttled

    def _look_at_limits(self) -> _Limits:
        quota = _quota_cores(self._groups.cpu)
        total = _pairs(str(self._root / "proc/meminfo")).get("MemTotal:")
        limit, inactive = _memory_limit(self._groups.memory)
        events = _file(self._groups.memory, "memory.oom_control", "memory.events")
        known = [one for one in (limit, None if total is None else total * KIB) if one is not None]
        return _Limits(
            cores=min(self._cores, quota) if quota is not None else float(self._cores),
            memory_bytes=min(known, default=None),
            inactive_bytes=inactive,
            oom_kills=_pairs(events).get("oom_kill"),
        )


def _file(group: Group | None, first: str, second: str) -> str | None:
    """By the name that its version has for it."""
    return None if group is None else str(group.folder / (first if group.version == 1 else second))


def _quota_cores(group: Group | None) -> float | None:
    """How many cores its limit allows; None where there is none."""
    if group is None:
        return None
    if group.version == 1:
        quota = _number(str(group.folder / "cpu.cfs_quota_us"))
        period = _number(str(group.folder / "cpu.cfs_period_us"))
    else:
        first, _, second = (_text(str(group.folder / "cpu.max")) or "").partition(" ")
        quota, period = _whole(first), _whole(second)
    return quota / period if quota and period and quota > 0 else None


def _memory_limit(group: Group | None) -> tuple[int | None, int | None]:
    """Its limit, with those of the groups above as far as the kernel says; and what it holds of idle files."""
    if group is None:
        return None, None
    told = _pairs(str(group.folder / "memory.stat"))
    if group.version == 1:
        return told.get("hierarchical_memory_limit"), told.get("total_inactive_file")
    text = _text(str(group.folder / "memory.max"))
    return None if text == UNLIMITED else _whole(text or ""), told.get("inactive_file")


def _pairs(path: str | None) -> dict[str, int]:
    """Lines of a name and a number."""
    words = [line.split() for line in (_text(path) or "").splitlines()]
    return {line[0]: int(line[1]) for line in words if len(line) > 1 and line[1].isdecimal()}


def _number(path: str | None) -> int | None:
    return _whole(_text(path) or "")


def _whole(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _times(value: int | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _text(path: str | None) -> str | None:
    data = None if path is None else kernel_files.read(path, MOST_BYTES)
    return None if data is None else data.decode("ascii", "replace").strip()
