"""What begins once HTTP answers: looks at the machine and at the training's progress, services. Loaded no earlier.

Not here: what is done about what they see, and when they end (life).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import events as e

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_agent.pod.services_care import Services
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.progress.reader import ProgressReader
    from pod_agent.run.folders import Folders
    from pod_agent.run.outlet import Outlet
    from pod_agent.run.steps import RealSteps
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock


def vitals(
    settings: Settings, clock: Clock, over: threading.Event, post: Callable[[e.Event], None]
) -> Sampler | None:
    """The looks at the machine; None where they cannot begin, and then everything of it is unknown."""
    from pod_agent.pod.vitals import sampler  # noqa: PLC0415 - the training comes first

    try:
        return sampler.begin(settings, clock, over)
    except Exception as error:  # noqa: BLE001 - what nobody can see is unknown, and stops no pod
        post(e.Warned(f"the machine is not watched: {error!r}"))
        return None


def progress(
    supervisor: Supervisor, steps: RealSteps, folders: Folders, outlet: Outlet, clock: Clock
) -> ProgressReader:
    """The reader of the training's log and files."""
    from pod_agent.run import advancing  # noqa: PLC0415 - the training comes first

    return advancing.begin(supervisor, steps, folders, outlet, clock)


def stalls(  # noqa: PLR0917 - what it looks at
    settings: Settings,
    clock: Clock,
    supervisor: Supervisor,
    steps: RealSteps,
    vitals: Sampler | None,
    over: threading.Event,
) -> None:
    """The brake for a training that shows no sign of life."""
    from pod_agent.run.stalling import Stalling  # noqa: PLC0415 - the training comes first

    Stalling(settings, clock, supervisor, steps, vitals).start(over)


def services(
    settings: Settings,
    clock: Clock,
    supervisor: Supervisor,
    steps: RealSteps,
    post: Callable[[e.Event], None],
) -> Services:
    """Those beside the job, in its surroundings."""
    from pod_agent.pod import services_table  # noqa: PLC0415 - the training comes first

    def surroundings() -> tuple[Path, Mapping[str, str] | None] | None:
        job = supervisor.state.job
        return None if job is None else steps.surroundings(job)

    return services_table.begin(
        settings,
        clock,
        status=supervisor.snapshot,
        job=surroundings,
        warn=lambda text: post(e.Warned(text)),
        tell=lambda found: supervisor.update(lambda facts: replace(facts, services=found)),
    )
