"""Status and machine as Prometheus text: a registry built per scrape, so that nothing is kept or can go stale.

Base units, ``None`` left out rather than shown as 0. Not here: the families of the machine (``metrics_machine``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from pod_agent.api.metrics_machine import families
from pod_wire.status import Phase, SelfStop, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.pod.vitals.sample import Sample

IDLE_STATES = ("busy", "idle")  # what is unknown or not available is left out
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Reading(Collector):
    def __init__(self, status: Status, sample: Sample | None) -> None:
        self._status = status
        self._sample = sample

    def collect(self) -> Iterable[Metric]:
        status = self._status
        yield InfoMetricFamily("podkeep_build", "What runs here", {"version": status.version})
        yield _one_of("podkeep_phase", "The phase the pod is in: 1", "phase", tuple(Phase), status.phase)
        yield _one_of(
            "podkeep_self_stop",
            "Whether the pod can stop itself: 1",
            "state",
            tuple(SelfStop),
            status.self_stop,
        )
        up = status.boot_s
        if up is None and status.booted_at is not None:
            up = max(0.0, status.now - status.booted_at)
        if up is not None:
            yield GaugeMetricFamily("podkeep_uptime_seconds", "Since this boot of the pod", up)
        if status.cost is not None:
            yield GaugeMetricFamily("podkeep_cost_dollars", "What this boot has cost so far", status.cost)
        if status.price_per_hour is not None:
            text = "What the pod costs in an hour"
            yield GaugeMetricFamily("podkeep_price_dollars_per_hour", text, status.price_per_hour)
        if status.stops_at is not None:
            text = "The earliest known moment at which the pod will stop itself, since the epoch"
            yield GaugeMetricFamily("podkeep_stops_timestamp_seconds", text, status.stops_at)
        yield CounterMetricFamily(
            "podkeep_stop_requests", "How often the pod asked to be stopped", status.stop_attempts
        )
        if status.deadline_at is not None:
            text = "When the deadline stops the pod, since the epoch"
            yield GaugeMetricFamily("podkeep_deadline_timestamp_seconds", text, status.deadline_at)
        yield from self._idle()
        if status.budget_at is not None:
            text = "When the run has cost its POD_MAX_COST, since the epoch"
            yield GaugeMetricFamily("podkeep_budget_timestamp_seconds", text, status.budget_at)
        yield from self._job()
        if self._sample is not None:
            yield from families(self._sample)

    def _idle(self) -> Iterable[Metric]:
        idle, now = self._status.idle, self._status.now
        if idle is None:
            return
        text = "Leases that keep the pod though it is idle"
        yield GaugeMetricFamily("podkeep_keep_leases", text, len(idle.keeps))
        if idle.keeps:
            left = max(0.0, *(keep.until - now for keep in idle.keeps))
            yield GaugeMetricFamily("podkeep_keep_lease_seconds", "Left of the longest of them", left)
        if idle.idle_since is not None:
            text = "Since the last sign of use of a pod without a job"
            yield GaugeMetricFamily("podkeep_idle_seconds", text, max(0.0, now - idle.idle_since))
        signs = {sign.name: sign.state for sign in idle.signs if sign.state in IDLE_STATES}
        text = "Whether this sign of use is there: 1"
        family = GaugeMetricFamily("podkeep_idle_signal_busy", text, labels=["signal"])
        for name, state in signs.items():
            family.add_metric([name], float(state == IDLE_STATES[0]))
        if signs:
            yield family

    def _job(self) -> Iterable[Metric]:
        job = self._status.job
        if job is None:
            return
        labels = {"name": job.name, "run": job.run or "", "outcome": job.outcome or ""}
        yield InfoMetricFamily("podkeep_job", "The current job", labels)
        yield GaugeMetricFamily("podkeep_job_attempts", "Executions of the command so far", len(job.attempts))
        if job.log is not None:
            yield GaugeMetricFamily("podkeep_log_size_bytes", "Size of the job's log", job.log.size)
        if job.checkpoint is not None:
            seen = job.checkpoint.seen_at
            text = "When the newest whole checkpoint was found, since the epoch"
            yield GaugeMetricFamily("podkeep_checkpoint_timestamp_seconds", text, seen)
            if job.checkpoint.step is not None:
                yield GaugeMetricFamily("podkeep_checkpoint_step", "Its step", job.checkpoint.step)


def render(status: Status, sample: Sample | None = None) -> bytes:
    """All that is known at this moment."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(status, sample))
    return generate_latest(registry)


def _one_of(name: str, text: str, label: str, values: Iterable[str], now: str) -> Metric:
    """One sample per possible value, 1 for the one that holds."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for value in values:
        family.add_metric([value], 1.0 if value == now else 0.0)
    return family
