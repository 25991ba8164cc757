"""What the effects ask of the steps around an attempt, and of the watch over its checkpoints. Protocols only.

Not here: the real ones (``steps``, ``outputs.watch``), and those that tests give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.run import events as e
    from pod_agent.run.attempt import AttemptPlan
    from pod_agent.run.state import Job
    from pod_agent.run.work import Work
    from pod_wire.status import CheckpointPlace


class Watch(Protocol):
    """Looks for checkpoints while an attempt runs; ``newest`` is what it knows."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def look(self, *, writer_alive: bool) -> None: ...

    def newest(self) -> CheckpointPlace | None: ...


class Steps(Protocol):
    """What is done for a job around its attempts. Each may take long, and is cancelled through its ``Work``."""

    def work(self, job: Job) -> Work: ...

    def doubted(self, job: Job) -> Path | None:
        """What may be dead already, so that a silent step does not wait long for it."""

    def sync(self, job: Job, work: Work) -> e.Event: ...

    def install(self, job: Job, work: Work) -> e.Event: ...

    def restore(self, job: Job, work: Work) -> e.Event: ...

    def plan(self, job: Job, number: int) -> AttemptPlan: ...

    def place(self, job: Job, number: int) -> Path: ...

    def watch(self, job: Job, post: Callable[[CheckpointPlace], None]) -> Watch: ...

    def was_read(self, job: Job) -> bool | None: ...

    def drain(self, job: Job) -> None: ...
