"""The deadlines of a boot that lie on the container's disk, where the entrypoint's last resort looks too.

Not here: what a deadline is (``pod.brakes``), which order gets which (``lineage``), and the budget's (``billing``).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pod_agent.pod import brakes, moment, scribe

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.pod.boot import Boot
    from pod_agent.pod.brakes import Deadline
    from pod_agent.run.state import Job
    from pod_wire.clock import Clock


def kept(disk_dir: Path, clock: Clock) -> tuple[Deadline, ...]:
    """All of them, by both clocks as they are now."""
    now = moment.take(clock)
    with contextlib.suppress(OSError):
        found = brakes.load((disk_dir / brakes.FILE).read_bytes())
        return tuple(one for value in found if (one := brakes.anchored(value, now)) is not None)
    return ()


def first(disk_dir: Path, clock: Clock, boot: Boot, hours: float | None) -> Deadline | None:
    """What holds before any order is known, and while there is none: what was kept of this boot, else its own hours."""
    mine = [one for one in kept(disk_dir, clock) if one.boot == boot.id]
    own = brakes.anchored(brakes.deadline(None, boot.id, "", hours, boot.booted_at), moment.take(clock))
    return min(mine, key=lambda one: one.at, default=own)


def keep(disk_dir: Path, clock: Clock, job: Job) -> None:
    """The job's, and that by dollars which is known of its order: the bill joins it with a new one later."""
    mine = [one for one in kept(disk_dir, clock) if (one.boot, one.order) == (job.boot, job.order)]
    data = brakes.dump(job.deadline, brakes.by_dollars(mine))
    path = disk_dir / brakes.FILE
    with contextlib.suppress(OSError):  # it is in the job's record too
        if not data:
            path.unlink(missing_ok=True)
        else:
            scribe.make_folder(path.parent)
            scribe.replace(path, data)
