"""The sampler: GPUs by the second, the rest by five, published by swap; a part that fails is unknown."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from pod_agent.pod.vitals import sampler
from pod_agent.pod.vitals.sample import Container, Disk, Gpu, GpuReport, Gpus, Link, Sample
from pod_agent.pod.vitals.sampler import BROKEN, Sampler
from pod_agent.pod.vitals.shown import with_gpus
from pod_agent.settings import Settings
from pod_wire.clock import RealClock
from pod_wire.codec import from_json, to_json
from pod_wire.status import GpuStatus, Phase, Status
from tests.fakes.clock import FakeClock
from tests.live import wait_for

SEEN = GpuReport(
    Gpus.SEEN, (Gpu(0, name="NVIDIA Fake", utilization=0.5, memory_bytes=80, memory_used_bytes=8),)
)
STATUS = Status("0.1.0", 1.8e9, Phase.RUNNING)


def made(clock, **more):
    parts = {
        "gpus": lambda: (SEEN,),
        "container": lambda: Container(cpu_seconds=1.0),
        "disks": lambda: (Disk("shm"),),
        "links": lambda: (Link("eth0", 1, 2),),
    }
    return Sampler(clock, **{**parts, **more})


def test_a_sample_is_all_that_was_seen_with_both_times():
    """Frozen: nobody changes what others read."""
    clock = FakeClock()
    one = made(clock)
    assert (one.latest, one.recent) == (None, ())
    sample = one.tick()
    assert sample == Sample(
        1_800_000_000.0,
        1000.0,
        SEEN,
        Container(cpu_seconds=1.0),
        (Disk("shm"),),
        (Link("eth0", 1, 2),),
    )
    assert one.latest is sample
    with pytest.raises(dataclasses.FrozenInstanceError):
        sample.at = 0.0


def test_the_driver_is_asked_first_and_heard_last():
    """It thinks while the rest is looked at; an ask that fails costs no other figure."""
    order = []
    parts = {name: (lambda name=name: order.append(name)) for name in ("disks", "links", "ask")}
    parts["gpus"] = lambda: order.append("gpus") or (SEEN,)
    made(FakeClock(), **parts).tick()
    assert order == ["ask", "disks", "links", "gpus"]
    assert made(FakeClock(), ask=lambda: 1 / 0).tick().gpus is SEEN


def test_the_last_minute_is_kept_and_no_more():
    """Oldest first; a reader's tuple never changes under it."""
    clock = FakeClock()
    one = made(clock)
    for _ in range(100):
        one.tick()
        clock.advance(1.0)
    before = one.recent
    one.tick()
    assert len(before) == len(one.recent) == sampler.KEPT
    assert [sample.monotonic for sample in before] == [1040.0 + n for n in range(60)]
    assert one.recent[-1] is one.latest


def reports(*asked_at):
    return tuple(dataclasses.replace(SEEN, asked_at=at) for at in asked_at)


def test_each_second_that_the_watcher_tells_of_is_a_sample_of_its_own():
    """At the moment of which it tells, on both clocks, beside the rest as it is now."""
    clock = FakeClock()
    said = [reports(999.5), reports(1000.9, 1001.9, 1002.9, 1003.9, 1004.9)]
    one = made(clock, gpus=lambda: said.pop(0))
    one.tick()
    clock.advance(5.0)
    latest = one.tick()
    assert [sample.monotonic for sample in one.recent] == [999.5, 1000.9, 1001.9, 1002.9, 1003.9, 1004.9]
    assert latest is one.recent[-1]
    for sample in one.recent:
        assert sample.monotonic == sample.gpus.asked_at
        assert sample.at == pytest.approx(1_800_000_000.0 + sample.monotonic - 1000.0)
        assert sample.container == Container(cpu_seconds=1.0)


@pytest.mark.parametrize(
    ("asked_at", "moment"), [(0.0, 1005.0), (2000.0, 1005.0), (990.0, 1000.0), (1004.9, 1004.9)]
)
def test_no_sample_is_of_a_moment_before_the_last_one_or_after_now(asked_at, moment):
    """A driver that was not asked is as it is now; a line that comes late does not go back."""
    clock = FakeClock()
    said = [reports(1000.0), reports(asked_at)]
    one = made(clock, gpus=lambda: said.pop(0))
    one.tick()
    clock.advance(5.0)
    sample = one.tick()
    assert (sample.monotonic, sample.at) == (moment, pytest.approx(1_800_000_000.0 + moment - 1000.0))
    assert len(one.recent) == 2


def test_a_late_line_moves_only_itself():
    """A look that found nothing is of then; the line that it had waited for comes, and four that were in time."""
    clock = FakeClock()
    said = [reports(0.0), reports(999.9, 1000.9, 1001.9), reports(1003.0)]
    one = made(clock, gpus=lambda: said.pop(0))
    for _ in range(3):
        one.tick()
        clock.advance(5.0)
    assert [sample.monotonic for sample in one.recent] == [1000.0, 1000.0, 1000.9, 1001.9, 1003.0]


