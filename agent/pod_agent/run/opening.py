"""Before the lifecycle: which boot this is, which order stands, and taking hold of its job's folder.

Slow things, done in a thread of their own; what comes out is one event. Not here: deciding what an order means
(``pod_wire.orders``) and what record follows (``lineage``).
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod import boot as boots
from pod_agent.pod import brakes, moment, scribe
from pod_agent.pod.owner import Ownership
from pod_agent.pod.record import Accepted, PodRecord, PodRecords, counted_from, with_order
from pod_agent.run import events as e
from pod_agent.run import limits, lineage, state
from pod_wire import orders
from pod_wire.errors import BadInput, Conflict, PodError
from pod_wire.orders import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.boot import Boot
    from pod_agent.run.folders import Folders, JobFolder
    from pod_agent.run.state import Job
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.job import JobSpec
    from pod_wire.runpod.models import Pod

ACCEPT_S = 2.0
MOVE_AWAY = "update podkeep in the image, or give the job another POD_JOB"


class Opening:
    """One life of the agent opens its boot once, then jobs: the environment's first, posted ones later."""

    def __init__(
        self,
        settings: Settings,
        folders: Folders,
        records: PodRecords,
        clock: Clock,
        *,
        own_pod: Callable[[], Pod | None] = lambda: None,
        on_boot: Callable[[Boot, brakes.Deadline | None], None] = lambda *_: None,
        on_folder: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._on_boot = on_boot
        self._on_folder = on_folder
        self._settings = settings
        self._folders = folders
        self._records = records
        self._clock = clock
        self._own_pod = own_pod
        self._lock = threading.Lock()
        self._record: PodRecord | None = None
        self.same_boot = False
        self._owned: tuple[JobFolder, Ownership] | None = None

    # The owner record

    def renew(self) -> str | None:
        """Beat once. Returns the pod that has taken the folder from us, if any: from then on we leave it alone."""
        owned = self._owned
        other = owned[1].renew() if owned is not None else None
        if owned is not None and other is not None:
            owned[0].fall_back()
            if self._owned is owned:
                self._owned = None
        return other

    def release(self) -> None:
        """The folder is free for another pod at once."""
        if self._owned is not None:
            self._owned[1].release()

    # The boot

    def boot(self) -> Boot:
        """Find out which boot this is, once. RunPod is asked only where its answer could change the verdict."""
        with self._lock:
            if self._record is None:
                self._record = self._settle()
                boot, hours = self._record.boot, self._settings.max_hours
                self._on_boot(boot, limits.first(self._settings.disk_dir, self._clock, boot, hours))
            return self._record.boot

    def _settle(self) -> PodRecord:
        known, marker = self._records.read()
        facts = boots.Facts(self._settings.hostname, self._settings.tcp_ports, None, marker)
        seen = known.boot if known is not None else None
        unread = bool(self._records.warnings)
        pod = self._own_pod() if unread or boots.needs_started_at(facts, seen) else None
        if pod is not None:
            facts = replace(facts, started_at=pod.started_at)
        boot, self.same_boot, _why = boots.settle(facts, seen, self._clock.now())
        if unread and pod is not None:
            boot = replace(boot, booted_at=min(boot.booted_at, pod.started() or boot.booted_at), mono=None)
        boot = boots.anchored(boot, moment.take(self._clock))
        record = PodRecord(boot, known.accepted if known else None, known.revision if known else 0)
        return self._records.write(record)

    def learned(self, started_at: str | None) -> None:
        """RunPod's ``startedAt``, as it became known later: the next agent compares with it."""
        with self._lock:
            if self._record is not None and started_at and self._record.boot.started_at != started_at:
                boot = replace(self._record.boot, started_at=started_at)
                self._record = self._records.write(replace(self._record, boot=boot))

    # The order

    def first(self) -> e.Event:
        """The order that stands when the agent begins, and what becomes of it."""
        boot = self.boot()
        record = self._known_record()
        asked, env_hash = self._settings.job, self.env_hash()
        accepted = record.accepted
        if asked is None and accepted is None:
            return e.NothingToDo("no job was asked for")
        past = None
        is_begun = True
        if accepted is not None:
            known = self._peek(accepted)
            is_begun = known is None or known.order == accepted.order or known.order not in accepted.given
            known = known if is_begun else None
            outcome = known.ending.outcome if known is not None and known.ending is not None else None
            same = self.same_boot and (known is None or known.boot == boot.id)
            past = orders.Past(accepted.order, accepted.env_hash, outcome, same, accepted.given)
        verdict, reason = orders.decide(past, self._settings.order, env_hash)
        if verdict is Verdict.RUN:
            if asked is None:
                return e.NothingToDo("the environment asks for no job any more")
            order = self._fresh_order(accepted)
            self._accept(asked, order, amid=self.same_boot, is_asked=order == self._settings.order)
            since = self._clock.now() if self.same_boot else boot.booted_at
            return self._open(asked, order, Verdict.RUN, reason, since)
        if accepted is None:
            return e.NothingToDo(reason)
        since = counted_from(accepted, boot, moment.take(self._clock)) if self.same_boot else boot.booted_at
        if not is_begun:
            verdict, reason = Verdict.RUN, "the order was accepted and not begun"
        return self._open(accepted.spec, accepted.order, verdict, reason, since)

    def _fresh_order(self, accepted: Accepted | None) -> str:
        """The environment's order id; one that was accepted before counts as none."""
        order = self._settings.order
        used = accepted is not None and order in accepted.given
        return orders.new_order_id() if order is None or used else order

    def order(self, spec: JobSpec, order: str) -> e.Event:
        """An order given to the living agent."""
        self.boot()
        accepted = self._known_record().accepted
        if accepted is None or accepted.order != order:
            self._accept(spec, order)
        return self._open(spec, order, Verdict.RUN, "a new order came", since=self._clock.now())

    def accept(self, spec: JobSpec, order: str) -> None:
        """Remember an order before anybody is told that it was accepted.

        The loop calls this: an opening that hangs and holds the record is not waited for; ``order`` remembers it then.
        """
        if not self._lock.acquire(timeout=ACCEPT_S):
            return
        try:
            self._remember(spec, order)
        finally:
            self._lock.release()

    def _accept(self, spec: JobSpec, order: str, *, amid: bool = True, is_asked: bool = True) -> None:
        with self._lock:
            self._remember(spec, order, amid=amid, is_asked=is_asked)

    def _remember(self, spec: JobSpec, order: str, *, amid: bool = True, is_asked: bool = True) -> None:
        if self._record is not None:
            now = moment.take(self._clock) if amid else None
            record = with_order(self._record, spec, order, self.env_hash(), is_asked=is_asked, since=now)
            self._record = self._records.write(record)

    def env_hash(self) -> str:
        """What the environment asks for, mistakes included, as a short text that changes when it does."""
        asked, mistakes = self._settings.job, self._settings.mistakes
        if asked is None:
            return ""
        if mistakes is None:
            return asked.spec_hash()
        text = "\n".join([asked.spec_hash(), *map(str, mistakes.mistakes)])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _known_record(self) -> PodRecord:
        if self._record is None:
            raise AssertionError("the boot is not settled")
        return self._record

    @property
    def given(self) -> tuple[str, ...]:
        """Every order that this pod has accepted, as far as it is remembered."""
        accepted = self._record.accepted if self._record is not None else None
        return accepted.given if accepted is not None else ()

    # The folder

    def _peek(self, accepted: Accepted) -> Job | None:
        """What is known of a job, for the rule table; unreadable counts as unknown here and is refused later."""
        with contextlib.suppress(PodError, OSError):
            return state.newest(self._folders.of(accepted.spec.name).read(state.FILE), accepted.order)
        return None

    def _open(self, spec: JobSpec, order: str, verdict: Verdict, reason: str, since: float) -> e.Event:
        boot = self.boot()
        around = lineage.Circumstances(
            boot,
            self._clock.now(),
            since,
            brakes.by_hours(limits.kept(self._settings.disk_dir, self._clock)),
            (*self._settings.warnings, *self._records.warnings),
            is_asked=self._is_asked(order),
            hours=self._settings.max_hours,
        )
        folder = self._folders.of(spec.name)
        try:
            past = self._take(folder, boot, order)
            if (
                verdict is Verdict.RUN
                and past is not None
                and past.order == order
                and past.ending is not None
            ):
                verdict, reason = orders.known_by_its_job(past.ending.outcome)
        except (PodError, OSError) as error:
            folder.fall_back()
            self._on_folder(spec.name)
            stand_in = lineage.carry(None, Verdict.RUN, spec, order, around)
            stand_in = replace(self._anchored(stand_in), revision=state.STAND_IN)
            return e.OpenFailed(stand_in, *_words(error, self._settings))
        job = self._anchored(lineage.carry(past, verdict, spec, order, around))
        limits.keep(self._settings.disk_dir, self._clock, job)
        self._on_folder(spec.name)
        mistakes = self._settings.mistakes
        if mistakes is not None and verdict is not Verdict.WAIT and spec == self._settings.job:
            lines = "; ".join(str(mistake) for mistake in mistakes.mistakes)
            return e.OpenFailed(
                job, f"{mistakes.message}: {lines}", mistakes.hint or "correct it and run again"
            )
        same = past is not None and past.boot == boot.id
        return e.Opened(job, verdict, same, reason)

    def _is_asked(self, order: str) -> bool:
        accepted = self._known_record().accepted
        return accepted is None or accepted.order != order or accepted.is_asked

    def _take(self, folder: JobFolder, boot: Boot, order: str) -> Job | None:
        """Prove that the workspace takes files, own the folder, read the record."""
        folder.probe()
        owner = Ownership(
            folder.path, self._settings.pod_id or self._settings.hostname or "here", boot.id, self._clock
        )
        owner.take()
        self._owned = (folder, owner)
        past = state.newest(folder.read(state.FILE), order)
        with contextlib.suppress(OSError):  # a disk without room for ballast is met when it is full
            scribe.lay_ballast(folder.ballast)
        return past

    def _anchored(self, job: Job) -> Job:
        return replace(job, deadline=brakes.anchored(job.deadline, moment.take(self._clock)))


def _words(error: Exception, settings: Settings) -> tuple[str, str]:
    """Why a job cannot begin, and what to do."""
    if isinstance(error, BadInput):
        return f"the job's record cannot be used: {error.message}", MOVE_AWAY
    if isinstance(error, Conflict):
        return error.message, error.hint
    if isinstance(error, PodError):
        return error.message, error.hint or "look at the mount: does another pod reach it?"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (
        f"cannot write to the workspace {settings.workspace}: {reason}",
        "mount a writable volume there with free space, or set POD_WORKSPACE to one",
    )
