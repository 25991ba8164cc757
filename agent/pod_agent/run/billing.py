"""Adds up what the run at hand costs while it is worked on, and keeps the moment at which its budget is over.

Once a second, in a thread of its own that also runs while a workspace hangs. The book of all boots is on the workspace,
the moment on the container's disk too, where the entrypoint's last resort finds it. Not here: the arithmetic
(``bill``), the search for a price (``pricing``), and the stop, which is the supervisor's.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import brakes, moment, scribe
from pod_agent.pod.preflight import verdict
from pod_agent.pod.price import OF_POD, TOLD
from pod_agent.progress import ledger
from pod_agent.progress.ledger import FILE, Ledger, Stay
from pod_agent.run import bill, books
from pod_agent.run import events as e
from pod_agent.run.bill import Bill, Cap
from pod_agent.run.machine import BEFORE_DRAIN
from pod_agent.run.pricing import PriceSearch
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pod_agent.pod.armed import Armed
    from pod_agent.pod.brakes import Deadline
    from pod_agent.pod.moment import Moment
    from pod_agent.pod.preflight.verdict import Finding
    from pod_agent.run.folders import Folders
    from pod_agent.run.snapshot import PodFacts
    from pod_agent.run.state import Job
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

PACE_S = 1.0
SAVE_S = 15.0
HOLD_S, BEAT_S = (
    20.0,
    0.25,
)  # a training waits so long for its price; it may begin without, and is then still capped
MOST_EARLY_S = 3600.0  # an image is pulled for minutes; what is more is another start
UNHURRIED_S = 30.0  # without a cap: RunPod's own answer about this pod comes by itself
log = logging.getLogger("podkeep")


class Billing:
    """``tick`` is one look; ``run`` makes one each second until ``over``."""

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
        self._born = clock.monotonic()
        self._booted: tuple[str, float, float] | None = None  # a boot; its beginning by both clocks
        self._started_at: float | None = None  # as RunPod says
        self._of_boot = Ledger()  # what this boot was billed for, whatever the job
        self._book: tuple[tuple[str, str], Ledger] | None = None  # of a job's run
        self._is_writable = True  # false: the book is a newer podkeep's
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
        """What RunPod says of this pod: its price, which wins over the list and not over what was told; its start."""
        price, started = found.price, found.pod.started() if found.pod is not None else None
        if price is not None and self._settings.price is None:
            self._supervisor.update(lambda facts: replace(facts, price=price, price_source=OF_POD))
        if (
            started is not None and not found.clock_words
        ):  # a clock that is wrong says nothing about its distance
            self._started_at = started

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
            book = self._add(job, facts, now, is_last=is_last)
            made = self._publish(job, book, now)
            self._keep_deadlines(job, made.deadline, now)
            if state.phase in BEFORE_DRAIN:
                self._warn(job, made, now)
            if is_last or now.mono - self._saved_at >= SAVE_S:
                self._saved_at = now.mono
                self._save(job)
            return made

    # The book

    def _add(self, job: Job, facts: PodFacts, now: Moment, *, is_last: bool) -> Ledger:
        """With this boot as it is now."""
        boot, pod, of = facts.boot or "", facts.pod or "here", (job.name, job.run)
        if self._booted is None or self._booted[0] != boot:
            age = 0.0 if facts.booted_at is None else max(0.0, now.wall - facts.booted_at)
            self._booted = (boot, now.wall - age, now.mono - age)
            self._of_boot = books.of_boot(self._settings.disk_dir / FILE, boot)
        if self._book is None or self._book[0] != of:
            self._book = (of, ledger.settled(self._load(job, self._booted[1]), boot, SAVE_S))
        book = ledger.merged(self._book[1], self._of_boot)
        known = ledger.find(book, job.run, pod, boot)
        price, source = self._price(facts, known, has_cap=job.spec.max_cost is not None)
        paid = max(0.0, self._boot_s(now) - ledger.of_others(book, job.run, pod, boot))
        stay = Stay(job.run, pod, boot, now.wall - paid, now.wall, price, paid, source, is_last)
        self._of_boot = ledger.seen(self._of_boot, stay)
        self._book = (of, ledger.seen(self._book[1], stay))
        return self._book[1]

    def _boot_s(self, now: Moment) -> float:
        """How long this boot has been billed: since the agent's first second, or since RunPod had started the pod."""
        if self._booted is None:
            return 0.0
        _, wall, mono = self._booted
        early = 0.0 if self._started_at is None else wall - self._started_at
        return max(0.0, now.mono - mono) + (early if 0 < early < MOST_EARLY_S else 0.0)

    def _price(self, facts: PodFacts, known: Stay | None, *, has_cap: bool) -> tuple[float | None, str]:
        """Told, RunPod's, or what an earlier agent of this boot knew; asked for where there is none."""
        found = self.search.latest.price
        if self._settings.price is not None:
            price, source = self._settings.price, TOLD
        elif found is not None and (facts.price is None or facts.price == found.per_hour):
            price, source = found.per_hour, found.source
        elif facts.price is not None:
            price, source = facts.price, facts.price_source or OF_POD
        elif known is not None and known.price is not None:
            price, source = known.price, known.source
        else:
            if has_cap or self._clock.monotonic() - self._born >= UNHURRIED_S:
                self.search.begin()
            return None, ""
        if (facts.price, facts.price_source) != (price, source):
            self._supervisor.update(lambda known: replace(known, price=price, price_source=source))
        return price, source

    def _load(self, job: Job, booted_at: float) -> Ledger:
        found = books.read(self._folders.of(job.name), FILE)
        self._is_writable = not found.is_newer
        book = found.book
        lost = bill.unbilled(job, book, job.boot, booted_at)
        if found.is_silent:
            lost = None  # it is there, and comes with the next save
        if lost is not None:
            book = ledger.seen(book, lost)
        if found.trouble or lost is not None:
            self._supervisor.post(e.Warned(books.words(found.trouble, lost.seconds if lost else 0.0)))
        return book

    def _save(self, job: Job) -> None:
        if self._book is None or not self._is_writable:
            return
        try:
            books.keep_of_boot(self._settings.disk_dir / FILE, self._of_boot)
            folder = self._folders.of(job.name)
            book = ledger.merged(books.read(folder, FILE).book, self._book[1])  # another pod may have come
            self._book = (self._book[0], book)
            books.write(folder, FILE, book)
        except (OSError, PodError) as error:
            log.warning("bill=unwritten error=%r", str(error))

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
        made = Bill(job.run, job.order, spent, self._boot_s(now), deadline)
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
        self._kept = wanted
        data = brakes.dump(*wanted)
        try:
            if data:
                scribe.make_folder(self._settings.disk_dir)
                scribe.replace(self._settings.disk_dir / brakes.FILE, data)
                self._folders.of(job.name).replace(brakes.FILE, data)
        except (OSError, PodError) as error:
            log.warning("deadline=unwritten error=%r", str(error))

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
        if not self._is_writable:
            return books.NEWER.format(cap=cap), books.UPDATE
        asked = self.search.latest
        if self._supervisor.facts.price is None and asked.is_final:
            return bill.NO_PRICE.format(cap=cap, why=asked.reason), bill.SAY_PRICE
        return None
