"""What of a job's files others may read or bring: log, journal, checkpoints, the tree that it waits for. Look-ups."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pod_agent.run.journal import FILE as JOURNAL
from pod_wire.checkpoints import CheckpointList
from pod_wire.source import tree_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.outputs.masked import MaskedLog
    from pod_agent.run.folders import Folders
    from pod_agent.run.outlet import Outlet
    from pod_agent.run.state import Job


class Shown:
    """``job`` gives the current one."""

    def __init__(
        self, job: Callable[[], Job | None], outlet: Outlet, folders: Folders, workspace: Path
    ) -> None:
        self._job = job
        self._outlet = outlet
        self._folders = folders
        self._workspace = workspace

    def log(self, wanted: str | None) -> MaskedLog | None:
        """Of the job of that name, or the current one."""
        current = self._job()
        name = wanted if wanted is not None else current.name if current is not None else None
        if name is None:
            return None
        masked = self._outlet.of(name)
        return masked if (current is not None and name == current.name) or masked.log.path.exists() else None

    def journal(self) -> Path | None:
        job = self._job()
        return None if job is None else self._folders.of(job.name).path / JOURNAL

    def checkpoints(self) -> CheckpointList:
        """Of the current job, judged as they are now. Takes as long as the workspace does."""
        from pod_agent.outputs.belonging import Belonging, load  # noqa: PLC0415 - seldom asked
        from pod_agent.run.code.sync import root_of  # noqa: PLC0415
        from pod_agent.run.inventory import Inventory  # noqa: PLC0415

        job, now = self._job(), time.time()
        if job is None:
            return CheckpointList(now)
        state = self._folders.of(job.name).path
        mine = Belonging(
            root_of(job.spec, self._workspace / job.name) / job.spec.subdir,
            job.run_began_at,
            load(state, job.run),
            has_glob=job.spec.checkpoints is not None,
            is_fresh=job.fresh_for is not None,
        )
        return Inventory(job, mine, state).take(now)

    def awaits(self, tree: str) -> Path | None:
        """The folder of the current job, when its code is this tree."""
        job = self._job()
        return self._workspace / job.name if job is not None and job.spec.repo == tree_text(tree) else None
