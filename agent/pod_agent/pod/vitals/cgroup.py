"""Which files of the kernel tell of the container's own CPU and memory: cgroup version 1, 2, or both side by side.

By ``/proc/self/cgroup`` and the table of mounts. Not here: what the files say (``container``).
"""

from __future__ import annotations

from pathlib import Path

from pod_wire.frozen import dataclass

LEAST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Group:
    """A folder of the cgroup file system that holds one controller's files of ours."""

    folder: Path
    version: int


@dataclass(frozen=True, slots=True)
class Groups:
    """None where the controller is nowhere to be seen. Version 1 has CPU time and CPU limit apart."""

    memory: Group | None = None
    cpu: Group | None = None
    cpu_time: Group | None = None


@dataclass(frozen=True, slots=True)
class _Mount:
    root: str
    point: str
    controllers: frozenset[str]  # empty: version 2


def find(root: Path = Path("/")) -> Groups:
    """``root``: where /proc and /sys lie."""
    try:
        mounts = _mounts((root / "proc/self/mountinfo").read_text("utf-8", "replace"))
        ours = _ours((root / "proc/self/cgroup").read_text("utf-8", "replace"))
    except OSError:
        return Groups()
    return Groups(
        memory=_group(root, mounts, ours, "memory", "memory.current"),
        cpu=_group(root, mounts, ours, "cpu", "cpu.stat"),
        cpu_time=_group(root, mounts, ours, "cpuacct", "cpu.stat"),
    )


def _group(
    root: Path, mounts: list[_Mount], ours: dict[str, str], controller: str, sign: str
) -> Group | None:
    """Version 1 where the controller is mounted so; else version 2 where it has the controller's file."""
    for mount in mounts:
        if controller in mount.controllers and controller in ours:
            return Group(_folder(root, mount, ours[controller]), 1)
    for mount in mounts:
        if not mount.controllers and "" in ours:
            group = Group(_folder(root, mount, ours[""]), 2)
            if (group.folder / sign).exists():
                return group
    return None


def _folder(root: Path, mount: _Mount, path: str) -> Path:
    """Ours below the mount; the mount itself where that shows the container's own group, or hides ours."""
    top = root / mount.point.lstrip("/")
    prefix = mount.root.rstrip("/")
    if path != prefix and not path.startswith(f"{prefix}/"):
        return top
    inside = top / path[len(prefix) :].lstrip("/")
    return inside if ".." not in inside.parts and inside.is_dir() else top


def _mounts(table: str) -> list[_Mount]:
    found = []
    for line in table.splitlines():
        words = line.split(" ")
        if len(words) < LEAST_WORDS or "-" not in words[6:]:
            continue
        kind, _, options = (*words[words.index("-", 6) + 1 :], "", "")[:3]
        if kind == "cgroup":
            found.append(_Mount(words[3], words[4], frozenset(options.split(","))))
        elif kind == "cgroup2":
            found.append(_Mount(words[3], words[4], frozenset()))
    return found


def _ours(text: str) -> dict[str, str]:
    """Our place by controller; version 2's by the empty name."""
    places = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        places.update(dict.fromkeys(controllers.split(","), path))
    return places
