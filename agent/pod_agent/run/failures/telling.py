"""The words of a failure: its reason in one line, and what to do about this one in particular. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.failures.evidence import SHM
from pod_agent.run.failures.exceptions import is_of_lost_process
from pod_agent.run.failures.failure import Kind
from pod_agent.run.failures.retry import RULES

if TYPE_CHECKING:
    from pod_agent.run.failures.causes import Cause
    from pod_agent.run.failures.evidence import Disk, Evidence
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.failures.lines import Line

LONGEST = 240
LITTLE = 64 << 20  # bytes: a disk with less is a full one
# Packages whose name is not the module's.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "dotenv": "python-dotenv",
    "dateutil": "python-dateutil",
    "flash_attn": "flash-attn",
    "google.protobuf": "protobuf",
}
_ALLOCATE = re.compile(r"Tried to allocate ([\d.]+ ?[KMGT]i?B)")
_TOTAL = re.compile(r"total capacity of ([\d.]+ ?[KMGT]i?B)|([\d.]+ ?[KMGT]i?B) total capacity")
_FREE = re.compile(r"of which ([\d.]+ ?[KMGT]i?B) is free|([\d.]+ ?[KMGT]i?B) free")
_MODULE = re.compile(r"No module named '?([\w.]+)'?")
_FILE = re.compile(r"No such file or directory: '([^']+)'")
_OF_BASH = re.compile(
    r"(?:\S+: )?line \d+: (.+?): (?:command not found|Permission denied|No such file or directory)$"
)
_DISKS = frozenset({Kind.DISK_FULL, Kind.QUOTA, Kind.SHARED_MEMORY})


def cut(text: str) -> str:
    """One line, not too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def code(evidence: Evidence) -> str:
    if evidence.signal is not None:
        return f" (signal {evidence.signal})"
    return "" if evidence.exit_code is None else f" (exit code {evidence.exit_code})"


def reason(cause: Cause, evidence: Evidence) -> str:
    """The class in words, what was said, where, and how the command ended."""
    title = RULES[cause.kind].title
    if _lost_process(cause):
        title = "a process of the training is gone"
    if cause.raised is None:
        said = cause.said.text if cause.said is not None else ""
        return f"{title}: {cut(said)}{_disks(cause, evidence)}{code(evidence)}"
    raised = cause.raised
    if cause.kind is Kind.GPU_MEMORY:
        title += _when(evidence)
    if cause.kind is Kind.GPU_MEMORY and (numbers := _numbers(f"{raised.message}\n{raised.more}")):
        told = numbers
    else:
        told = cut(raised.text)
    where = f" ({raised.place})" if raised.place else ""
    then = f"; then {cut(cause.wrapper.text)}" if cause.wrapper is not None else ""
    return f"{title}: {told}{where}{then}{_disks(cause, evidence)}{code(evidence)}"


def _when(evidence: Evidence) -> str:
    """How far it came: what does not fit at once never will, what fits for hours may again."""
    early = " before any step was told" if evidence.stepped is False else ""
    if evidence.lived_s is None:
        return early
    minutes = evidence.lived_s / 60
    is_short = minutes < 2  # noqa: PLR2004 - for people
    return (f" after {evidence.lived_s:.0f} s" if is_short else f" after {minutes:.0f} min") + early


def _numbers(text: str) -> str:
    """What torch says of its memory, shorter."""
    wanted, total, free = _ALLOCATE.search(text), _TOTAL.search(text), _FREE.search(text)
    if not wanted:
        return ""
    words = f"tried to allocate {wanted[1]}"
    if total:
        words += f"; the GPU has {total[1] or total[2]}"
    return words + (f", of which {free[1] or free[2]} was free" if free else "")


def _disks(cause: Cause, evidence: Evidence) -> str:
    """Of a full disk: which of them it was, as far as they tell."""
    if cause.kind not in _DISKS:
        return ""
    shm = cause.kind is Kind.SHARED_MEMORY
    full = [disk for disk in evidence.disks if (disk.name == SHM) == shm and (shm or _is_full(disk))]
    return "".join(room(disk) for disk in full)


def _is_full(disk: Disk) -> bool:
    little = disk.free_bytes is not None and disk.free_bytes < LITTLE
    return little or disk.free_files == 0


def room(disk: Disk) -> str:
    if disk.free_files == 0:
        return f"; {disk.name} takes no more files"
    if disk.free_bytes is None:
        return ""
    of = f" of {_size(disk.size_bytes)}" if disk.size_bytes else ""
    return f"; {disk.name} has {_size(disk.free_bytes)}{of} free"


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def remedy(cause: Cause) -> str:
    """What to do about this one in particular; empty: what the class says."""
    text = (
        cause.raised.message
        if cause.raised is not None
        else cause.said.text
        if cause.said is not None
        else ""
    )
    module = _MODULE.search(text) if cause.kind is Kind.IMPORT else None
    if module:
        top = module[1].partition(".")[0]
        package = PACKAGES.get(module[1]) or PACKAGES.get(top, top)
        return f"if {module[1]!r} is a package, add {package!r} to the requirements; {_OWN_FILE}"
    if (
        cause.kind is Kind.GPU_MEMORY
        and cause.raised is not None
        and "reserved by PyTorch but unallocated" in cause.raised.message
    ):
        return f"{RULES[cause.kind].remedy}; PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True may be enough"
    return _LOST_REMEDY if _lost_process(cause) else ""


def _lost_process(cause: Cause) -> bool:
    return cause.kind is Kind.CRASH and cause.raised is not None and is_of_lost_process(cause.raised)


_LOST_REMEDY = (
    "it ended without a word: too little memory or a native library is the usual cause; "
    "try fewer workers (num_workers=0 shows an error of its own)"
)
_OWN_FILE = "a file of your own is looked for from POD_SUBDIR and in PYTHONPATH"


def shell(plain: Failure, read: tuple[Line, ...]) -> Failure:
    """A command that the shell could not run, with its name where the shell says it."""
    for line in reversed(read[-20:]):
        found = _OF_BASH.match(line.text)
        if found:
            return replace(plain, reason=f"{plain.reason}: {cut(found[1])}")
    return plain
