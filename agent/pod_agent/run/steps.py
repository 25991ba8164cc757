"""The real steps around an attempt: code, environment, checkpoint, plan, watch. Imported when first needed.

Holds what one step learns and the next one needs (folder, environment's variables, chosen checkpoint) for the job at
hand. Not here: threads and events' order (``effects``).
"""

from __future__ import annotations

import time
from dataclasses import field, replace
from typing import TYPE_CHECKING

from pod_agent.outputs.belonging import Belonging, load
from pod_agent.outputs.log import JobLog
from pod_agent.outputs.touched import mark
from pod_agent.run import events as e
from pod_agent.run import rehearsal, tracking
from pod_agent.run.aside import Aside
from pod_agent.run.attempt_plan import USUAL, AttemptPlan, Patience
from pod_agent.run.folders import HOME
from pod_agent.run.lineage import OTHER_CODE
from pod_agent.run.resume import Restored, begin, command_line, restore, variables
from pod_agent.run.work import Work
from pod_wire.frozen import dataclass
from pod_wire.status import CheckpointPlace, Outcome, Rehearsed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_agent.outputs.touched import Mark
    from pod_agent.outputs.watch import CheckpointWatch
    from pod_agent.run.environment.own_host import OwnHost
    from pod_agent.run.environment.packs.background import Packing
    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_agent.run.folders import Folders
    from pod_agent.run.readiness import Readiness
    from pod_agent.run.state import Job
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock

SHOWN = 400  # characters of a command in the log's header


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the steps have made ready."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    unfit: tuple[str, ...] = ()  # of the job's own variables, those its environment cannot honour
    restored: Restored = field(default_factory=lambda: Restored(None, None))


