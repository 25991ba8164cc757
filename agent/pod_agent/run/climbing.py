"""The self-stop of this life: its ladder is put together, kept on the disk while it is climbed, and taken up again.

Not here: when to stop (``run.machine``), and how (``pod.stop``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.pod import moment, stopping
from pod_agent.pod.stop import StopLadder
from pod_agent.run import events as e
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.pod.stop import Route
    from pod_agent.run.situation import State
    from pod_agent.run.supervisor import Supervisor
    from pod_wire.clock import Clock

WORKING = (Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING)


def ladder(
    ways: tuple[Route, ...],
    supervisor: Supervisor,
    disk_dir: Path,
    clock: Clock,
    *,
    before: Callable[[], None],
    over: Callable[[], bool],
    terminate: bool,
) -> StopLadder:
    """For the stop that the supervisor's state tells of."""
    boot = supervisor.facts.boot or ""
    because = supervisor.state.stop_because or "asked to stop"
    known = stopping.read(disk_dir, boot, moment.take(clock))
    return StopLadder(
        ways,
        clock,
        lambda rounds, error: supervisor.post(e.StopRefused(rounds, error)),
        before=before,
        leaving=over,
        keep=lambda rounds: stopping.write(
            disk_dir,
            stopping.begun(boot, because, moment.take(clock), terminate=terminate, rounds=rounds),
        ),
        rounds=known.rounds if known is not None else 0,
    )


def resume(disk_dir: Path, boot: str, clock: Clock, post: Callable[[e.Event], None]) -> None:
    """An earlier agent of this boot died while it stopped the pod: so shall we."""
    known = stopping.read(disk_dir, boot, moment.take(clock))
    if known is not None:
        post(e.WasStopping(known.because, known.terminate))


def changed(disk_dir: Path, state: State) -> None:
    """A new order was taken, or the job goes on: a stop of before is forgotten before anything is done for it.

    The record of the job is kept by then, and nothing leads here from a stop.
    """
    if state.phase in WORKING:
        stopping.forget(disk_dir)
