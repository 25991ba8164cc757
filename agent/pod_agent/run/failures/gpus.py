"""What the driver told of the GPUs while an attempt ran: errors of its own (Xid) that end a training, and lost GPUs.

Pure. Xids that a program's own mistake brings about (13, 31, 43, 45) are no evidence against a GPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod.vitals.sample import Gpus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pod_agent.pod.vitals.sample import Gpu, Sample

FATAL = {
    48: "memory error that could not be corrected",
    63: "memory row replaced",
    64: "memory row could not be replaced",
    74: "NVLink error",
    79: "fallen off the bus",
    94: "memory error, contained",
    95: "memory error, not contained",
}


def are_seen(samples: Sequence[Sample]) -> bool:
    """Whether the driver answers, so that another look may tell more."""
    return bool(samples) and samples[-1].gpus.state is Gpus.SEEN


def told(samples: Sequence[Sample], since: float) -> tuple[str, ...]:
    """In words, of the newest look at which the driver answered. ``since`` is of the clock that never jumps."""
    newest = next((one.gpus for one in reversed(samples) if one.gpus.state is Gpus.SEEN), None)
    return () if newest is None else tuple(words for gpu in newest.found for words in _of(gpu, since))


def _of(gpu: Gpu, since: float) -> list[str]:
    said = [
        f"GPU {gpu.label}: Xid {code} ({FATAL[code]})"
        for code, at in gpu.xids_at
        if code in FATAL and at >= since
    ]
    return said or ([f"GPU {gpu.label} is lost"] if gpu.fault == "lost" else [])
