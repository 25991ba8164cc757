"""How programs with the real torch fail, on the CPU: the cases that are too heavy for cases.py."""

from __future__ import annotations

from pod_agent.run.failures.failure import Kind
from tests.agent.failures.cases import FREELY, NEVER, PROGRESS, Case, py

K = Kind
RUN = "python -m torch.distributed.run --standalone --nproc-per-node 2 {p}/torch_ranks.py"
LAUNCH = "python -m accelerate.commands.launch --cpu --num_processes 1 {p}/torch_shape.py"
TORCH = {
    "nan": Case(py("torch_nan"), K.NAN, r"returned nan values in its 0th output", "learning rate", NEVER),
    "sampling": Case(py("torch_sampling"), K.NAN, r"contains either `?inf", "clip gradients", NEVER),
    "shape": Case(
        py("torch_shape"), K.SHAPE, r"mat1 and mat2 .*4x7 and 8x2.*torch_shape\.py line 8", "compare", NEVER
    ),
    "state": Case(py("torch_state"), K.CHECKPOINT, r"loading state_dict for Sequential", "--fresh", NEVER),
    "optimizer": Case(py("torch_optimizer"), K.CHECKPOINT, r"loaded state dict", "saved with", NEVER),
    "cut file": Case(
        py("torch_cut_file", "20000"), K.DAMAGED, r"\[Errno 22\]|central directory", "which are whole", NEVER
    ),
    "cut short": Case(
        py("torch_cut_file", "300"), K.DAMAGED, r"a saved file cannot be read", "which are whole", NEVER
    ),
    "full disk": Case(
        py("torch_full_disk", "{disk}"), K.DISK_FULL, r"disk full: ", "free space", NEVER, "small disk"
    ),
    "no cuda": Case(
        py("torch_no_cuda"), K.NO_CUDA, r"not compiled with CUDA|NVIDIA driver", "fit the pod", NEVER
    ),
    "too large": Case(py("torch_too_large"), K.HOST_MEMORY, r"can't allocate memory", "batches", PROGRESS),
    "loader fails": Case(
        py("torch_loader", "fails"), K.EXCEPTION, r"error: ValueError: sample 1 has", "log", PROGRESS
    ),
    "loader killed": Case(
        py("torch_loader", "SIGKILL"), K.HOST_MEMORY, r"killed by signal: Killed", "workers", PROGRESS
    ),
    "loader crashes": Case(py("torch_loader", "SIGSEGV"), K.CRASH, r"Segmentation fault", "native", PROGRESS),
    "loader, no room": Case(
        py("torch_loader", "SIGCONT 1000000"),
        K.SHARED_MEMORY,
        r"shared memory is full \(/dev/shm\): RuntimeError",
        "num_workers=0",
        NEVER,
        "shm",
    ),
    "rank fails": Case(
        f"{RUN} fails", K.EXCEPTION, r"shard 1 has no samples .torch_ranks\.py", "traceback", PROGRESS
    ),
    "rank killed": Case(
        f"{RUN} killed", K.KILLED, r"one of its processes: killed by signal KILL", "POD_RESUME", FREELY
    ),
    "rank late": Case(
        f"{RUN} late", K.RANKS, r"ranks lost each other.*(?:Timed out|[Tt]imeout)", "ended first", PROGRESS
    ),
    "spawn": Case(
        py("torch_spawn"), K.NO_FILE, r"shard-1\.bin.*torch_spawn\.py line 8", "check the path", NEVER
    ),
    "accelerate": Case(LAUNCH, K.SHAPE, r"mat1 and mat2", "compare", NEVER),
}
