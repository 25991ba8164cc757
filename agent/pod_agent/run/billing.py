"""Adds up what the run at hand costs while it is worked on, and keeps the moment at which its budget is over.

Every five seconds, in a thread of its own that also runs while a workspace hangs. The book of all boots is on the
workspace, the moment on the container's disk too, where the entrypoint's last resort finds it. Not here: the arithmetic
(``bill``), the search for a price (``pricing``), and the stop, which is the supervisor's.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import brakes, moment, scribe
from pod_agent.pod.preflight import verdict
from pod_agent.progress import ledger
from pod_agent.run import bill, books
from pod_agent.run import events as e
from pod_agent.run.bill import Bill, Cap
from pod_agent.run.bookkeeping import SAVE_S, Bookkeeping, Complaints
from pod_agent.run.machine import BEFORE_DRAIN
from pod_agent.run.pricing import PriceSearch

if TYPE_CHECKING:
    from pod_agent.pod.armed import Armed
    from pod_agent.pod.brakes import Deadline
    from pod_agent.pod.moment import Moment
    from pod_agent.pod.preflight.verdict import Finding
    from pod_agent.progress.ledger import Ledger
    from pod_agent.run.folders import Folders
    from pod_agent.run.state import Job
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

PACE_S = 5.0
HOLD_S = 20.0  # a training waits so long for its price; it may begin without, and is then still capped
BEAT_S = 0.25
log = logging.getLogger("podkeep")


class Billing:
    """``tick`` is one look; ``run`` makes one every five seconds until ``over``."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        folders: Folders,
        over: threading.Event,
        *,
        search: PriceSearch | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._folders = folders
        self._over = over
        self.search = search or PriceSearch(settings, clock)
        self._lock = threading.Lock()
        self._books = Bookkeeping(settings, clock, supervisor, folders, self.search)
        self._complaints = Complaints()
        self._saved_at = 0.0
        self._kept: tuple[Deadline | None, ...] = ()
        self._told: set[str] = set()
        self._failed = ""

    def run(self) -> None:
        """Until it is over, and once more then: what was paid last is kept."""
        self._try()
        while not self._over.wait(PACE_S):
            self._try()
        self._try(is_last=True)

    def _try(self, *, is_last: bool = False) -> None:
        try:
            self.tick(is_last=is_last)
            self._failed = ""
        except Exception as error:  # noqa: BLE001 - a thread's top: the next look tries again
            if str(error) != self._failed:
                log.warning("bill=unread error=%r", str(error))
            self._failed = str(error)

    def learned(self, found: Armed) -> None:
        """What RunPod says of this pod."""
        self._books.learned(found)

    def afford(self, order: str) -> Finding:
        """Before the training begins: is there a price to keep the cap by, and anything left of it? Waits a while."""
        until = self._clock.monotonic() + HOLD_S
        while True:
            job = self._supervisor.state.job
            if job is None or job.order != order or job.spec.max_cost is None:
                return verdict.FINE
            made, trouble = self.tick(), self.trouble(job)
            if trouble is not None:
                return verdict.failure(*trouble)
            if made is not None and self._supervisor.facts.price is not None:
                return self._left(made.deadline)
            if self._clock.monotonic() >= until:
                return verdict.warning(
                    bill.UNPRICED.format(cap=job.spec.max_cost, why=self.search.latest.reason)
                )
            self._clock.sleep(BEAT_S)

    def _left(self, deadline: Deadline | None) -> Finding:
        """Nothing left: the supervisor hears of it first, and ends the job as one whose budget is over."""
        if deadline is None or brakes.left_s(deadline, self._clock.now(), self._clock.monotonic()):
            return verdict.FINE
        self._supervisor.nudge()
        return verdict.failure(brakes.reason(deadline), brakes.remedy(deadline))

    def tick(self, *, is_last: bool = False) -> Bill | None:
        """One look: what is spent, when it is too much, and what has to be said of it. None where nothing is billed."""
        with self._lock:
            state, facts = self._supervisor.state, self._supervisor.facts
            job = state.job
            if job is None or not job.run or state.opening or facts.boot is None or job.boot != facts.boot:
                return None
            if job.revision < 0:  # its folder did not open: what the disk knows of its limits stands
                return None
            now = moment.take(self._clock)
            book = self._books.add(job, facts, now, is_last=is_last)
            made = self._publish(job, book, now)
            self._keep_deadlines(job, made.deadline, now)
            if state.phase in BEFORE_DRAIN:
                self._warn(job, made, now)
            if is_last or now.mono - self._saved_at >= SAVE_S:
                self._saved_at = now.mono
                self._books.save(job)
            return made

    # The brake

    def _publish(self, job: Job, book: Ledger, now: Moment) -> Bill:
        spent = ledger.spent(book, job.run)
        earlier = self._supervisor.facts.bill
        known = earlier.deadline if earlier is not None and earlier.is_of(job.run, job.order) else None
        price, source = self._supervisor.facts.price, self._supervisor.facts.price_source
        deadline = None
        if job.spec.max_cost is not None and price is not None:
            words = f"at ${price:g}/h ({source})"
            cap = Cap(job.spec.max_cost, job.boot, job.order, price, words)
            dearest = ledger.highest(book, job.run, price)
            deadline = bill.budget(known, cap, ledger.spent(book, job.run, dearest).dollars, now)
        made = Bill(job.run, job.order, spent, self._books.boot_s(now), deadline, at=now.wall)
        self._supervisor.update(lambda facts: replace(facts, bill=made))
        if deadline is not known:
            self._supervisor.nudge()
        return made

    def _keep_deadlines(self, job: Job, by_cost: Deadline | None, now: Moment) -> None:
        """On the container's disk, and copied to the workspace; written anew when the wall clock was set, too."""
        mine = job.deadline
        earlier = self._kept[0] if self._kept else None
        if mine is not None and earlier is not None and replace(earlier, at=mine.at) == mine:
            mine = earlier  # the same one, as it was last written
        wanted = (brakes.anchored(mine, now), by_cost)
        if wanted == self._kept:
            return
        data = brakes.dump(*wanted)
        if not data:
            return
        with self._complaints.over("deadline"):
            scribe.make_folder(self._settings.disk_dir)
            scribe.replace(self._settings.disk_dir / brakes.FILE, data)
            self._kept = wanted
            self._folders.of(job.name).replace(brakes.FILE, data)

    def _warn(self, job: Job, made: Bill, now: Moment) -> None:
        """What is near, once; and that a budget cannot be kept."""
        for one in (job.deadline, made.deadline):
            left = None if one is None else brakes.left_s(one, now.wall, now.mono)
            if one is None or not left or not brakes.is_nearing(one, now.wall, now.mono):
                continue
            key, text = bill.near(one, made.spent, bill.span(left))
            if key not in job.told:
                self._supervisor.post(e.Nearing(key, text))
        trouble = self.trouble(job)
        if trouble is not None and job.order not in self._told:
            self._told.add(job.order)
            self._supervisor.post(e.Unfit(job.order, *trouble))

    def trouble(self, job: Job) -> tuple[str, str] | None:
        """Why a cap cannot be kept, and the remedy; None where it can, or that is still being found out."""
        cap = job.spec.max_cost
        if cap is None:
            return None
        if not self._books.is_writable:
            return books.NEWER.format(cap=cap), books.UPDATE
        asked = self.search.latest
        if self._supervisor.facts.price is None and asked.is_final:
            return bill.NO_PRICE.format(cap=cap, why=asked.reason), bill.SAY_PRICE
        return None
