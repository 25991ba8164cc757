"""What may go on at a pod, and at which minute the idle brake stops it: no false stop, and none that is missed.

Each line is a script in virtual time and the minute of the stop; None: it is still up when the script ends. Fifteen
minutes after the last sign of use, thirty after a person's. Not here: how a script is played (``idle_pod``).
"""

from __future__ import annotations

from pod_agent.pod.idle.raw import Card, GpuReading, Kernels
from tests.agent.idle_pod import NO_GPU, UNKNOWN, Spell

LONG = 400.0
GB = 1 << 30
PYTHON = {"python": 1.0}
BUSY_GPU = GpuReading((Card(0.97, 60 * GB, 1),))
KERNEL = Kernels(1, 0)
EXECUTES = Kernels(1, 1)


def rest(**more):
    """Nothing more happens; long enough for every stop."""
    return Spell(LONG, **more)


def works(minutes, **more):
    """A job runs."""
    return Spell(minutes, "running", gpu=more.pop("gpu", BUSY_GPU), **more)


# name: (spells, the minute of the stop)
JOBS = {
    "nothing at all": ([rest()], 15),
    "a finished job that is kept": ([works(30), rest(phase="finished")], 45),
    "a failed job that is kept": ([works(2), rest(phase="finished")], 17),
    "a job that trains": ([works(180)], None),
    "a data-loading pause of 40 minutes": ([works(30), works(40, gpu=NO_GPU), works(30)], None),
    "a job that evaluates on the CPU": ([works(20), works(90, gpu=NO_GPU, job={"python": 4.0})], None),
    "a 3-hour tokenisation as the job": ([works(180, gpu=NO_GPU, job={"python": 7.5})], None),
    "a job that is silent for 5 hours is the stall brake's": ([works(300, gpu=NO_GPU)], None),
    "a job that writes a checkpoint for 30 minutes": (
        [works(30, gpu=NO_GPU, job={"python": 0.01}, writes=2e8)],
        None,
    ),
    "a job while NVML is dead": ([works(200, gpu=UNKNOWN)], None),
    "syncing for 2 hours": ([Spell(120, "syncing")], None),
    "installing for 2 hours": ([Spell(120, "installing")], None),
    "restoring for 2 hours": ([Spell(120, "restoring")], None),
    "draining for 2 hours": ([Spell(120, "draining")], None),
    "stopping is not stopped again": ([Spell(60, "stopping")], None),
    "an order after ten minutes": ([Spell(10), Spell(5, "syncing"), works(60), rest(phase="finished")], 90),
    "an order a minute before the stop": ([Spell(14), Spell(1, "syncing"), works(10), rest()], 40),
    "two jobs, one after another": (
        [works(20), Spell(10, "finished"), works(20), rest(phase="finished")],
        65,
    ),
    "what is left of a job goes on computing": (
        [works(5), Spell(30, "finished", job={"python": 0.5}), rest()],
        50,
    ),
    "what is left of a job hangs": ([works(5), rest(phase="finished", job={"python": 0.0})], 20),
}

