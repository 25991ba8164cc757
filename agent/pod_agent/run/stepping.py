"""One step of a job under way in a thread of its own: whatever becomes of it, its end is told once.

Not here: what the steps do (``steps``), and which follows which (``machine``).
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from pod_agent.run import events as e
from pod_agent.run import stalls
from pod_agent.run.work import StepCancelled, Work
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pod_wire.status import Phase

SILENCE_S = 1800.0
LOOK_S = 15.0
DOUBTED_S = 120.0  # of silence, where the disk may have been what an attempt stalled for
ANSWER_S = 30.0
DEAD = "the workspace does not answer, which may be what the attempt before had stalled for"


class Stepping:
    """One step under way: its end is posted once, by the step itself or by whoever found it silent.

    ``doubted``: a place that is not waited for as long as others are, where it does not answer.
    """

    def __init__(
        self, phase: Phase, work: Work, post: Callable[[e.Event], None], doubted: Path | None = None
    ) -> None:
        self._doubted = doubted
        self.work = work
        self._phase = phase
        self._post = post
        self._over = threading.Event()
        self._lock = threading.Lock()

    def run(self, deed: Callable[[Work], e.Event]) -> None:
        try:
            event = deed(self.work)
        except StepCancelled:
            event = e.StepCancelled(self._phase)
        except PodError as error:
            event = e.StepFailed(self._phase, error.message, error.hint)
        except OSError as error:
            event = e.StepFailed(self._phase, str(error), "look at the workspace: is it full, or gone?")
        except Exception as error:  # noqa: BLE001 - a thread's top: a bug of ours ends the job, not the agent
            event = e.StepFailed(self._phase, f"a defect of podkeep: {error!r}", "please report it")
        self._end(event)

    def watch(self, look_s: float = LOOK_S, answer_s: float = ANSWER_S) -> None:
        """A thread that hangs on a dead mount can tell nobody; this one can."""
        while not self._over.wait(look_s):
            silent_s, place = self.work.silent_for(), self._doubted
            if silent_s > SILENCE_S + 2 * look_s:
                reason = f"no sign of life for {SILENCE_S / 60:.0f} minutes"
                self._give_up(reason, "the workspace or a server does not answer")
            elif place is not None and silent_s > DOUBTED_S and not _answers(place, answer_s):
                self._give_up(DEAD, stalls.ANOTHER_POD)

    def _give_up(self, reason: str, remedy: str) -> None:
        self.work.cancel()
        self._end(e.StepFailed(self._phase, reason, remedy))

    def _end(self, event: e.Event) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
        self._post(event)


def _answers(place: Path, within_s: float) -> bool:
    """Its server is asked, not what the kernel remembers; an error is an answer too."""
    from pod_agent.pod.preflight.look import Look  # noqa: PLC0415 - hardly ever needed

    look = Look("workspace", lambda: os.statvfs(place))
    look.within(within_s)
    return look.is_over
