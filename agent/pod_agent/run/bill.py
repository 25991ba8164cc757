"""What the run at hand has cost, and the moment at which that reaches POD_MAX_COST. Values and arithmetic only.

Not here: the boots and pods that it adds up (``progress.ledger``), and when it is reckoned (``billing``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import brakes
from pod_agent.pod.brakes import HOUR_S, NEARLY, Deadline
from pod_agent.progress.ledger import FOLDED, Spent, Stay
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.pod.moment import Moment
    from pod_agent.progress.ledger import Ledger
    from pod_agent.run.state import Job

LONGEST_ATTEMPT_S = 7 * 86400.0
STALE_S = 10.0  # bills are made more often than that, unless the thread that makes them hangs
LONGEST_S = 1e9  # a price that is next to nothing makes no moment that no clock can show
NO_PRICE = "POD_MAX_COST={cap:g} cannot be kept, as nobody knows what this pod costs: {why}"
UNPRICED = (
    "the training begins before anybody could say what this pod costs ({why}): POD_MAX_COST={cap:g} counts from the"
    " beginning as soon as that is known, and the job ends if it is not known within ten minutes"
)
SAY_PRICE = (
    "say the price in dollars per hour (POD_PRICE), or limit the hours (POD_MAX_HOURS) and not the dollars"
)


@dataclass(frozen=True, slots=True)
class Bill:
    """``boot_s``: how long this boot had been billed ``at`` that moment of the wall clock, where that is known.

    ``deadline`` is None without a cap, or without a price.
    """

    run: str
    order: str
    spent: Spent
    boot_s: float
    deadline: Deadline | None = None
    at: float | None = None

    def boot_s_by(self, now: float) -> float:
        """How long it has been billed now. A wall clock that was set meanwhile moves it by a few seconds at most."""
        since = 0.0 if self.at is None else max(0.0, now - self.at)
        return self.boot_s + min(since, STALE_S)

    def is_of(self, run: str, order: str) -> bool:
        return (self.run, self.order) == (run, order)


@dataclass(frozen=True, slots=True)
class Cap:
    """What a run may cost, whose it is, and at which price that is reckoned."""

    dollars: float
    boot: str
    order: str
    price: float
    words: str = ""


def budget(known: Deadline | None, cap: Cap, spent: float, now: Moment) -> Deadline | None:
    """When the cap is reached at this price; the moment that is known already, where it still is that one."""
    left = cap.dollars - spent
    if left > 0 and cap.price <= 0:
        return None
    left_s = min(LONGEST_S, left / cap.price * HOUR_S) if left > 0 else 0.0
    span_s = min(LONGEST_S, cap.dollars / cap.price * HOUR_S) if cap.price > 0 else 0.0
    made = Deadline(
        now.wall + left_s,
        cap.boot,
        cap.order,
        None,
        cap.dollars,
        span_s,
        cap.words,
        now.mono + left_s,
        now.kernel,
    )
    if known is None or replace(known, at=made.at, mono=made.mono) != made:
        return made
    is_same = brakes.is_near(known.at, made.at) and brakes.is_near(known.mono or 0.0, now.mono + left_s)
    return known if is_same else made


def near(value: Deadline, spent: Spent, left: str) -> tuple[str, str]:
    """Which limit is near, as a key, and what is said of it."""
    if value.dollars is None:
        hours = value.hours or 0.0
        return (
            f"hours {value.boot} {value.order}",
            f"{NEARLY}POD_MAX_HOURS={hours:g} is over: the pod stops in {left}",
        )
    words = f" {value.words}" if value.words else ""
    said = f"{NEARLY}POD_MAX_COST={value.dollars:g} is spent ({money(spent.dollars)}): the pod stops in {left}{words}"
    return f"cost {value.order} {value.dollars!r}", said


def money(dollars: float) -> str:
    """Cents, and less than that of a small sum."""
    return f"${dollars:.2f}" if dollars >= 1 else f"${dollars:.4f}"


def span(seconds: float) -> str:
    """As a person says it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"  # noqa: PLR2004 - two hours


def unbilled(job: Job, book: Ledger, boot: str, booted_at: float) -> Stay | None:
    """Earlier boots of which no bill is there, as far as the attempts' times tell; None where there were none."""
    if any(one.run == job.run and one.boot != boot for one in book.stays):
        return None
    times = [
        one.ended_at - one.started_at
        for one in job.attempts
        if one.started_at is not None and one.ended_at is not None and one.started_at < booted_at
    ]
    seconds = sum(min(max(0.0, it), LONGEST_ATTEMPT_S) for it in times)  # a clock may have been set amid one
    if not seconds:
        return None
    return Stay(job.run, FOLDED, FOLDED, job.run_began_at, booted_at, None, seconds)