class RealSteps:
    """Git, pip, checkpoints and the plan of an attempt, for one job at a time."""

    def __init__(
        self,
        settings: Settings,
        folders: Folders,
        clock: Clock,
        drained: Callable[[], None] = lambda: None,
        patience: Patience = USUAL,
        *,
        doing: Callable[[str | None], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
        readiness: Readiness | None = None,
    ) -> None:
        self._readiness = readiness
        self._doing = doing
        self._warn = warn
        self._drained = drained
        self._settings = settings
        self._folders = folders
        self._clock = clock
        self._patience = patience
        self._prepared: dict[str, Prepared] = {}
        self._before: dict[str, dict[str, str]] = {}  # by run
        self._mark: Mark | None = None
        self._packing: Packing | None = None
        self._planned: AttemptPlan | None = None

    def log(self, job: str) -> JobLog:
        return JobLog(self._folders.of(job).path)

    def work(self, job: Job) -> Work:
        return Work(self.log(job.name).append, self._clock, doing=self._doing)

    def doubted(self, job: Job) -> Path | None:
        return self._settings.workspace if job.has_just_stalled else None

    def sync(self, job: Job, work: Work) -> e.Event:
        from pod_agent.run.code.sync import sync  # noqa: PLC0415 - not needed where an attempt is found alive

        if self._readiness is not None:
            self._readiness.begin(job, work)
        if job.tries == 0:
            for text in (one for one in job.warnings if one.startswith(OTHER_CODE)):
                work.say(f"podkeep: {text}")
        tree = self._settings.workspace / job.name
        done = sync(job.spec, tree, job.commit, self._settings.code_environment, work)
        self._prepared[job.name] = Prepared(done.folder)
        if self._readiness is not None:
            self._readiness.synced()
        return e.Synced(done.commit, done.warnings)

    def install(self, job: Job, work: Work) -> e.Event:
        from pod_agent.run.environment import careful  # noqa: PLC0415 - the same
        from pod_agent.run.environment.install import install  # noqa: PLC0415

        if self._readiness is not None:
            self._readiness.begin(job, work)
        known, mine = self._known(job), self._own_environment()
        own = self._own_host(job)
        done = install(job.spec, known.folder, self._envs, mine, work, shelf=self._shelf(), own=own)
        unfit = careful.unfit(mine | dict(done.variables), known.folder, work)
        self._prepared[job.name] = replace(known, variables=done.variables, unfit=unfit)
        return e.Installed(done.warnings, done.words)

    def restore(self, job: Job, work: Work) -> e.Event:
        known = self._known(job)
        if self._readiness is not None:
            self._readiness.begin(job, work)
        state = self._folders.of(job.name).path
        warnings = self._begin(job, known.folder, state, work) if not job.attempts else ()
        told = job.rehearsal
        rehearsing = told is not None and not told.is_over
        if rehearsing:
            work.say(rehearsal.words(told))
        found = restore(job.spec, known.folder, state, self._belonging(job, known.folder, state), work)
        beside = [other for other, _ in found.others]
        self._mark = mark(found.path, *beside) if rehearsing and found.path is not None else None
        self._prepared[job.name] = replace(known, restored=found)
        steps = tuple(step for _, step in found.others)
        path = None if found.path is None else str(found.path)
        place = (
            None if path is None else CheckpointPlace(path, found.step, _size(found.path), self._clock.now())
        )
        if self._readiness is not None:
            self._readiness.hold(work)
        return e.Restored(path, found.step, place, (*warnings, *found.warnings), steps)

    def _begin(self, job: Job, folder: Path, state: Path, work: Work) -> tuple[str, ...]:
        """A run's first attempt: what lies there is of older runs. Killed here, all of it is done again."""
        aside = Aside(folder, state, work)
        if job.spec.fresh:
            aside.move_all(job.spec)
        self._before[job.run] = begin(job.spec, folder, state, job.run, work)
        return tuple(aside.warnings)

    def _belonging(self, job: Job, folder: Path, state: Path) -> Belonging:
        before = self._before.get(job.run)
        return Belonging(
            folder,
            job.run_began_at,
            load(state, job.run) if before is None else before,
            has_glob=job.spec.checkpoints is not None,
            is_fresh=job.fresh_for is not None,
        )

    def plan(self, job: Job, number: int) -> AttemptPlan:
        """One execution of the command, all decided."""
        from pod_agent.run.environment import notebook  # noqa: PLC0415 - the same

        known = self._known(job)
        folder = self._folders.of(job.name)
        self.log(job.name).create()
        self._planned = plan = AttemptPlan(
            number=number,
            run=job.run,
            folder=self.place(job, number),
            log=folder.path / "log",
            command=notebook.command_line(command_line(job.spec, known.restored), known.folder),
            cwd=known.folder,
            env=self.environment(known, job.run),
            signal=job.spec.signal,
            ballast=folder.ballast,
            header=header(job, number, self._clock.now()),
            patience=self._patience,
        )
        return plan

    def surroundings(self, job: Job) -> tuple[Path, Mapping[str, str] | None]:
        """Where the command runs, and in which environment: None for one that this life did not make."""
        plan, known = self._planned, self._prepared.get(job.name)
        if plan is not None and plan.run == job.run:
            return plan.cwd, plan.env
        if known is not None:
            return known.folder, None
        from pod_agent.run.code.sync import root_of  # noqa: PLC0415 - not needed where an attempt is found alive

        return root_of(job.spec, self._settings.workspace / job.name) / job.spec.subdir, None

    def place(self, job: Job, number: int) -> Path:
        return self._settings.run_dir / job.name / f"{job.run}-{number}"

    def environment(self, known: Prepared, run: str) -> dict[str, str]:
        """The job's environment: its own, the steps' findings above it, and a log that is not held back."""
        told = {"PYTHONUNBUFFERED": "1", "PYTHONFAULTHANDLER": "1"}
        mine = self._own_environment()
        tracked = tracking.variables(run, mine)
        whole = told | tracked | mine | dict(known.variables) | variables(known.restored)
        return {name: value for name, value in whole.items() if name not in known.unfit}

    def _own_host(self, job: Job) -> OwnHost | None:
        token = self._settings.code_logins.get("POD_GIT_TOKEN")
        if job.spec.repo is None or token is None:
            return None
        from pod_agent.run.environment.own_host import OwnHost  # noqa: PLC0415 - the same

        return OwnHost(job.spec.repo, token)

    def _own_environment(self) -> dict[str, str]:
        """What the user gave the job, and caches where they belong unless that says where."""
        from pod_agent.run.environment import careful  # noqa: PLC0415 - the same

        mine = self._settings.job_environment
        return careful.caches(mine, self._settings.disk_dir, self._settings.workspace) | dict(mine)

    @property
    def _envs(self) -> Path:
        return self._settings.disk_dir / "envs"

    def _shelf(self) -> Shelf:
        from pod_agent.run.environment.packs.shelf import Shelf  # noqa: PLC0415 - the same

        return Shelf(self._settings.workspace / HOME / "envs")

    def _pack(self) -> None:
        """The environment's copy for the next boot, made beside the training."""
        from pod_agent.run.environment.packs.background import Packing  # noqa: PLC0415 - the training comes first

        if self._packing is None:
            self._packing = Packing(self._envs, self._shelf(), self._clock, self._warn)
        self._packing.begin()

    def watch(self, job: Job, post: Callable[[CheckpointPlace], None]) -> CheckpointWatch:
        from pod_agent.outputs.watch import CheckpointWatch  # noqa: PLC0415 - the training comes first

        self._pack()
        state = self._folders.of(job.name).path
        folder = self._known(job).folder
        return CheckpointWatch(state, job.spec, self._belonging(job, folder, state), self._clock, post)

    def was_read(self, job: Job) -> bool | None:
        """Whether anybody has read the checkpoint that a rehearsed attempt was given; None: nobody can tell."""
        told = job.rehearsal
        return None if self._mark is None or told is None else self._mark.was_read()

    def drain(self, job: Job) -> None:
        """Say in the log how it ended. Nothing is uploaded yet."""
        if self._readiness is not None:
            self._readiness.leave()
        ending = job.ending
        if ending is None:
            return
        told = job.rehearsal
        is_owed = (
            told is not None and told.state is Rehearsed.UNPROVED and ending.outcome is Outcome.SUCCEEDED
        )
        words = f"{rehearsal.words(told)}\n" if is_owed else ""
        words += f"podkeep: {ending.outcome}: {ending.reason}"
        if ending.remedy and ending.outcome is not Outcome.SUCCEEDED:
            words += f" ({ending.remedy})"
        log = self.log(job.name)
        size = log.size()
        torn = size > 0 and log.read(size - 1, 1) != b"\n"
        log.append(("\n" if torn else "").encode() + words.encode("utf-8", "replace") + b"\n")
        self._drained()

    def tell(self, job: str, data: bytes) -> None:
        """Into the log of a job that is over, once its last words stand there."""
        self.log(job).append(data)

    def _known(self, job: Job) -> Prepared:
        """What was made ready in this life; for an attempt found alive, where its code must lie."""
        if job.name not in self._prepared:
            from pod_agent.run.code.sync import root_of  # noqa: PLC0415 - the same

            root = root_of(job.spec, self._settings.workspace / job.name)
            self._prepared[job.name] = Prepared(root / job.spec.subdir)
        return self._prepared[job.name]


def header(job: Job, number: int, now: float) -> bytes:
    """The line that begins an attempt in the log."""
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    command = " ".join(job.spec.command.split())
    shown = command if len(command) <= SHOWN else f"{command[:SHOWN]}…"
    return f"podkeep: attempt {number} of run {job.run}, {when}: {shown}\n".encode("utf-8", "replace")


def _size(path: Path | None) -> int:
    if path is None or not path.exists():
        return 0
    if path.is_file():
        return path.stat().st_size
    return sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
