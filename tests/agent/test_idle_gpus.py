"""The GPUs' reading for the brake out of the samples of the machine: what they say, and what they do not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.gpus import ENDED, LOST, Sampled, reading
from pod_agent.pod.idle.judge import judge
from pod_agent.pod.idle.measure import Looks, sample
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.of_machine import gpus
from pod_agent.pod.idle.raw import UNREAD, Card, GpuReading, Raw
from pod_agent.pod.idle.signs import Gap, Name, State
from pod_agent.pod.vitals import gpu_watch
from pod_agent.pod.vitals.sample import Container, Gpu, GpuReport, Gpus, Sample
from pod_agent.pod.vitals.sampler import BROKEN
from tests.fakes.clock import FakeClock

GIB = 1 << 30
NOW = 1000.0
TRAINING = 1  # process


def seen(*used, processes=TRAINING, **more):
    """One GPU for each share of its time."""
    found = (
        Gpu(i, utilization=one, memory_used_bytes=GIB, processes=processes) for i, one in enumerate(used)
    )
    return GpuReport(Gpus.SEEN, (*found, *more.get("also", ())))


def at(seconds_ago, report):
    return Sample(1.8e9, NOW - seconds_ago, report, Container())


def unknown(words):
    return GpuReport(Gpus.UNKNOWN, words=words)


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        ((), UNREAD),
        ((at(0, gpu_watch.UNASKED),), UNREAD),
        ((at(0, gpu_watch.NONE),), GpuReading()),
        ((at(0, gpu_watch.SILENT),), Gap(State.UNKNOWN, "NVIDIA's driver does not answer.")),
        ((at(0, BROKEN),), Gap(State.UNKNOWN, "The look at the GPUs failed.")),
        ((at(0, gpu_watch.AMD),), Gap(State.ABSENT, "AMD's GPUs are not watched.")),
        ((at(0, unknown(gpu_watch.WORDS["no_binding"])),), Gap(State.ABSENT, "Podkeep misses nvidia-ml-py.")),
        ((at(0, unknown(gpu_watch.WORDS["mismatch"])),), None),
        ((at(11, seen(0.9)),), ENDED),
        ((at(0, seen(0.9)),), GpuReading((Card(0.9, GIB, 1),))),
        ((at(0, seen(0.0, 0.6)),), GpuReading((Card(0.0, GIB, 1), Card(0.6, GIB, 1)))),
        ((at(0, seen(None, processes=None)),), GpuReading((Card(None, GIB, None),))),
        ((at(0, seen(0.0, also=(Gpu(1, fault="lost"),))),), LOST),
        ((at(0, seen(0.7, also=(Gpu(1, fault="lost"),))),), GpuReading((Card(0.7, GIB, 1), Card()))),
    ],
)
def test_what_the_samples_say(samples, told):
    """No GPU is a value, what cannot be had is not available; silence and a lost GPU beside idle ones are unknown."""
    found = reading(samples, NOW)
    assert found == told if told is not None else isinstance(found, Gap) and found.state is State.UNKNOWN


def busiest(*used):
    """Of a GPU that was used so, second by second, until now."""
    samples = tuple(at(len(used) - 1 - i, seen(one)) for i, one in enumerate(used))
    return reading(samples, NOW).cards[0].busy


def test_use_between_two_looks_counts():
    """A pause in which data are loaded does not hide the work before it; longer ago is over."""
    assert busiest(*[0.9] * 20, *[0.0] * 10) == 0.9
    assert busiest(*[0.9] * 20, *[0.0] * 31) == 0.0


def test_one_second_alone_is_no_work():
    """Whoever asks a sleeping driver wakes it for a moment; two such seconds are somebody's."""
    assert busiest(0.0, 0.0, 1.0, 0.0) == 0.0
    assert busiest(0.0, 0.3, 0.0, 1.0) == 0.3


def test_slices_are_told_apart():
    """Two slices of one GPU keep their own figures."""
    parts = tuple(Gpu(0, part=i, uuid=f"MIG-{i}", memory_used_bytes=i) for i in range(2))
    found = reading((at(0, GpuReport(Gpus.SEEN, parts)),), NOW)
    assert found == GpuReading((Card(None, 0), Card(None, 1)))


def test_a_simulated_pod_s_gpus_compute_nothing():
    """However busy this machine's are."""
    assert Sampled(lambda: None, FakeClock(), pretended=2)() == GpuReading((Card(0.0), Card(0.0)))


def stopped_after(samples_of, minutes=15.0, most=100):
    """The minute at which a pod without a job is stopped, where only its GPU says anything."""
    clock = FakeClock()
    began = clock.monotonic()
    memory, looks = fresh(began), Looks()
    sampler = SimpleNamespace(recent=())
    provider = Sampled(lambda: sampler, clock)
    while clock.monotonic() - began < most * 60:
        sampler.recent = samples_of(clock)
        raw = Raw(clock.monotonic(), is_resting=True, gpus=provider())
        memory = fold(memory, only_gpu(sample(looks, raw)), minutes * 60)
        looks = looks.then(raw)
        verdict = judge(
            memory, rest_since=began, minutes=minutes, leased_until=None, now=clock.monotonic(), began=began
        )
        if verdict.is_due:
            return (clock.monotonic() - began) / 60
        clock.advance(10.0)
    return None


def only_gpu(found):
    """The other signals were looked at, and were idle."""
    idle = [gpus(Raw(0.0, is_resting=True, gpus=GpuReading((Card(0.0),))))]
    others = [type(idle[0])(name, State.IDLE, "") for name in Name if name is not Name.GPU]
    own = [one for one in found.readings if one.name is Name.GPU]
    return type(found)(found.at, found.is_resting, (*own, *others), is_whole=found.is_whole)


def test_looks_that_never_begin_hold_a_pod_for_an_hour_and_no_longer():
    """It is unknown then whether a GPU computes: 60 minutes, and the 15 of idleness."""
    assert stopped_after(lambda _: ()) == pytest.approx(75, abs=1.1)


def test_looks_that_die_hold_a_pod_for_an_hour_and_no_longer():
    """The last sample grows old; nothing that it said is believed any more."""
    last = Sample(1.8e9, FakeClock().monotonic() + 60, seen(0.0), Container())
    assert stopped_after(lambda _: (last,)) == pytest.approx(75, abs=3)


def test_looks_that_live_and_see_nothing_stop_it_in_time():
    """Fifteen minutes."""
    found = stopped_after(lambda clock: (Sample(1.8e9, clock.monotonic(), seen(0.0), Container()),))
    assert found == pytest.approx(15, abs=0.2)
