"""The run at hand and its book: this boot's seconds and price are entered, the book is read, and kept in both places.

Not here: when to look, and what the sum means for the job (``billing``).
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.price import OF_POD, TOLD
from pod_agent.progress import ledger
from pod_agent.progress.ledger import FILE, Ledger, Stay
from pod_agent.run import bill, books
from pod_agent.run import events as e
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pod_agent.pod.armed import Armed
    from pod_agent.pod.moment import Moment
    from pod_agent.run.folders import Folders
    from pod_agent.run.pricing import PriceSearch
    from pod_agent.run.snapshot import PodFacts
    from pod_agent.run.state import Job
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

SAVE_S = 15.0
MOST_EARLY_S = 3600.0  # an image is pulled for minutes; what is more is another start
UNHURRIED_S = 30.0  # without a cap: RunPod's own answer about this pod comes by itself
log = logging.getLogger("podkeep")


class Complaints:
    """A disk that takes nothing is told once, and tried again with the next look."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    @contextmanager
    def over(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, PodError) as error:
            said = f"{what}=unwritten error={str(error)!r}"
            if said not in self._told:
                self._told.add(said)
                log.warning(said)


class Bookkeeping:
    """Belongs to whoever holds the bill's lock, but for ``learned``."""

    def __init__(
        self, settings: Settings, clock: Clock, supervisor: Supervisor, folders: Folders, search: PriceSearch
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._folders = folders
        self._search = search
        self._complaints = Complaints()
        self._born = clock.monotonic()
        self._booted: tuple[str, float, float] | None = None  # a boot; its beginning by both clocks
        self._started_at: float | None = None  # as RunPod says
        self._of_boot = Ledger()  # what this boot was billed for, whatever the job
        self._book: tuple[tuple[str, str], Ledger] | None = None  # of a job's run
        self.is_writable = True  # false: the book is a newer podkeep's

    def learned(self, found: Armed) -> None:
        """What RunPod says of this pod: its price, which wins over the list and not over what was told; its start."""
        price, started = found.price, found.pod.started() if found.pod is not None else None
        if price is not None and self._settings.price is None:
            self._supervisor.update(lambda facts: replace(facts, price=price, price_source=OF_POD))
        is_right = not found.clock_words  # else the two moments are of two clocks
        if started is not None and is_right:
            self._started_at = started

    def add(self, job: Job, facts: PodFacts, now: Moment, *, is_last: bool) -> Ledger:
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
        paid = max(0.0, self.boot_s(now) - ledger.of_others(book, job.run, pod, boot))
        stay = Stay(job.run, pod, boot, now.wall - paid, now.wall, price, paid, source, is_last, facts.gpu)
        self._of_boot = ledger.seen(self._of_boot, stay)
        self._book = (of, ledger.seen(self._book[1], stay))
        return self._book[1]

    def boot_s(self, now: Moment) -> float:
        """How long this boot has been billed: since the agent's first second, or since RunPod had started the pod."""
        if self._booted is None:
            return 0.0
        _, wall, mono = self._booted
        early = 0.0 if self._started_at is None else wall - self._started_at
        return max(0.0, now.mono - mono) + (early if 0 < early < MOST_EARLY_S else 0.0)

    def _price(self, facts: PodFacts, known: Stay | None, *, has_cap: bool) -> tuple[float | None, str]:
        """Told, RunPod's, or what an earlier agent of this boot knew; asked for where there is none."""
        found = self._search.latest.price
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
                self._search.begin()
            return None, ""
        if (facts.price, facts.price_source) != (price, source):
            self._supervisor.update(lambda known: replace(known, price=price, price_source=source))
        return price, source

    def _load(self, job: Job, booted_at: float) -> Ledger:
        found = books.read(self._folders.of(job.name), FILE)
        self.is_writable = not found.is_newer
        book = found.book
        lost = bill.unbilled(job, book, job.boot, booted_at)
        if found.is_silent:
            lost = None  # it is there, and comes with the next save
        if lost is not None:
            book = ledger.seen(book, lost)
        if found.trouble or lost is not None:
            self._supervisor.post(e.Warned(books.words(found.trouble, lost.seconds if lost else 0.0)))
        return book

    def save(self, job: Job) -> None:
        if self._book is None or not self.is_writable:
            return
        of, mine = self._book
        folder = self._folders.of(job.name)
        found = books.read(folder, FILE)  # another pod may have come
        self.is_writable = not found.is_newer
        if found.is_newer:
            return
        book = ledger.merged(found.book, mine)
        self._book = (of, book)
        with self._complaints.over("bill"):
            books.write(folder, FILE, book)
        with self._complaints.over("bill of the boot"):
            books.keep_of_boot(self._settings.disk_dir / FILE, self._of_boot)
