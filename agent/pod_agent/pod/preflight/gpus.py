"""Are there as many usable GPUs as the pod is billed for, and is their memory free? Facts of the driver, pure verdicts.

A training that finds no GPU often runs on the CPU without a word: so fewer than promised is a failure.
Not here: asking the driver (``nvml``, ``gpu_look``), CUDA's versions (``cuda``).
"""

from __future__ import annotations

from pod_agent.pod.preflight.verdict import FINE, Finding, failure, size, warning
from pod_wire.frozen import dataclass

TAKEN_BYTES = 1 << 30  # a driver keeps some hundred megabytes for itself
MOST_TAKEN = 0.5  # of the memory: beyond this a training sized for the GPU cannot begin
SILENT, NO_BINDING, NO_LIBRARY, LOST = "silent", "no_binding", "no_library", "lost"
WORDS = {
    NO_LIBRARY: "NVIDIA's driver is not in the container",
    "no_driver": "NVIDIA's driver is not loaded on this host",
    "mismatch": "NVIDIA's driver and its library are of different versions on this host",
    SILENT: "NVIDIA's driver does not answer",
    LOST: "has fallen off the bus",
    "no_slice": "is cut into slices (MIG), and none of them is this pod's",
}
CUDA_ABSENT, CUDA_SILENT, CUDA_CRASH = -1, -2, -3
CUDA_WORDS = {  # of cuInit, by number: they are part of its ABI
    CUDA_ABSENT: "its library libcuda.so.1 is not in the container",
    100: "it finds no device",
    802: "the host's GPUs are not made ready yet (fabric manager)",
    803: "the driver and its library are of different versions",
    804: "the image's compatibility package is not for this kind of GPU",
}
CUDA_DOUBTS = {
    CUDA_SILENT: "CUDA did not begin on this pod's GPUs within half a minute",
    CUDA_CRASH: "CUDA's library ended whoever began it",
}
ANOTHER = "try later (pod-client up), or take another one (pod-client up --new-pod); this pod's volume stays readable"
LIBCUDA = "let NVIDIA_DRIVER_CAPABILITIES hold compute, or leave it unset"
HIDDEN = "if it is not meant to run on the CPU, remove CUDA_VISIBLE_DEVICES, or count from 0"
UNLOOKED = "if the training is slow, see whether it runs on the CPU: nvidia-smi"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as the driver tells. ``taken_bytes`` is in use by anybody; ``processes`` is how many use it."""

    index: int
    name: str = ""
    total_bytes: int | None = None
    taken_bytes: int | None = None
    processes: int | None = None
    fault: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Gpus:
    """What the driver told. ``fault``: it could not be asked; ``words`` are then its own."""

    found: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda: tuple[int, int] | None = None  # the newest that the driver knows
    fault: str | None = None
    words: str = ""
    cuda_error: int | None = None  # of beginning CUDA; None where that went well, or was not tried

    @property
    def usable(self) -> tuple[Gpu, ...]:
        return tuple(gpu for gpu in self.found if gpu.fault is None)


def pretended(count: int) -> Gpus:
    """The GPUs of a simulated pod."""
    return Gpus(tuple(Gpu(index, "simulated") for index in range(count)))


def judge_count(gpus: Gpus, promised: int | None) -> Finding:
    """As many as RUNPOD_GPU_COUNT says. Without it nobody promised any."""
    usable = len(gpus.usable)
    if not promised or usable >= promised:
        return FINE
    if gpus.fault == NO_BINDING:
        return warning("this pod's GPUs could not be looked at: podkeep misses nvidia-ml-py", UNLOOKED)
    reason = f"this pod has {usable} of its {promised} GPUs"
    why = _why(gpus)
    return failure(f"{reason}: {why}" if why else reason, ANOTHER, ends_pod=True)


def judge_cuda(gpus: Gpus) -> Finding:
    """A GPU that the driver lists and CUDA cannot begin on: torch would take the CPU without a word."""
    code = gpus.cuda_error
    if not code or not gpus.usable:
        return FINE
    if code in CUDA_DOUBTS:
        return warning(CUDA_DOUBTS[code], UNLOOKED)
    words = CUDA_WORDS.get(code, f"cuInit fails with error {code}")
    return failure(f"CUDA cannot be used on this pod: {words}", LIBCUDA if code == CUDA_ABSENT else ANOTHER)


def judge_visible(visible: str | None, usable: int) -> Finding:
    """CUDA_VISIBLE_DEVICES as CUDA reads it: up to the first entry that names none."""
    if visible is None or not usable:
        return FINE
    first = visible.split(",")[0].strip()
    is_seen = first.startswith(("GPU-", "MIG-")) or (first.isdecimal() and int(first[:9]) < usable)
    return (
        FINE if is_seen else warning("CUDA_VISIBLE_DEVICES hides every GPU of this pod from the job", HIDDEN)
    )


def _why(gpus: Gpus) -> str:
    if gpus.fault is not None:
        return WORDS.get(gpus.fault, gpus.words)
    sick = [
        f"GPU {gpu.index} {WORDS.get(gpu.fault, gpu.words)}" for gpu in gpus.found if gpu.fault is not None
    ]
    return ", ".join(sick)


def judge_unpromised(*, has_gpu_type: bool | None, is_cuda_image: bool) -> Finding:
    """RUNPOD_GPU_COUNT is 0: a CPU pod, or a GPU pod that came back without its own. RunPod's record tells which."""
    if has_gpu_type:
        return failure("this pod came back without its GPU", ANOTHER, ends_pod=True)
    if has_gpu_type is None and is_cuda_image:
        return warning(
            "this pod has no GPU, though its image is made for one",
            "if it is no CPU pod, it came back without its GPU: stop it and start it later",
        )
    return FINE


def is_taken(gpus: Gpus) -> bool:
    """Whether waiting for memory makes sense."""
    return any(_taken(gpu) for gpu in gpus.usable)


def judge_memory(gpus: Gpus) -> Finding:
    """Memory that somebody else holds, mostly a container that was here before."""
    taken = [gpu for gpu in gpus.usable if _taken(gpu)]
    if not taken:
        return FINE
    reason = "; ".join(_held(gpu) for gpu in taken)
    if any(gpu.total_bytes and (gpu.taken_bytes or 0) > MOST_TAKEN * gpu.total_bytes for gpu in taken):
        return failure(
            reason, "end what holds it (nvidia-smi shows it); if nothing is shown, take another pod"
        )
    return warning(reason, "if the training runs out of GPU memory, this is why")


def _taken(gpu: Gpu) -> bool:
    return (gpu.taken_bytes or 0) > TAKEN_BYTES


def _held(gpu: Gpu) -> str:
    many = f", by {gpu.processes} process{'es' if gpu.processes > 1 else ''}" if gpu.processes else ""
    of = f" of {size(gpu.total_bytes)}" if gpu.total_bytes else ""
    return f"before the training began, {size(gpu.taken_bytes or 0)}{of} of GPU {gpu.index} were taken{many}"
