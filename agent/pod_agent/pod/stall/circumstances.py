"""What surrounds a job that does not go on: its variables of NCCL and torch, the kernel's last words, the GPUs.

No value of a variable that sounds like a secret is told. Not here: the job's processes (``portraits``, ``stacks``).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from pod_agent.pod.stall import veil
from pod_agent.pod.stall.processes import read
from pod_agent.pod.vitals.sample import Gpus
from pod_wire.secrets import is_secret_name

if TYPE_CHECKING:
    from pod_agent.pod.vitals.sample import Gpu, Sample
    from pod_wire.masker import Masker

BEGINNINGS = ("NCCL_", "TORCH_", "PYTORCH_", "CUDA_", "GLOO_", "UCX_", "FI_", "OMPI_", "OMP_", "XLA_", "TPU_")
NAMED = frozenset(
    {"MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"}
)
MOST_VALUE = 200
MOST_ENVIRONMENT = 1 << 20
HOUR_S = 3600.0
LAST = 12  # lines of the kernel
OF_NOTE = re.compile(
    r"NVRM|Xid|nvidia|blocked for more than|Killed process|nfs:|fuse:|ceph:|lustre|I/O error|EXT4-fs|XFS|mce:|EDAC"
)
GB = 1e9


def variables(pid: int, masker: Masker, proc: str = "/proc") -> list[str]:
    """NAME=value of what the ranks go by; the process's own, as it was started."""
    found = []
    for entry in read(f"{proc}/{pid}/environ", MOST_ENVIRONMENT).split(b"\0"):
        name, equals, value = veil.line(entry, masker).partition("=")
        if equals and (name.startswith(BEGINNINGS) or name in NAMED):
            shown = veil.STARS if is_secret_name(name) or "://" in value else value[:MOST_VALUE]
            found.append(f"{name}={shown}")
    return sorted(found)


def kernel(masker: Masker, path: str = "/dev/kmsg", now: float | None = None) -> list[str]:
    """What it said in the last hour of GPUs, disks, memory and tasks that hang; or why that is not known."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return [f"  its messages may not be read here ({error.strerror})"]
    found: list[str] = []
    try:
        since = None if now is None else now - HOUR_S
        while record := _record(fd):
            at, text = _read(record)
            if OF_NOTE.search(text) and (since is None or at is None or at >= since):
                shown = veil.line(text.encode(), masker)[:MOST_VALUE]
                found.append(f"  {shown}" if at is None else f"  [{at:.0f} s] {shown}")
    finally:
        os.close(fd)
    return found[-LAST:] or ["  nothing of note in the last hour"]


def _record(fd: int) -> bytes:
    """The next one; nothing where there is no more, or another is being overwritten all the time."""
    for _ in range(3):
        try:
            return os.read(fd, 8192)
        except BrokenPipeError:
            continue  # it was overwritten before we came
        except OSError:
            return b""
    return b""


def _read(record: bytes) -> tuple[float | None, str]:
    """``6,339,5140900,-;text``: seconds since the machine began, and the text."""
    head, _, text = record.decode("utf-8", "replace").partition(";")
    fields = head.split(",")
    at = int(fields[2]) / 1e6 if len(fields) > 2 and fields[2].isdigit() else None  # noqa: PLR2004
    return at, text.split("\n")[0]


def gpus(sample: Sample | None) -> list[str]:
    """A line for each."""
    if sample is None or sample.gpus.state is Gpus.UNKNOWN:
        words = sample.gpus.words if sample is not None else ""
        return [f"  not known{f': {words}' if words else ''}"]
    return [f"  {_gpu(one)}" for one in sample.gpus.found] or ["  this pod has none"]


def _gpu(gpu: Gpu) -> str:
    said = [f"GPU {gpu.label} {gpu.name}".rstrip()]
    if gpu.fault is not None:
        said.append(gpu.words or gpu.fault)
    if gpu.utilization is not None:
        said.append(f"use {gpu.utilization:.0%}")
    if gpu.power_watts is not None:
        limit = "" if gpu.power_limit_watts is None else f" of {gpu.power_limit_watts:.0f}"
        said.append(f"{gpu.power_watts:.0f}{limit} W")
    if gpu.memory_used_bytes is not None:
        whole = "" if gpu.memory_bytes is None else f" of {gpu.memory_bytes / GB:.1f}"
        said.append(f"{gpu.memory_used_bytes / GB:.1f}{whole} GB")
    if gpu.temperature_celsius is not None:
        said.append(f"{gpu.temperature_celsius:.0f} C")
    said += [f"Xid {code} ({times} times)" for code, times in gpu.xids or ()]
    return ", ".join(said)
