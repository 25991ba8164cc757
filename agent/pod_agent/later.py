"""What begins once HTTP answers: looks at the machine and at the training's progress, services. Loaded no earlier.

Not here: what is done about what they see, and when they end (life).
"""

from __future__ import annotations

import gc
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pod_agent.run import events as e
from pod_agent.run.parting import Partings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_agent.farewell import Farewell
    from pod_agent.pod.armed import Armed
    from pod_agent.pod.preflight.verdict import Finding
    from pod_agent.pod.services_care import Services
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.progress.reader import ProgressReader
    from pod_agent.run.billing import Billing
    from pod_agent.run.folders import Folders
    from pod_agent.run.outlet import Outlet
    from pod_agent.run.receipt.chronicle import Chronicle
    from pod_agent.run.steps import RealSteps
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.masker import Masker

START_S = 1.0
T = TypeVar("T")


class Each:
    """Begins one part after the other: what fails in one is a warning, and the others come all the same."""

    def __init__(self, post: Callable[[e.Event], None]) -> None:
        self._post = post

    def begin(self, without: str, make: Callable[[], T]) -> T | None:
        """None where it cannot begin. ``without``: what that means, in words for the status."""
        try:
            return make()
        except Exception as error:  # noqa: BLE001 - no part of these is worth the others
            self._post(e.Warned(f"{without}: {error!r}"))
            return None


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


def chronicle(clock: Clock, masker: Masker, folders: Folders, supervisor: Supervisor) -> Chronicle:
    """The keeper of the receipt. Light: what it needs is loaded when a job ends, or somebody asks."""
    from pod_agent.run.receipt.chronicle import Chronicle  # noqa: PLC0415 - as the others

    return Chronicle(clock, masker, folders, supervisor)


def drained(outlet: Outlet, told: Chronicle, reader: ProgressReader | None) -> None:
    """The log has its last line: its size is known, and the receipt is written."""
    outlet.measure()
    told.drained(reader)


def partings(  # noqa: PLR0917 - what it asks
    settings: Settings,
    farewell: Farewell,
    clock: Clock,
    supervisor: Callable[[], Supervisor],
    reader: Callable[[], ProgressReader | None],
    log: tuple[RealSteps, Outlet],
) -> Partings:
    """What is found out at a job's end, with the reader of its progress as soon as there is one."""
    steps, outlet = log

    def write(job: str, data: bytes) -> None:
        """Whoever follows gets it too. The receipt is written anew before the stop."""
        steps.tell(job, data)
        outlet.measure()

    def read(limit_s: float) -> bool | None:
        one = reader()
        return None if one is None else one.catch_up(limit_s)

    return Partings(settings, supervisor, farewell, clock, write=write, read=read)


def asked(reader: ProgressReader | None) -> None:
    """Somebody wants to know how the job stands."""
    if reader is not None:
        reader.asked()


def stopping(farewell: Farewell, told: Chronicle, reader: ProgressReader | None) -> None:
    """The last that happens before the pod is asked to stop."""
    farewell.let_be_seen()
    told.stopping(reader)


class LateBilling:
    """What the run costs, and its budget: loaded a second after the beginning, or by a job that has one before that."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        folders: Folders,
        over: threading.Event,
    ) -> None:
        self._parts = (settings, clock, supervisor, folders, over)
        self._lock = threading.Lock()
        self._made: Billing | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="billing", daemon=True).start()

    def learned(self, found: Armed) -> None:
        self._get().learned(found)

    def afford(self, order: str) -> Finding:
        """Preflight's question; of a job without a budget nothing is loaded."""
        from pod_agent.pod.preflight import verdict  # noqa: PLC0415 - whoever asks has loaded it

        job = self._parts[2].state.job
        return verdict.FINE if job is None or job.spec.max_cost is None else self._get().afford(order)

    def _run(self) -> None:
        over = self._parts[-1]
        if not over.wait(START_S):
            self._get().run()

    def _get(self) -> Billing:
        from pod_agent.run.billing import Billing  # noqa: PLC0415 - the training comes first

        with self._lock:
            if self._made is None:
                self._made = Billing(*self._parts)
            return self._made


def progress(
    supervisor: Supervisor, steps: RealSteps, folders: Folders, outlet: Outlet, clock: Clock
) -> ProgressReader:
    """The reader of the training's log and files."""
    from pod_agent.run import advancing  # noqa: PLC0415 - the training comes first
    from pod_agent.run.receipt import reading as _loaded  # noqa: F401, PLC0415 - a job's end waits for no import

    return advancing.begin(supervisor, steps, folders, outlet, clock)


def stalls(  # noqa: PLR0917 - what it looks at
    settings: Settings,
    clock: Clock,
    supervisor: Supervisor,
    steps: RealSteps,
    vitals: Sampler | None,
    masker: Masker,
    over: threading.Event,
) -> None:
    """The brake for a training that shows no sign of life."""
    from pod_agent.run.stalling import Stalling  # noqa: PLC0415 - the training comes first

    Stalling(settings, clock, supervisor, steps, vitals, masker).start(over)


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


def settled() -> None:
    """All is loaded: what becomes garbage from now on is collected, and what was loaded is not searched for any."""
    gc.freeze()
    gc.enable()
