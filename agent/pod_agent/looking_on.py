"""What begins once HTTP answers and only looks on: the machine, and how far the training is. Loaded no earlier.

Not here: what is done about what they see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run import events as e

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

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