def test_what_stands_is_no_second_of_its_own():
    """A second that a reader was told of, and that the look after it hears nothing newer than, counts once."""
    clock = FakeClock()
    lines = [reports(1004.9)]
    said = [reports(1000.0), reports(1004.9)]
    rests = iter((Container(cpu_seconds=1.0), Container(cpu_seconds=2.0)))
    one = made(
        clock,
        gpus=lambda: said.pop(0),
        heard=lambda: lines.pop() if lines else (),
        container=lambda: next(rests),
    )
    one.tick()
    clock.advance(4.95)
    assert one.latest.monotonic == 1004.9
    clock.advance(0.05)
    sample = one.tick()
    assert [one.monotonic for one in one.recent] == [1000.0, 1004.9]
    assert sample.container == Container(cpu_seconds=2.0)


def test_who_reads_between_two_looks_is_told_what_the_watcher_said_since():
    """Nothing else is looked at for it, and a sample that is fresh is not followed by another."""
    clock = FakeClock()
    looks, lines = [], list(reports(1000.4, 1001.0, 1002.0))

    def heard():
        come = [line for line in lines if line.asked_at <= clock.monotonic()]
        del lines[: len(come)]
        return come

    one = made(clock, heard=heard, container=lambda: looks.append(1) or Container(cpu_seconds=1.0))
    assert one.latest is None
    one.tick()
    clock.advance(0.5)
    assert one.latest.monotonic == 1000.0
    clock.advance(0.5)
    assert [sample.monotonic for sample in one.recent] == [1000.0, 1000.4, 1001.0]
    clock.advance(1.5)
    assert one.latest.monotonic == 1002.0
    assert one.latest.container == Container(cpu_seconds=1.0)
    assert looks == [1]


def test_who_reads_while_somebody_looks_waits_for_nothing():
    """A driver that thinks for half a second holds no answer of ours up; a look that fails costs no reader anything."""
    clock = FakeClock()
    one = made(clock, heard=lambda: 1 / 0)
    first = one.tick()
    clock.advance(5.0)
    assert one.recent == (first,)
    inside, go = threading.Event(), threading.Event()
    one._gpus = lambda: inside.set() or (go.wait(10.0) and (SEEN,))
    looker = threading.Thread(target=one.tick)
    looker.start()
    assert inside.wait(10.0)
    assert one.latest is first
    go.set()
    looker.join(10.0)
    assert one.latest.monotonic == 1005.0


@pytest.mark.parametrize(
    ("part", "field", "otherwise"),
    [
        ("gpus", "gpus", BROKEN),
        ("container", "container", Container()),
        ("disks", "disks", ()),
        ("links", "links", None),
    ],
)
def test_a_part_that_fails_is_unknown_and_the_rest_is_there(part, field, otherwise):
    """And the thread goes on."""

    def broken():
        message = "a kernel of the future"
        raise RuntimeError(message)

    one = made(FakeClock(), **{part: broken})
    whole = made(FakeClock()).tick()
    sample = one.tick()
    assert getattr(sample, field) == otherwise
    assert dataclasses.replace(sample, **{field: getattr(whole, field)}) == whole
    assert one.tick() == sample


def test_the_thread_looks_until_it_is_over():
    """It begins at once, and ends with the agent."""
    over = threading.Event()
    one = made(RealClock())
    one.start(over)
    wait_for("a sample", lambda: one.latest)
    over.set()
    wait_for("its end", lambda: not [t for t in threading.enumerate() if t.name == "vitals"])


def test_a_pods_own_sampler_looks_at_this_machine(tmp_path):
    """Everything is made and found without being told where; a simulated pod's GPUs are pretended, and absent here."""
    over = threading.Event()
    settings = Settings(
        workspace=tmp_path,
        disk_dir=tmp_path,
        gpu_count=8,
        pretended_gpus=8,
        job_environment={"LD_LIBRARY_PATH": str(tmp_path)},
    )
    one = sampler.begin(settings, RealClock(), over)
    try:
        sample = wait_for("a sample", lambda: one.latest)
        assert sample.gpus.state in {Gpus.ABSENT, Gpus.UNKNOWN, Gpus.SEEN}
        assert [disk.name for disk in sample.disks] == ["workspace", "container", "shm"]
        assert sample.container.cpu_cores
        if not Path("/proc/driver/nvidia").exists():
            wait_for("no GPU", lambda: one.latest.gpus.state is Gpus.ABSENT)
    finally:
        over.set()


def test_the_status_shows_gpus_that_are_seen():
    """A few figures of each; absent ones are an empty list, unknown ones are none at all."""
    sample = made(FakeClock()).tick()
    shown = with_gpus(STATUS, sample)
    assert shown.gpus == (GpuStatus("0", "NVIDIA Fake", 0.5, 8, 80),)
    assert from_json(Status, to_json(shown)) == shown
    assert with_gpus(STATUS, dataclasses.replace(sample, gpus=GpuReport(Gpus.ABSENT))).gpus == ()
    assert with_gpus(STATUS, dataclasses.replace(sample, gpus=BROKEN)) is STATUS
    assert with_gpus(STATUS, None) is STATUS
    assert dataclasses.replace(shown, gpus=None) == STATUS


def test_a_status_of_an_older_agent_has_none():
    """A reader of today takes what an agent of yesterday says."""
    old = to_json(STATUS).replace(b',"gpus":null', b"")
    assert b"gpus" not in old
    assert from_json(Status, old).gpus is None
