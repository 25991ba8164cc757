"""A sample of the machine as families of Prometheus: base units, bounded labels; what is not available is left out.

Imported when somebody scrapes. Not here: the Status (``metrics``), and looking at the machine (``pod.vitals``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from pod_agent.pod.vitals.sample import Gpus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pod_agent.pod.vitals.sample import Container, Disk, Gpu, GpuReport, Link, Sample

    Value = float | None

GAUGES: dict[str, tuple[str, Callable[[Gpu], Value]]] = {
    "utilization_ratio": (
        "Share of the last second in which the GPU ran anything",
        lambda gpu: gpu.utilization,
    ),
    "memory_utilization_ratio": (
        "Share of the last second in which its memory was read or written",
        lambda gpu: gpu.memory_utilization,
    ),
    "memory_used_bytes": ("Memory of the GPU that is taken, by anybody", lambda gpu: gpu.memory_used_bytes),
    "memory_size_bytes": ("All of its memory", lambda gpu: gpu.memory_bytes),
    "power_watts": ("What it draws", lambda gpu: gpu.power_watts),
    "power_limit_watts": ("What it may draw", lambda gpu: gpu.power_limit_watts),
    "sm_clock_hertz": ("Clock of its processors", lambda gpu: gpu.sm_clock_hertz),
    "sm_clock_max_hertz": ("The fastest clock of its processors", lambda gpu: gpu.sm_clock_most_hertz),
    "memory_clock_hertz": ("Clock of its memory", lambda gpu: gpu.memory_clock_hertz),
    "temperature_celsius": ("How warm it is", lambda gpu: gpu.temperature_celsius),
    "row_remap_pending": (
        "Whether broken memory waits for a reset to be replaced: 1",
        lambda gpu: gpu.is_row_remap_pending,
    ),
    "row_remap_failed": (
        "Whether broken memory could not be replaced: 1",
        lambda gpu: gpu.is_row_remap_failed,
    ),
    "processes": ("Processes that use it", lambda gpu: gpu.processes),
    "faulty": ("Whether the driver has lost it, or cannot tell of it: 1", lambda gpu: gpu.fault is not None),
}


def families(sample: Sample) -> Iterable[Metric]:
    """All of them, each with at least one figure."""
    text = "When the GPUs were last looked at, since the epoch"
    yield GaugeMetricFamily("podkeep_sample_timestamp_seconds", text, sample.at)
    yield from (one for one in _all(sample) if one.samples)


def _all(sample: Sample) -> Iterable[Metric]:
    yield _state(sample.gpus)
    yield from _gpus(sample.gpus)
    yield from _container(sample.container)
    yield from _disks(sample.disks)
    yield from _links(sample.links or ())


def _state(report: GpuReport) -> Metric:
    text = "Whether the pod's GPUs are seen, absent, or nobody knows: 1"
    family = GaugeMetricFamily("podkeep_gpu_state", text, labels=["state"])
    for state in Gpus:
        family.add_metric([state.value], float(state is report.state))
    return family


def _gpus(report: GpuReport) -> Iterable[Metric]:
    found = report.found if report.state is Gpus.SEEN else ()
    info = InfoMetricFamily("podkeep_gpu", "The GPUs of this pod", labels=["gpu"])
    for gpu in found:
        info.add_metric(
            [gpu.label], {"name": gpu.name, "uuid": gpu.uuid or "", "driver": report.driver or ""}
        )
    yield info
    for name, (text, look) in GAUGES.items():
        family = GaugeMetricFamily(f"podkeep_gpu_{name}", text, labels=["gpu"])
        for gpu in found:
            _add(family, [gpu.label], look(gpu))
        yield family
    yield from _gpu_counters(found)


def _gpu_counters(found: tuple[Gpu, ...]) -> Iterable[Metric]:
    energy = CounterMetricFamily("podkeep_gpu_energy_joules", "What it has drawn in all", labels=["gpu"])
    text = "Errors of its memory since the driver was loaded"
    ecc = CounterMetricFamily("podkeep_gpu_ecc_errors", text, labels=["gpu", "kind"])
    text = "The driver's own errors since the agent began to listen, by NVIDIA's number"
    xids = CounterMetricFamily("podkeep_gpu_xid_errors", text, labels=["gpu", "xid"])
    text = "Why its clocks are lower than they could be: 1"
    slow = GaugeMetricFamily("podkeep_gpu_slowdown", text, labels=["gpu", "reason"])
    for gpu in found:
        _add(energy, [gpu.label], gpu.energy_joules)
        _add(ecc, [gpu.label, "corrected"], gpu.ecc_corrected)
        _add(ecc, [gpu.label, "uncorrected"], gpu.ecc_uncorrected)
        for code, count in gpu.xids or ():
            _add(xids, [gpu.label, str(code)], count)
        for reason in gpu.slowdowns or ():
            _add(slow, [gpu.label, reason], 1)
    yield from (energy, ecc, xids, slow)


def _container(one: Container) -> Iterable[Metric]:
    for name, text, value in (
        ("cpu_limit_cores", "How many cores the container may use", one.cpu_cores),
        ("memory_used_bytes", "Its memory, with cached files", one.memory_used_bytes),
        ("memory_working_set_bytes", "Its memory, less idle cached files", one.memory_working_bytes),
        ("memory_limit_bytes", "What it may use before the kernel kills", one.memory_limit_bytes),
    ):
        yield _alone(GaugeMetricFamily(f"podkeep_container_{name}", text), value)
    for name, text, value in (
        ("cpu_seconds", "CPU time of all that runs in the container", one.cpu_seconds),
        ("cpu_throttled_seconds", "Time in which its CPU limit held it back", one.cpu_throttled_seconds),
        ("oom_kills", "Processes that the kernel killed for memory", one.oom_kills),
    ):
        yield _alone(CounterMetricFamily(f"podkeep_container_{name}", text), value)


def _disks(disks: tuple[Disk, ...]) -> Iterable[Metric]:
    for name, text, look in (
        ("size_bytes", "How much fits on it", lambda disk: disk.size_bytes),
        ("free_bytes", "How much more fits on it", lambda disk: disk.free_bytes),
        ("files_free", "How many more files fit on it", lambda disk: disk.files_free),
        ("responding", "Whether it answers: 1", lambda disk: not disk.is_silent),
    ):
        family = GaugeMetricFamily(f"podkeep_disk_{name}", text, labels=["disk"])
        for disk in disks:
            _add(family, [disk.name], look(disk))
        yield family


def _links(links: tuple[Link, ...]) -> Iterable[Metric]:
    came = CounterMetricFamily("podkeep_network_receive_bytes", "Bytes that came in", labels=["device"])
    went = CounterMetricFamily("podkeep_network_transmit_bytes", "Bytes that went out", labels=["device"])
    for link in links:
        _add(came, [link.name], link.received_bytes)
        _add(went, [link.name], link.sent_bytes)
    yield from (came, went)


def _alone(family: GaugeMetricFamily | CounterMetricFamily, value: Value) -> Metric:
    _add(family, [], value)
    return family


def _add(family: GaugeMetricFamily | CounterMetricFamily, labels: list[str], value: Value) -> None:
    if value is not None:
        family.add_metric(labels, float(value))
