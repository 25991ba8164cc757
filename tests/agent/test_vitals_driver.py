"""The real driver of a machine with GPUs, watched as during a training; beside it nvidia-smi, which asks the same.

``pytest -m gpu`` runs it; everywhere else it is deselected. Not here: recorded GPUs (test_vitals_gpus.py).
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pod_agent.pod.idle.gpus import reading
from pod_agent.pod.idle.raw import GpuReading
from pod_agent.pod.vitals.gpu_watch import GpuWatch, Patience
from pod_agent.pod.vitals.sample import Container, Gpus, Sample
from pod_wire.clock import RealClock
from tests.image.fixtures import AS_STARTED

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="needs an NVIDIA GPU and nvidia-smi"),
]
MIB = 1 << 20
FIELDS = "index,uuid,memory.total,enforced.power.limit,driver_version,mig.mode.current"


@pytest.fixture
def watch():
    watcher = GpuWatch(AS_STARTED, RealClock(), patience=Patience(answer_s=60.0))
    yield watcher
    watcher.close()


def listed() -> dict[str, list[str]]:
    """A row for each whole GPU, by its uuid."""
    argv = ["nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"]
    said = subprocess.run(
        argv, capture_output=True, text=True, check=True, timeout=120, env=AS_STARTED
    ).stdout
    rows = [[cell.strip() for cell in line.split(",")] for line in said.splitlines()]
    return {row[1]: row for row in rows if row[5] != "Enabled"}


def test_the_watcher_sees_what_nvidia_smi_shows(watch):
    """The same GPUs, memory, limit and driver; figures within what is possible."""
    report, rows = watch.look(), listed()
    assert report.state is Gpus.SEEN, report.words
    whole = {gpu.uuid: gpu for gpu in report.found if gpu.part is None}
    assert whole.keys() == rows.keys()
    for uuid, (index, _, total_mib, limit, driver, _) in rows.items():
        gpu = whole[uuid]
        assert (gpu.index, report.driver) == (int(index), driver)
        assert abs(gpu.memory_bytes - int(total_mib) * MIB) < MIB
        assert gpu.power_limit_watts == pytest.approx(float(limit), abs=1.0)
        assert 0 <= gpu.utilization <= 1
        assert 0 < gpu.power_watts < 2 * gpu.power_limit_watts
        assert 0 < gpu.temperature_celsius < 120
        assert 0 < gpu.sm_clock_hertz <= gpu.sm_clock_most_hertz


def test_it_goes_on_telling(watch):
    """Twelve looks, seldom figures included, by one watcher; energy only grows."""
    found = [watch.look().found for _ in range(12)]
    assert all(len(gpus) == len(found[0]) > 0 for gpus in found)
    energies = [gpus[0].energy_joules for gpus in found]
    assert energies == sorted(energies)


def test_the_idle_brake_knows_what_they_are_at(watch):
    """Out of the same looks: a card for each, known to be at work or not, and never an unknown one."""
    samples = [Sample(1.8e9, 1000.0 + i, watch.look(), Container()) for i in range(3)]
    told = reading(tuple(samples), 1003.0)
    assert isinstance(told, GpuReading), told
    assert len(told.cards) == len(samples[-1].gpus.found) > 0
    assert all(card.busy is None or 0 <= card.busy <= 1 for card in told.cards)
