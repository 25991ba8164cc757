"""What became of a job, on one screen: the run's story in the agent's own figures, and last what still costs money.

A pure function of the last status, the receipt that came with it and the pod's record; nothing is asked here. Where
an agent told no receipt (an old one, or one that was lost), it is made of the status alone.
"""

from __future__ import annotations

import textwrap
from datetime import datetime
from typing import TYPE_CHECKING

from pod_wire import receipt_rows
from pod_wire.codec import from_json
from pod_wire.errors import BadInput
from pod_wire.figures import dollars, seconds, short, size
from pod_wire.frozen import dataclass
from pod_wire.receipt import Receipt, Spell
from pod_wire.receipt_rows import rehearsed
from pod_wire.runpod.prices import STOPPED_GB_MONTH
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_wire.receipt_rows import Rows
    from pod_wire.status import JobStatus, Status

__all__ = ["Bill", "dollars", "receipt", "rehearsed", "seconds", "short", "size"]

_SHOWN = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING, Phase.DRAINING)
_NAMES = 14  # columns, with the space before them
_LEAST = 40  # a terminal narrower than this is not wrapped for


@dataclass(frozen=True, slots=True)
class Bill:
    """What the provider says of the pod at the end. ``disk_gb`` is its own disk, billed while it is stopped."""

    pod_id: str
    state: str  # RUNNING, EXITED, gone, unknown
    per_hour: float | None
    disk_gb: int | None


def receipt(status: Status, bill: Bill, code: str | None = None, width: int | None = None) -> str:
    """For people, after a job. ``width``: of the terminal, which long lines are wrapped for."""
    return text(told_of(status), bill, code, width)


def text(told: Receipt | None, bill: Bill, code: str | None = None, width: int | None = None) -> str:
    """The same where only the receipt is there, or none."""
    found: Rows = [] if told is None else receipt_rows.rows(told, here)
    warnings = [row for row in found if row[0] == "warning"]
    rate = bill.per_hour or (told.price_per_hour if told is not None else None)
    rows: Rows = [
        *(row for row in found if row[0] != "warning"),
        *([("code", code)] if code else []),
        ("pod", f"{bill.pod_id}  {_state(bill, rate)}"),
        *(("", line) for line in _still_billed(bill)),
        *warnings,
    ]
    return "\n".join(["", *(line for row in rows for line in _lines(*row, width)), ""])


def told_of(status: Status) -> Receipt | None:
    """The one that came with the status; else as much as the status alone tells."""
    if status.receipt is not None:
        try:
            return from_json(Receipt, status.receipt)
        except BadInput:  # a newer podkeep's: the status is understood all the same
            pass
    return None if status.job is None else _of_status(status, status.job)


def here(moment: float) -> str:
    """By this machine's clock and in its zone."""
    when = datetime.fromtimestamp(moment).astimezone()
    return f"{when:%b} {when.day} {when:%H:%M}"


def _of_status(status: Status, job: JobStatus) -> Receipt:
    told, money = status.progress, status.money
    return Receipt(
        at=status.now,
        job=job.name,
        phase=job.phase,
        version=status.version,
        pod=status.pod,
        run=job.run,
        order=job.order,
        command=job.command,
        commit=job.commit,
        outcome=job.outcome,
        reason=job.reason,
        remedy=job.remedy,
        phases=_spells(status, job),
        attempts=job.attempts,
        step=told.step if told is not None else None,
        total=told.total if told is not None else None,
        loss=told.loss if told is not None else None,
        checkpoint=job.checkpoint,
        rehearsal=job.rehearsal,
        leave=job.leave,
        paid_s=_paid_s(status),
        dollars=money.run if money is not None and money.run is not None else status.cost,
        unpriced_s=money.unpriced_s if money is not None else 0.0,
        price_per_hour=status.price_per_hour,
        goodput=money.goodput if money is not None else None,
        log_bytes=None if job.log is None else job.log.size,
        warnings=(*job.warnings, *status.warnings),
    )


def _paid_s(status: Status) -> float | None:
    if status.money is not None and status.money.run is not None:
        return status.money.run_s
    return None if status.booted_at is None else max(0.0, status.now - status.booted_at)


def _spells(status: Status, job: JobStatus) -> tuple[Spell, ...]:
    """Seconds per phase, in order; a phase entered twice is summed."""
    spent: dict[str, float] = {}
    for item in job.phases:
        if item.phase in _SHOWN and item.seconds is not None:
            spent[item.phase.value] = spent.get(item.phase.value, 0.0) + item.seconds
    price = status.price_per_hour
    return tuple(
        Spell(phase, value, None if price is None else value * price / 3600) for phase, value in spent.items()
    )


def _lines(name: str, words: str, width: int | None) -> list[str]:
    """A name and its text; on a terminal a long one goes on below itself."""
    head = f"  {name:<11} "
    if width is None or width < _LEAST or len(head) + len(words) <= width:
        return [head + words]
    columns = 2 if words[:1].isdigit() and words[1:2] == " " else 0  # below the words, not the number
    parts = textwrap.wrap(
        words, width - _NAMES, break_long_words=False, break_on_hyphens=False, subsequent_indent=" " * columns
    )
    return [(head if place == 0 else " " * _NAMES) + part for place, part in enumerate(parts)] or [head]


def _state(bill: Bill, rate: float | None) -> str:
    words = {
        "EXITED": "stopped: its GPU is no longer billed",
        "TERMINATED": "removed: nothing of it is billed any more",
        "gone": "removed: nothing of it is billed any more",
        "unknown": "state unknown: it may still be billed",
    }
    price = "" if rate is None else f" at {dollars(rate)}/h"
    return words.get(bill.state, f"{bill.state.lower()}: this pod is still billed{price}")


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
