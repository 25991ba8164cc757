"""What /metrics says of pod and machine: base units, bounded labels, and nothing where nothing is known."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pod_agent.api.metrics import render
from pod_agent.pod.vitals.sample import Gpus
from tests.agent.live_api import serving
from tests.agent.machine_samples import EMPTY, FULL, STATUS


def read(text):
    """Every figure by its name and labels, as a scraper understands it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def figure(found, name, **labels):
    return found.get((name, tuple(sorted(labels.items()))))


@pytest.mark.parametrize(
    ("name", "labels", "value"),
    [
        ("podkeep_gpu_utilization_ratio", {"gpu": "0"}, 0.97),
        ("podkeep_gpu_memory_utilization_ratio", {"gpu": "0"}, 0.41),
        ("podkeep_gpu_memory_used_bytes", {"gpu": "0"}, 61 << 30),
        ("podkeep_gpu_memory_size_bytes", {"gpu": "0"}, 80 << 30),
        ("podkeep_gpu_power_watts", {"gpu": "0"}, 648.21),
        ("podkeep_gpu_power_limit_watts", {"gpu": "0"}, 700.0),
        ("podkeep_gpu_energy_joules_total", {"gpu": "0"}, 912345.678),
        ("podkeep_gpu_sm_clock_hertz", {"gpu": "0"}, 1.755e9),
        ("podkeep_gpu_temperature_celsius", {"gpu": "0"}, 61.0),
        ("podkeep_gpu_ecc_errors_total", {"gpu": "0", "kind": "corrected"}, 12.0),
        ("podkeep_gpu_ecc_errors_total", {"gpu": "0", "kind": "uncorrected"}, 0.0),
        ("podkeep_gpu_row_remap_pending", {"gpu": "0"}, 1.0),
        ("podkeep_gpu_xid_errors_total", {"gpu": "0", "xid": "31"}, 2.0),
        ("podkeep_gpu_slowdown", {"gpu": "0", "reason": "power_cap"}, 1.0),
        ("podkeep_gpu_processes", {"gpu": "0"}, 1.0),
        ("podkeep_gpu_faulty", {"gpu": "1"}, 1.0),
        ("podkeep_gpu_state", {"state": "seen"}, 1.0),
        ("podkeep_container_cpu_seconds_total", {}, 123.5),
        ("podkeep_container_cpu_throttled_seconds_total", {}, 2.5),
        ("podkeep_container_cpu_limit_cores", {}, 6.5),
        ("podkeep_container_memory_working_set_bytes", {}, 2 << 30),
        ("podkeep_container_memory_limit_bytes", {}, 8 << 30),
        ("podkeep_container_oom_kills_total", {}, 2.0),
        ("podkeep_disk_free_bytes", {"disk": "shm"}, 7 << 30),
        ("podkeep_disk_files_free", {"disk": "shm"}, 1000.0),
        ("podkeep_disk_responding", {"disk": "workspace"}, 0.0),
        ("podkeep_keep_leases", {}, 2.0),
        ("podkeep_keep_lease_seconds", {}, 3600.0),
        ("podkeep_idle_seconds", {}, 60.0),
        ("podkeep_idle_signal_busy", {"signal": "programs"}, 1.0),
        ("podkeep_idle_signal_busy", {"signal": "ssh"}, 0.0),
        ("podkeep_idle_signal_busy", {"signal": "GPU"}, None),
        ("podkeep_network_receive_bytes_total", {"device": "eth0"}, 1000.0),
        ("podkeep_network_transmit_bytes_total", {"device": "eth0"}, 2000.0),
        ("podkeep_job_attempts", {}, 2.0),
        ("podkeep_checkpoint_step", {}, 500.0),
        ("podkeep_log_size_bytes", {}, 12345.0),
        ("podkeep_deadline_timestamp_seconds", {}, 1_800_003_600.0),
        ("podkeep_uptime_seconds", {}, 100.0),
        ("podkeep_self_stop", {"state": "proved"}, 1.0),
        ("podkeep_phase", {"phase": "running"}, 1.0),
    ],
)
def test_a_figure_is_served_in_its_base_unit(name, labels, value):
    """As a scraper reads it back."""
    assert figure(read(render(STATUS, FULL)), name, **labels) == value


