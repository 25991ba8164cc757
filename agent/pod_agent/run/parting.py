"""What is found out when a job has drained, before its end is told: whether the pod is held, and how it is left.

Looks at who follows, where the workspace lies, and at the numbers; the rules are in ``hold`` and ``leaving``.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pod_agent.run import events as e
from pod_agent.run import hold, leaving, snapshot
from pod_agent.run.left import Parting
from pod_wire import proof
from pod_wire.errors import PodError
from pod_wire.job import ExitPolicy
from pod_wire.proof import Estate, Keeps
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.preflight.look import Look
    from pod_agent.pod.preflight.mount import Mount
    from pod_agent.run.beside import Beside
    from pod_agent.run.left import Leave
    from pod_agent.run.state import Job
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.status import Progress

MOUNT_S = 2.0  # where nothing was known of it before the job's end
BESIDE_S = 2.0  # what else is on a disk that would be destroyed
LOOK_S = 1.0
LAG_S = 2.0  # of a reader of the job's log that has not begun yet
READ_S = 0.25  # for one look of it
log = logging.getLogger("podkeep")
TYPED_S = 120.0  # terminals are looked at every half minute while a job runs


class Visitors(Protocol):
    """What is asked of HTTP; it may not be up yet."""

    @property
    def opened_at(self) -> float | None: ...

    def followed_since(self, moment: float) -> bool: ...


class Partings:
    """``of`` and ``tell`` may be slow; ``watch`` and ``look`` return at once.

    ``read`` waits no longer than it is told for all that the training said; None: nobody reads its log yet.
    """

    def __init__(
        self,
        settings: Settings,
        supervisor: Callable[[], Supervisor],
        visitors: Visitors,
        clock: Clock,
        *,
        write: Callable[[str, bytes], None],
        read: Callable[[float], bool | None],
        mounted: Callable[[Path], Mount | None] | None = None,
    ) -> None:
        self._mounted = mounted  # as the kernel says, unless a test says it
        self._settings = settings
        self._supervisor = supervisor
        self._visitors = visitors
        self._clock = clock
        self._write = write
        self._read = read
        self._mount: Look[Mount | None] | None = None

    def look(self) -> None:
        """Where the workspace lies is found out while the training runs: its end need not wait for it."""
        if self._mount is None or (self._mount.is_over and self._mount.error is not None):
            from pod_agent.pod.preflight import mount  # noqa: PLC0415 - the training came first
            from pod_agent.pod.preflight.look import Look  # noqa: PLC0415 - the same

            look = self._mounted or mount.look
            self._mount = Look("mount", lambda: look(self._settings.workspace))

    def of(self, job: Job) -> Parting | None:
        """Found out, and said in the job's log; None where the pod is going, and nobody is asked how it is left."""
        if self._supervisor().state.leaving:
            return None
        self.look()
        progress = self._progress(job)
        now, held = self._clock.now(), None
        if job.spec.hold_minutes > 0:
            stepped, mono = hold.has_stepped(job, progress), self._clock.monotonic()
            around, company = self._supervisor(), self._company()
            first = snapshot.next_deadline(around.state, around.facts, now, mono)
            most_s = None if first is None else first[0]
            held = hold.begin(job, company, stepped=stepped, now=now, mono=mono, most_s=most_s)
        way_s = leaving.again_s(job, progress)
        leave = self._leave(job, way_s)
        then = leaving.then(leave.policy if leave is not None else ExitPolicy.KEEP)
        lines = [hold.words(held, then)] if held is not None else []
        if leave is not None and leave.because:
            lines.append(f"podkeep: {leave.because}")
        self.tell(job, *lines)
        return Parting(held, leave, way_s)

    def tell(self, job: Job, *lines: str) -> None:
        """Into the log of a job that is over. One that takes nothing more changes no decision."""
        if not lines:
            return
        try:
            self._write(job.name, "".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
        except (OSError, PodError) as error:
            log.warning("log=unwritten error=%r lines=%r", str(error), lines)

    def watch(self, until: float) -> None:
        """Whether somebody comes to a pod that is held for it."""
        threading.Thread(target=self._await, args=(until,), name="hold", daemon=True).start()

    def _await(self, until: float) -> None:
        left = until - self._clock.now()
        over = self._clock.monotonic() + left
        while self._clock.monotonic() < over and hold.of(self._supervisor().state) is not None:
            by = self._company().by
            if by is not None:
                self._supervisor().post(e.Followed(by))
                return
            self._clock.sleep(LOOK_S)

    def _company(self) -> hold.Company:
        mono = self._clock.monotonic()
        if self._visitors.followed_since(mono - hold.WITHIN_S):
            return hold.Company("somebody follows it")
        if self._typed_since(mono - TYPED_S):
            return hold.Company("somebody is logged in")
        up = self._visitors.opened_at
        left = hold.COME_S if up is None else up + hold.COME_S - mono
        return hold.Company(come_by=self._clock.now() + left if left > 0 else None)

    def _typed_since(self, mono: float) -> bool:
        brake = self._supervisor().facts.brake
        if brake is None:
            return False
        from pod_agent.pod.idle.signs import Name  # noqa: PLC0415 - loaded by now

        track = brake.memory.tracks.get(Name.SSH)
        return track is not None and track.busy_at is not None and track.busy_at >= mono

    def _progress(self, job: Job) -> Progress | None:
        """Its last lines are read within moments of its end; only who needs to know waits for that.

        A training that printed no step is known by one more look at its log.
        """
        until, is_read = self._clock.monotonic() + LAG_S, not (job.attempts and _needs_progress(job))
        while True:
            around = self._supervisor()
            found = around.facts.progress if around.facts.told_of == job.run else None
            is_known = found is not None and found.first_step_at is not None
            if is_known or is_read or around.state.leaving or self._clock.monotonic() >= until:
                return found
            is_read = self._read(READ_S) is not None
            if not is_read:
                self._clock.sleep(LAG_S / 20)

    def _leave(self, job: Job, way_s: float | None) -> Leave | None:
        """None where the outcome alone decides."""
        ending = job.ending
        if ending is None or ending.outcome not in {Outcome.SUCCEEDED, Outcome.FAILED}:
            return None
        policy = _policy(job, ending.outcome)
        if self._settings.pod_id is None or policy in {ExitPolicy.KEEP, ExitPolicy.EXIT}:
            return None
        facts = self._supervisor().facts
        numbers = leaving.Numbers(facts.disk_gb, facts.price, way_s)
        is_braked = job.spec.idle_minutes > 0
        may_end = policy in {ExitPolicy.TERMINATE, ExitPolicy.AUTO}
        return leaving.decide(policy, self._estate(job, may_end=may_end), numbers, is_braked=is_braked)

    def _estate(self, job: Job, *, may_end: bool) -> Estate:
        """``may_end``: the disk itself may go, with all that is on it."""
        keeps, top = self._keeps()
        alone, others = proof.made(len(job.attempts), job.checkpoint), tuple[str, ...]()
        if may_end and keeps is Keeps.DISK:
            found = self._beside(top, job)
            alone, others = (*alone, *found.own), found.others
        elif keeps is Keeps.UNKNOWN:
            others = (proof.UNSEEN,)
        return Estate(keeps, alone, may_be_lost=job.spec.ephemeral, others=others)

    def _beside(self, top: Path, job: Job) -> Beside:
        """What cannot be looked at in time is not proved to be nothing."""
        from pod_agent.pod.preflight.look import Look  # noqa: PLC0415 - loaded by now, and the training came first
        from pod_agent.run import beside  # noqa: PLC0415 - the same

        here, ours = self._settings.workspace, (self._settings.disk_dir, self._settings.run_dir)
        found = Look("beside", lambda: beside.look(top, here, job, ours)).within(BESIDE_S)
        return found if found is not None else beside.Beside(others=(proof.UNSEEN,))

    def _keeps(self) -> tuple[Keeps, Path]:
        """Where the workspace lies, and where that is mounted; one that does not answer is not waited for."""
        on = self._mount.within(MOUNT_S) if self._mount is not None else None
        if on is None:
            return Keeps.UNKNOWN, self._settings.workspace
        if on.is_fleeting:
            return Keeps.NOTHING, Path(on.point)
        is_network = bool(self._settings.job_environment.get("RUNPOD_VOLUME_ID"))
        return Keeps.NETWORK if is_network else Keeps.DISK, Path(on.point)


def _policy(job: Job, outcome: Outcome) -> ExitPolicy:
    return job.spec.on_finish if outcome is Outcome.SUCCEEDED else job.spec.on_failure


def _needs_progress(job: Job) -> bool:
    """Whether it matters if a step was seen: for a hold, and for what auto reckons. Other outcomes decide alone."""
    outcome = job.ending.outcome if job.ending is not None else None
    if outcome not in {Outcome.SUCCEEDED, Outcome.FAILED}:
        return False
    is_held = outcome is Outcome.FAILED and job.spec.hold_minutes > 0 and job.stop_because is None
    return is_held or _policy(job, outcome) is ExitPolicy.AUTO