GPUS = {
    "a training by hand": ([Spell(40, gpu=BUSY_GPU, programs={"python": 0.05}), rest()], 55),
    "a training by hand goes on": ([Spell(180, gpu=BUSY_GPU, programs={"python": 1.1})], None),
    "one of eight GPUs computes": ([Spell(60, gpu=GpuReading((*[Card(0.0)] * 7, Card(0.4)))), rest()], 75),
    "an inference every two minutes": ([Spell(120, gpu_every=2.0), rest()], 133),
    "zombie memory: held by no process": ([rest(gpu=GpuReading((Card(0.0, 61 * GB, 0),)))], 15),
    "memory held by a notebook that waits": (
        [rest(gpu=GpuReading((Card(0.0, 30 * GB, 1),)), kernels=KERNEL)],
        15,
    ),
    "a zombie that shows 100 %": ([rest(gpu=GpuReading((Card(1.0, 61 * GB, 0),)), terminals=1)], 15),
    "100 %, and the driver lists no process of a container": (
        [Spell(120, gpu=GpuReading((Card(1.0, 61 * GB, 0),)), programs={"python": 0.02})],
        None,
    ),
    "100 % and nobody knows by whom": ([Spell(120, gpu=GpuReading((Card(1.0, 61 * GB, None),)))], None),
    "100 % while the process table cannot be read": (
        [Spell(120, gpu=GpuReading((Card(1.0, GB, 0),)), processes=UNKNOWN)],
        None,
    ),
    "noise of 3 %": ([rest(gpu=GpuReading((Card(0.03),)))], 15),
    "a pod without a GPU": ([rest(gpu=NO_GPU)], 15),
    "a slice that does not tell": ([rest(gpu=GpuReading((Card(None, GB, None),)))], 15),
    "NVML crashed": ([rest(gpu=UNKNOWN)], 75),
    "NVML crashed for ten minutes": ([Spell(10, gpu=UNKNOWN), rest()], 24.5),
    "NVML crashes every other minute": ([Spell(1, gpu=UNKNOWN), Spell(1)] * 200, 75),
    "NVML crashes for a minute every ten": ([Spell(1, gpu=UNKNOWN), Spell(9)] * 40, 75),
    "NVML dead while somebody computes": (
        [Spell(180, gpu=UNKNOWN, programs=PYTHON), rest(gpu=UNKNOWN)],
        209.5,
    ),
    "NVML dead after a job": ([works(300, gpu=UNKNOWN), rest(phase="finished", gpu=UNKNOWN)], 374.5),
    "NVML comes back busy": ([Spell(50, gpu=UNKNOWN), Spell(90, gpu=BUSY_GPU), rest()], 154.5),
}

PROGRAMS = {
    "a 3-hour tokenisation by hand": ([Spell(180, programs={"python": 7.9}), rest()], 209.5),
    "a tokenisation that waits for its disk": (
        [Spell(180, programs={"python": 0.05}, writes=5e6), rest()],
        194.5,
    ),
    "a script that appends to a file": ([Spell(90, programs={"python": 0.01}, writes=6000.0), rest()], 104.5),
    "a loop of short programs in a shell": ([Spell(40, loops=0.5), rest()], 69.5),
    "a notebook computing on the CPU": (
        [Spell(120, programs={"ipykernel": 1.0}, kernels=EXECUTES), rest()],
        149.5,
    ),
    "a notebook that waits for an answer from outside": (
        [Spell(50, kernels=EXECUTES), rest(kernels=KERNEL)],
        79.5,
    ),
    "a notebook cell that hangs for ever": ([rest(kernels=EXECUTES)], 90),
    "a cell that hangs, on a server that answers every other minute": (
        [Spell(1, kernels=EXECUTES), Spell(1, kernels=UNKNOWN)] * 200,
        91,
    ),
    "a notebook left open": ([rest(programs={"jupyter-lab": 0.004, "python": 0.005}, kernels=KERNEL)], 15),
    "a notebook server that does not answer": ([rest(kernels=UNKNOWN)], 90),
    "VS Code's server left open": ([rest(programs={"node": 0.02}, ssh=20.0)], 15),
    "VS Code left open, which fetches every three minutes": (
        [rest(programs={"node": 0.02}, stirs_every=3)],
        15,
    ),
    "a daemon that stirs every ten minutes": ([rest(programs={"agent": 0.01}, stirs_every=10)], 15),
    "VS Code indexes": ([Spell(20, programs={"node": 0.8}), rest(programs={"node": 0.02})], 49.5),
    "a debugger left open": ([rest(programs={"python": 0.0}, terminals=1)], 15),
    "watch nvidia-smi left open": ([rest(programs={"watch": 0.3}, terminals=1)], 15),
    "htop and nvtop left open": ([rest(programs={"htop": 0.2, "nvtop": 0.4}, terminals=2)], 15),
    "tail -f left open": ([rest(programs={"tail": 0.01}, terminals=1)], 15),
    "sleep infinity by hand": ([rest(programs={"sleep": 0.0}, terminals=1)], 15),
    "the process table cannot be read": ([rest(processes=UNKNOWN)], 90),
}
