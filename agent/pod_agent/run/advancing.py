"""Who it is whose progress is read, put together from the machine's state, the pod's facts and the steps' findings.

Not here: reading it (``progress``), which is imported only once the training runs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.progress.subject import Subject
from pod_wire.status import Phase

if TYPE_CHECKING:
    from pod_agent.progress.reader import ProgressReader
    from pod_agent.run.folders import Folders
    from pod_agent.run.outlet import Outlet
    from pod_agent.run.steps import RealSteps
    from pod_agent.run.supervisor import Supervisor
    from pod_wire.clock import Clock
    from pod_wire.status import Money, Progress


def begin(
    supervisor: Supervisor, steps: RealSteps, folders: Folders, outlet: Outlet, clock: Clock
) -> ProgressReader:
    """Reading begins, in its own thread."""
    from pod_agent.progress.reader import ProgressReader  # noqa: PLC0415 - the training comes first

    def tell(run: str, progress: Progress | None, money: Money | None) -> None:
        supervisor.update(lambda facts: replace(facts, told_of=run, progress=progress, money=money))

    reader = ProgressReader(lambda: subject(supervisor, steps, folders), outlet.of, clock, tell)
    reader.start()
    return reader


def subject(supervisor: Supervisor, steps: RealSteps, folders: Folders) -> Subject | None:
    """The job at hand; None where there is none, or no run of it yet."""
    state, facts = supervisor.state, supervisor.facts
    job = state.job
    if job is None or not job.run or state.opening:
        return None
    folder, env = steps.surroundings(job)
    if env is None and job.spec.progress is not None:
        from pod_agent.run.steps import Prepared  # noqa: PLC0415 - found alive: its own variables at least

        env = steps.environment(Prepared(folder), job.run)
    return Subject(
        job=job.name,
        run=job.run,
        run_began_at=job.run_began_at,
        state=folders.of(job.name).path,
        folder=folder,
        is_running=state.phase is Phase.RUNNING,
        asked=job.spec.progress,
        env=env,
        pod=facts.pod or "here",
        boot=facts.boot,
        booted_at=facts.booted_at,
        price=facts.price,
        gpu=facts.gpu,
        cap=getattr(job.spec, "max_cost", None),  # POD_MAX_COST, where it is known
    )