def test_a_clock_that_was_set_is_no_uptime():
    """Where the boot's seconds are counted they are told, whatever the wall clock says meanwhile."""
    jumped = replace(STATUS, now=STATUS.now + 86400.0, boot_s=101.0)
    assert figure(read(render(jumped, FULL)), "podkeep_uptime_seconds") == 101.0


def test_names_are_escaped_and_come_back_as_they_were():
    """A quote, a backslash and a line break in a GPU's name."""
    (info,) = [
        dict(labels)
        for (name, labels), _ in read(render(STATUS, FULL)).items()
        if name == "podkeep_gpu_info" and ("gpu", "0") in labels
    ]
    assert info == {"gpu": "0", "name": 'NVIDIA "Fake"\\8\nH100', "uuid": "GPU-1", "driver": "550.54.15"}


def test_what_is_not_available_is_absent_and_never_0():
    """A machine of which nothing is known has the time of the look, and three lines that say so."""
    machine = {name for name, _ in read(render(STATUS, EMPTY))} - {name for name, _ in read(render(STATUS))}
    assert machine == {"podkeep_sample_timestamp_seconds", "podkeep_gpu_state"}
    assert figure(read(render(STATUS, EMPTY)), "podkeep_gpu_state", state=Gpus.UNKNOWN.value) == 1.0


def test_a_lost_gpu_has_no_figures():
    """It is there, lost, and nothing else of it is known."""
    names = {name for name, labels in read(render(STATUS, FULL)) if ("gpu", "1") in labels}
    assert names == {"podkeep_gpu_info", "podkeep_gpu_faulty"}


def test_a_disk_that_hangs_has_no_size():
    """Only that it does not answer."""
    found = read(render(STATUS, FULL))
    assert {name for name, labels in found if ("disk", "workspace") in labels} == {"podkeep_disk_responding"}


def test_every_family_has_help_and_type_and_a_figure():
    """HELP says what it is; a family without a figure is left out."""
    for sample in (FULL, EMPTY, None):
        for family in text_string_to_metric_families(render(STATUS, sample).decode()):
            assert family.documentation
            assert family.type in {"gauge", "counter", "info"}
            assert family.samples, family.name


def test_the_page_names_every_family():
    """docs/metrics.md has each name, or its end where the beginning stands before it."""
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    ends = re.findall(r"`…(\w+)`", page)
    names = {name for name, _ in read(render(STATUS, FULL))}
    assert len(names) > 40
    assert [name for name in sorted(names) if f"`{name}" not in page and not name.endswith(tuple(ends))] == []


def test_it_is_served_behind_the_token(tmp_path):
    """The newest sample, with the Status; nothing without a token."""
    with serving(tmp_path, vitals=lambda: FULL) as api:
        assert api.get("/metrics", token=None).status == 401
        assert figure(read(api.get("/metrics").body), "podkeep_gpu_utilization_ratio", gpu="0") == 0.97


def test_looking_at_the_machine_wakes_nothing_heavy():
    """No HTTP, no psutil, no binding of NVIDIA's in the agent itself; prometheus_client comes with the first scrape."""
    code = (
        "import sys; import pod_agent.pod.vitals.sampler, pod_agent.pod.vitals.shown; print(sorted(sys.modules.keys() "
        "& {'pynvml', 'psutil', 'prometheus_client', 'fastapi', 'starlette', 'http.client', 'asyncio'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"


def test_a_scrape_imports_no_fastapi():
    """What a scraper asks every few seconds costs prometheus_client, and no page."""
    code = (
        "import sys; import pod_agent.api.app, pod_agent.api.metrics; "
        "print(sorted(sys.modules.keys() & {'fastapi', 'pydantic'}))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "[]"
