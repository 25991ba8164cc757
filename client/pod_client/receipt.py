"""What a job was, in a dozen lines: exact figures, said once, ending with what still costs money.

A pure function of the last status and the pod's record; nothing is asked or written here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_wire.runpod.prices import STOPPED_GB_MONTH
from pod_wire.status import Outcome, Phase

if TYPE_CHECKING:
    from pod_wire.status import Attempt, JobStatus, Rehearsal, Status

_MINUTES_FROM_S = 100  # below it, seconds with a tenth tell more
_CENTS_FROM = 0.1  # below it, cents alone would say $0.00
_THOUSAND = 1000
_SHOWN = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING, Phase.DRAINING)


@dataclass(frozen=True, slots=True)
class Bill:
    """What the provider says of the pod at the end. ``disk_gb`` is its own disk, billed while it is stopped."""

    pod_id: str
    state: str  # RUNNING, EXITED, gone, unknown
    per_hour: float | None
    disk_gb: int | None


def receipt(status: Status, bill: Bill, code: str | None = None) -> str:
    """For people. Lines of at most a hundred characters where names allow it."""
    job = status.job
    lines = [] if job is None else _of_job(job)
    lines += [_row("code", code)] if code else []
    lines += [_row("cost", _cost(status))] if status.cost is not None else []
    lines += [_row("pod", _pod_line(bill, status))]
    lines += [_row("", line) for line in _still_billed(bill)]
    warnings = (*status.warnings, *(job.warnings if job else ()))
    lines += [_row("warning", warning) for warning in dict.fromkeys(warnings)]
    return "\n".join(["", *lines, ""])


def short(state: str) -> str:
    """A commit, or what stands for one where the code came otherwise than from git."""
    kind, colon, digest = state.rpartition(":")
    return f"{kind}{colon}{digest[:10]}"


def seconds(value: float) -> str:
    """12.3 s, 4 min 05 s, 3 h 02 min."""
    if value < _MINUTES_FROM_S:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < _MINUTES_FROM_S:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def dollars(value: float) -> str:
    return f"${value:.2f}" if value >= _CENTS_FROM or value == 0 else f"${value:.4f}"


def size(value: int) -> str:
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < _THOUSAND:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _THOUSAND
    return f"{amount:.1f} TB"


def _row(name: str, text: str) -> str:
    return f"  {name:<11} {text}"


def _of_job(job: JobStatus) -> list[str]:
    lines = [_row("job", job.name + (f"  ({short(job.commit)})" if job.commit else ""))]
    outcome = "unknown" if job.outcome is None else job.outcome.value.replace("_", " ")
    lines.append(_row("outcome", outcome + (f": {job.reason}" if job.reason else "")))
    if job.remedy and job.outcome is not Outcome.SUCCEEDED:
        lines.append(_row("remedy", job.remedy))
    lines += [_row("left", job.leave)] if job.leave else []
    spent = _phases(job)
    if spent:
        total = sum(spent.values())
        each = ", ".join(f"{phase} {seconds(value)}" for phase, value in spent.items())
        lines.append(_row("phases", f"{each}; together {seconds(total)}"))
    lines += [_row("attempts" if first else "", _attempt(a)) for first, a in _first(job.attempts)]
    if job.checkpoint is not None:
        step = "" if job.checkpoint.step is None else f"step {job.checkpoint.step}, "
        lines.append(_row("checkpoint", f"{job.checkpoint.path} ({step}{size(job.checkpoint.size_bytes)})"))
    if job.rehearsal is not None:
        lines.append(_row("rehearsal", rehearsed(job.rehearsal)))
    if job.log is not None:
        lines.append(_row("log", size(job.log.size)))
    return lines


def rehearsed(told: Rehearsal) -> str:
    """What the rehearsal of resuming has shown so far."""
    state = told.state.value.replace("_", " ")
    return f"{state}: {told.text}" if told.text else state


def _first(attempts: tuple[Attempt, ...]) -> list[tuple[bool, Attempt]]:
    return [(index == 0, attempt) for index, attempt in enumerate(attempts)]


def _phases(job: JobStatus) -> dict[str, float]:
    """Seconds per phase, in order; a phase entered twice is summed."""
    spent: dict[str, float] = {}
    for item in job.phases:
        if item.phase in _SHOWN and item.seconds is not None:
            spent[item.phase.value] = spent.get(item.phase.value, 0.0) + item.seconds
    return spent


def _attempt(attempt: Attempt) -> str:
    parts = [str(attempt.number)]
    if attempt.resumed_from is None:
        parts.append("from the start")
    else:
        step = "" if attempt.resumed_step is None else f"step {attempt.resumed_step} "
        parts.append(f"resumed at {step}({attempt.resumed_from})")
    if attempt.started_at is not None and attempt.ended_at is not None:
        parts.append(seconds(max(0.0, attempt.ended_at - attempt.started_at)))
    parts.append(_end_of(attempt))
    return ", ".join(parts)


def _end_of(attempt: Attempt) -> str:
    if attempt.ended_at is None and attempt.exit_code is None and attempt.signal is None:
        return "still running"
    if attempt.signal is not None:
        return attempt.reason or f"ended by signal {attempt.signal}"
    if attempt.exit_code is None:
        return attempt.reason or "exit unknown"
    text = f"exit {attempt.exit_code}"
    says_no_more = attempt.exit_code == 0 or attempt.reason in {None, f"exit code {attempt.exit_code}"}
    return text if says_no_more else f"{text}: {attempt.reason}"


def _cost(status: Status) -> str:
    price = "" if status.price_per_hour is None else f" at {dollars(status.price_per_hour)}/h"
    return f"{dollars(status.cost or 0.0)} for this boot's GPU time{price}"


def _pod_line(bill: Bill, status: Status) -> str:
    words = {
        "EXITED": "stopped: its GPU is no longer billed",
        "TERMINATED": "removed: nothing of it is billed any more",
        "gone": "removed: nothing of it is billed any more",
        "unknown": "state unknown: it may still be billed",
    }
    text = words.get(bill.state, f"{bill.state.lower()}: this pod is still billed{_rate(bill, status)}")
    return f"{bill.pod_id}  {text}"


def _rate(bill: Bill, status: Status) -> str:
    price = bill.per_hour or status.price_per_hour
    return "" if price is None else f" at {dollars(price)}/h"


def _still_billed(bill: Bill) -> list[str]:
    match bill.state:
        case "gone" | "TERMINATED":
            return []
        case "EXITED":
            if not bill.disk_gb:
                return [f"to remove it: pod-client rm {bill.pod_id}"]
            monthly = bill.disk_gb * STOPPED_GB_MONTH
            disk = f"its {bill.disk_gb} GB disk is still billed, about {dollars(monthly)} a month"
            return [f"{disk}; to end that: pod-client rm {bill.pod_id}"]
        case _:
            return [f"to stop it: pod-client stop {bill.pod_id}"]
