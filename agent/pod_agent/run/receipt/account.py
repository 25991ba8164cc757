"""The receipt as a value: a job's record, what is known of its pod, and its books, put together. Pure.

Not here: reading the books (``chronicle``), the boots one by one (``story``), and words (``pod_wire.receipt_rows``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.progress import ledger, portrait
from pod_agent.progress.money import goodput
from pod_agent.run.receipt import stopping, story
from pod_wire.frozen import dataclass
from pod_wire.receipt import Receipt
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_agent.progress.course import Course
    from pod_agent.progress.ledger import Ledger, Spent
    from pod_agent.run.situation import State
    from pod_agent.run.snapshot import PodFacts
    from pod_agent.run.state import Job
    from pod_wire.events import Entry
    from pod_wire.receipt import Stop
    from pod_wire.status import Progress

OVER = (Phase.FINISHED, Phase.STOPPING)


@dataclass(frozen=True, slots=True)
class Books:
    """What lies on disk, or the reader of progress knows. ``unknown``: what of it could not be read, in words."""

    entries: tuple[Entry, ...] = ()
    ledger: Ledger = ledger.Ledger()
    course: Course | None = None
    unknown: tuple[str, ...] = ()
    is_cut: bool = False  # of the journal only the end was read


def receipt(
    state: State, job: Job, facts: PodFacts, books: Books, now: float, *, asked_at: float | None = None
) -> Receipt:
    """``asked_at``: when the pod is asked to stop, by whoever is about to do so."""
    entries = story.of_run(books.entries, job.run, is_cut=books.is_cut)
    if books.is_cut or not entries:
        entries = story.with_start(entries, job.phases)
    book, boot = _with_this_boot(books.ledger, job, facts, now)
    mine = tuple(stay for stay in book.stays if stay.run == job.run)
    visits = story.visits(story.all_stays(mine, entries, job.run), entries)
    boots = tuple(story.told(visit, lives=visit.stay.boot == boot) for visit in visits)
    paid = ledger.spent(ledger.Ledger(tuple(visit.paid for visit in visits)), job.run)
    told = _progress(job, facts, books, now)
    is_over = job.ending is not None and (state.phase in OVER or state.phase is Phase.DRAINING)
    ending = job.ending if is_over else None
    is_here = job.boot == boot  # else it had ended before this boot, which only waits
    if ending is not None and is_here and boots and boots[-1].lives:
        words = ending.outcome.value.replace("_", " ") + (f": {ending.reason}" if ending.reason else "")
        boots = (*boots[:-1], replace(boots[-1], ending=words))
    return Receipt(
        at=now,
        job=job.name,
        phase=state.phase,
        version=facts.version,
        pod=facts.pod,
        run=job.run or None,
        order=job.order,
        command=job.spec.command,
        commit=job.commit,
        outcome=ending.outcome if ending is not None else None,
        reason=(ending.reason or None) if ending is not None else None,
        remedy=(ending.remedy or None) if ending is not None else None,
        began_at=job.run_began_at,
        boots=boots,
        phases=story.total(boots),
        installed=job.installed or None,
        attempts=job.attempts,
        steps=books.course.steps if books.course is not None and books.course.run == job.run else (),
        step=told.step if told is not None else None,
        total=told.total if told is not None else None,
        loss=told.loss if told is not None else None,
        checkpoint=job.checkpoint,
        rehearsal=job.rehearsal,
        leave=(job.leave.because or None) if ending is not None and job.leave is not None else None,
        paid_s=round(paid.seconds, 3),
        dollars=_dollars(paid),
        unpriced_s=round(paid.unpriced_s, 3),
        price_per_hour=facts.price,
        cap=job.spec.max_cost,
        goodput=goodput(paid, told),
        stop=_stop(state, job, now, asked_at=asked_at, is_here=is_here),
        log_bytes=facts.log.size if facts.log is not None else None,
        warnings=(*job.warnings, *facts.warnings, *state.warnings),
        unknown=books.unknown,
    )


def _with_this_boot(book: Ledger, job: Job, facts: PodFacts, now: float) -> tuple[Ledger, str]:
    """The books with this boot as it is now, whether it was billed yet or not."""
    pod, boot = facts.pod or "here", facts.boot or job.boot
    booted_at = facts.booted_at if facts.booted_at is not None else job.accepted_at or now
    bill = facts.bill if facts.bill is not None and facts.bill.run == job.run else None
    boot_s = bill.boot_s_by(now) if bill is not None else max(0.0, now - booted_at)
    paid = max(0.0, boot_s - ledger.of_others(book, job.run, pod, boot))
    stay = ledger.Stay(job.run, pod, boot, now - paid, now, facts.price, paid, gpu=facts.gpu)
    return ledger.seen(book, stay), boot


def _progress(job: Job, facts: PodFacts, books: Books, now: float) -> Progress | None:
    course = books.course
    if course is not None and course.run == job.run:
        return portrait.progress(course, now, is_running=False)
    return facts.progress if facts.told_of == job.run else None


def _stop(state: State, job: Job, now: float, *, asked_at: float | None, is_here: bool) -> Stop | None:
    """As it is, or as the exit policy is going to have it."""
    if not is_here:  # the training's end was another boot's
        found = stopping.stop_of(state, job, now, asked_at)
        return None if found is None else replace(found, after_s=None)
    return stopping.stop_of(state, job, now, asked_at) or stopping.foreseen(state, now)


def _dollars(paid: Spent) -> float | None:
    return None if paid.seconds <= paid.unpriced_s else round(paid.dollars, 6)
