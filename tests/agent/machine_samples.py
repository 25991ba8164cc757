"""A sample of a machine in which every figure is known, and one in which none is. For tests."""

from __future__ import annotations

from pod_agent.pod.vitals.sample import Container, Disk, Gpu, GpuReport, Gpus, Link, Sample
from pod_wire.idle import IdleStatus, Keep, Sign
from pod_wire.status import Attempt, CheckpointPlace, JobStatus, LogPlace, Phase, SelfStop, Status

GIB = 1 << 30
WHOLE_GPU = Gpu(
    index=0,
    name='NVIDIA "Fake"\\8\nH100',
    uuid="GPU-1",
    utilization=0.97,
    memory_utilization=0.41,
    memory_used_bytes=61 * GIB,
    memory_bytes=80 * GIB,
    power_watts=648.21,
    power_limit_watts=700.0,
    energy_joules=912345.678,
    sm_clock_hertz=1.755e9,
    sm_clock_most_hertz=1.98e9,
    memory_clock_hertz=2.619e9,
    temperature_celsius=61.0,
    slowdowns=("power_cap",),
    ecc_corrected=12,
    ecc_uncorrected=0,
    is_row_remap_pending=True,
    is_row_remap_failed=False,
    processes=1,
    xids=((31, 2), (94, 1)),
)
FULL = Sample(
    at=1_800_000_000.0,
    monotonic=1000.0,
    gpus=GpuReport(Gpus.SEEN, (WHOLE_GPU, Gpu(1, name="NVIDIA Fake", fault="lost")), driver="550.54.15"),
    container=Container(123.5, 2.5, 6.5, 3 * GIB, 2 * GIB, 8 * GIB, 2),
    disks=(Disk("workspace", is_silent=True), Disk("shm", 8 * GIB, 7 * GIB, 1000)),
    links=(Link("eth0", 1000, 2000),),
)
EMPTY = Sample(1_800_000_000.0, 1000.0, GpuReport(Gpus.UNKNOWN), Container(), (), None)
JOB = JobStatus(
    "demo",
    "hash",
    Phase.RUNNING,
    run="run-1",
    attempts=(Attempt(1), Attempt(2)),
    checkpoint=CheckpointPlace("checkpoint-500", 500, 1 << 20, 1_800_000_000.0),
    log=LogPlace("id", 12345),
)
STATUS = Status(
    "0.1.0",
    1_800_000_100.0,
    Phase.RUNNING,
    booted_at=1_800_000_000.0,
    job=JOB,
    self_stop=SelfStop.PROVED,
    stops_at=1_800_003_600.0,
    deadline_at=1_800_003_600.0,
    budget_at=1_800_007_200.0,
    price_per_hour=2.69,
    cost=0.07,
    idle=IdleStatus(
        15.0,
        30.0,
        "In use now: programs.",
        idle_since=1_800_000_040.0,
        signs=(Sign("GPU", "unknown"), Sign("programs", "busy"), Sign("ssh", "idle"), Sign("x", "absent")),
        keeps=(Keep(1_800_000_400.0, 1_800_000_000.0, "eval"), Keep(1_800_003_700.0, 1_800_000_000.0)),
    ),
)
