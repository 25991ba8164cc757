"""One step of a job under way in a thread of its own: whatever becomes of it, its end is told once.

Not here: what the steps do (``steps``), and which follows which (``machine``).
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pod_agent.run import events as e
from pod_agent.run.work import StepCancelled, Work
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_wire.status import Phase

SILENCE_S = 1800.0
LOOK_S = 15.0


class Stepping:
    """One step under way: its end is posted once, by the step itself or by whoever found it silent."""

    def __init__(self, phase: Phase, work: Work, post: Callable[[e.Event], None]) -> None:
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

    def watch(self, look_s: float = LOOK_S) -> None:
        """A thread that hangs on a dead mount can tell nobody; this one can."""
        while not self._over.wait(look_s):
            if self.work.silent_for() > SILENCE_S + 2 * look_s:
                self.work.cancel()
                minutes = SILENCE_S / 60
                reason = f"no sign of life for {minutes:.0f} minutes"
                self._end(e.StepFailed(self._phase, reason, "the workspace or a server does not answer"))

    def _end(self, event: e.Event) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
        self._post(event)
