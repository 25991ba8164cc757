"""What the HTTP layer is given: ways to read, and one way to ask. It holds nothing of the run itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.checkpoints import CheckpointList
from pod_wire.frozen import dataclass
from pod_wire.idle import KeepAnswer, KeepAsk
from pod_wire.routes import FOLLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_agent.outputs.masked import MaskedLog
    from pod_agent.pod.vitals.sample import Sample
    from pod_agent.run.asks import Ask, Verdict
    from pod_agent.run.code.trees import Trees
    from pod_wire.masker import Masker
    from pod_wire.receipt import Receipt
    from pod_wire.secrets import TokenRule
    from pod_wire.status import Status


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a route may use. All but ``ask``, ``keep``, ``checkpoints`` and ``receipt`` return at once.

    ``ask`` waits at most five seconds; the last two as long as the disk does, which is the route's to bound.
    ``masker`` hides secrets in what is served besides the log (a command may hold one); ``follow_seconds`` is
    how long a following answer lasts before it ends itself.
    """

    snapshot: Callable[[], Status]
    ask: Callable[[Ask], Verdict]
    log: Callable[[str | None], MaskedLog | None]  # by job name; None: the current job's
    journal: Callable[[], Path | None]
    token: TokenRule
    checkpoints: Callable[[], CheckpointList] = lambda: CheckpointList(0.0)  # reads the disk
    keep: Callable[[KeepAsk], KeepAnswer] = lambda _: KeepAnswer()  # writes to the container's disk
    vitals: Callable[[], Sample | None] = lambda: None  # the newest look at the machine
    receipt: Callable[[str], Receipt | None] = lambda _: None  # by job name; reads the disk
    asked: Callable[[], None] = lambda: None  # somebody wants to know how the job stands
    masker: Masker | None = None
    follow_seconds: float = FOLLOW_SECONDS
    trees: Trees | None = None
    awaits: Callable[[str], Path | None] = lambda _: (
        None
    )  # by a tree's digest: the folder of the job whose code it is
