"""Commands become deeds: a thread for each step, one for the attempt, one for the ladder. Every end is an event.

Nothing here decides. ``Steps`` and ``Attempts`` are constructor arguments, so that tests give others.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from pod_agent.pod.scribe import Scribe
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.attempt import Ended
from pod_agent.run.attempt_plan import LAST_LOOK_S
from pod_agent.run.keeper_tree import is_alive
from pod_agent.run.stepping import Stepping
from pod_agent.run.work import StepCancelled
from pod_wire.errors import PodError
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.stop import StopLadder
    from pod_agent.run.attempt import Attempt, Attempts
    from pod_agent.run.failures.failure import Failure
    from pod_agent.run.left import Parting
    from pod_agent.run.opening import Opening
    from pod_agent.run.parting import Partings
    from pod_agent.run.state import Job
    from pod_agent.run.step_protocol import Steps, Watch
    from pod_agent.run.work import Work
    from pod_wire.clock import Clock
    from pod_wire.job import JobSpec
    from pod_wire.status import CheckpointPlace

    Examine = Callable[[Job, Ended, CheckpointPlace | None, float], Failure | None]

STOP_AGAIN_S = 10.0
FIND_TRIES, FIND_PAUSE_S = 300, 1.0


class Effects:
    """Does what the machine commands. ``do`` belongs to the loop's thread and returns at once."""

    def __init__(
        self,
        steps: Steps,
        attempts: Attempts,
        opening: Opening,
        clock: Clock,
        *,
        post: Callable[[e.Event], None],
        ladder: Callable[[bool], StopLadder],
        examine: Examine | None = None,
        partings: Partings | None = None,
    ) -> None:
        self._steps = steps
        self._attempts = attempts
        self._opening = opening
        self._clock = clock
        self._post = post
        self._ladder = ladder
        self._examine = examine
        self._partings = partings
        self._last_look = Scribe(LAST_LOOK_S)  # a mount that hangs must not hide the attempt's end
        self._work: Work | None = None
        self._attempt: Attempt | None = None
        self.training = (
            threading.Event()
        )  # set once an attempt runs, for whoever should not disturb its start

    def open_first(self) -> None:
        """The boot, and the order that stands."""
        self._thread("opening", self._opening_first)

    def _opening_first(self) -> None:
        try:
            event = self._opening.first()
            self._post(e.Given(self._opening.given))
        except Exception as error:  # noqa: BLE001 - a thread's top: the pod must not wait for ever, and says why
            self._post(e.Warned(f"a defect of podkeep in opening: {error!r}"))
            event = e.NothingToDo("the environment's job could not be opened")
        self._post(event)

    def _opening_order(self, spec: JobSpec, order: str) -> None:
        try:
            event = self._opening.order(spec, order)
        except Exception as error:  # noqa: BLE001 - the same
            event = e.StepFailed(Phase.SYNCING, f"a defect of podkeep: {error!r}", "please report it")
        self._post(event)

    def do(self, command: c.Command) -> None:  # noqa: C901, PLR0912 - one arm for each command
        match command:
            case c.Open(spec, order):
                self._opening.accept(spec, order)
                self._thread("opening", lambda: self._opening_order(spec, order))
            case c.Sync(job):
                self._step(job, Phase.SYNCING, self._steps.sync)
            case c.Install(job):
                self._step(job, Phase.INSTALLING, self._steps.install)
            case c.Restore(job):
                self._step(job, Phase.RESTORING, self._steps.restore)
            case c.CancelStep():
                if self._work is not None:
                    self._work.cancel()
            case c.StartAttempt(job, number):
                self._thread("attempt", lambda: self._start(job, number))
            case c.FindAttempt(job, number):
                self._thread("attempt", lambda: self._find(job, number))
            case c.CancelAttempt():
                if self._attempt is not None:
                    self._attempt.cancel()
            case c.HurryAttempt():
                if self._attempt is not None:
                    self._attempt.hurry()
            case c.KillAttempt():
                if self._attempt is not None:
                    self._attempt.kill()
            case c.Say(text):
                self._say(text)
            case c.Tell(job, text):
                self._thread("last word", lambda: self._tell(job, text))
            case c.AwaitCompany(until):
                if self._partings is not None:
                    self._partings.watch(until)
            case c.Drain(job):
                self._thread("drain", lambda: self._drain(job))
            case c.StopPod(terminate, _):
                self._thread("stop", lambda: self._stop(terminate))
            case _:
                raise AssertionError(f"{type(command).__name__} is the supervisor's to carry out")

    def _say(self, text: str) -> None:
        """Into the job's log: through the attempt's pipe, else by the step at work, which no keeper writes beside."""
        if self._attempt is not None:
            self._attempt.say(text)
        elif self._work is not None:
            with contextlib.suppress(StepCancelled, OSError):  # the status says it all the same
                self._work.say(text)

    def hurry(self) -> None:
        """TERM was heard: said before the loop can, which may wait for a mount. Any thread's; the loop says it too."""
        attempt = self._attempt
        if attempt is not None:
            attempt.hurry()
        self._last_look.hurry()

    # Steps

    def _step(self, job: Job, phase: Phase, deed: Callable[[Job, Work], e.Event]) -> None:
        work = self._steps.work(job)
        stepping = Stepping(phase, work, lambda event: self._post_of(work, event), self._steps.doubted(job))
        self._work = work
        self._thread(str(phase), lambda: stepping.run(lambda work: deed(job, work)))
        self._thread("silence", stepping.watch)

    def _post_of(self, work: Work, event: e.Event) -> None:
        """The end of a step that was given up long ago says nothing about the current one."""
        if self._work is work:
            self._post(event)

    # The attempt

    def _start(self, job: Job, number: int) -> None:
        try:
            plan = self._steps.plan(job, number)
        except (PodError, OSError) as error:
            self._not_started(number, error)
            return
        try:
            attempt = self._attempts.start(plan)
        except PodError as error:
            self._not_started(number, error)
        except OSError:  # it may have begun all the same
            self._find(job, number)
        else:
            self._follow(job, number, attempt)

    def _not_started(self, number: int, error: PodError | OSError) -> None:
        detail = error.message if isinstance(error, PodError) else str(error)
        self._post(e.AttemptEnded(number, self._ended("spawn_failed", detail)))

    def _find(self, job: Job, number: int) -> None:
        """Looked for until the answer is sure: an attempt that lives and is taken for lost would be begun twice."""
        place = self._steps.place(job, number)
        for _ in range(FIND_TRIES):
            try:
                attempt = self._attempts.find(place)
                break
            except (PodError, OSError) as error:
                self._post(e.Warned(f"attempt {number} cannot be looked for: {error}"))
                self._clock.sleep(FIND_PAUSE_S)
        else:
            return  # the machine has given it up by now
        if attempt is None:
            self._post(e.AttemptUnclaimed(number))
        else:
            self._follow(job, number, attempt)

    def _follow(self, job: Job, number: int, attempt: Attempt) -> None:
        """To the attempt's end, in this thread."""
        self._attempt = attempt
        self._post(e.AttemptStarted(number, attempt.pid, self._clock.now()))
        if is_alive(
            attempt.pid or 0, attempt.start_time or 0
        ):  # one found dead is followed by the one to wait for
            self.training.set()
        watch = self._watching(job)
        began = self._clock.now()
        attempt.wait(lambda ended: self._on_end(job, number, ended, watch, began))

    def _watching(self, job: Job) -> Watch | None:
        """Whatever becomes of the watch, the attempt's end is waited for."""
        try:
            if self._partings is not None:
                self._partings.look()
            watch = self._steps.watch(
                job, lambda place: self._post(e.BecameWhole(place, self._steps.was_read(job)))
            )
            watch.start()
        except Exception as error:  # noqa: BLE001 - as above
            self._post(e.Warned(f"the checkpoints are not watched: {error!r}"))
            return None
        return watch

    def _on_end(self, job: Job, number: int, ended: Ended, watch: Watch | None, began: float) -> None:
        """What was written last counts too: a look with nobody writing any more. The end is told in any case."""
        self._attempt = None
        newest = None
        if watch is not None:
            try:
                watch.stop()
                self._last_look.do("look at the checkpoints", lambda: watch.look(writer_alive=False))
            except Exception as error:  # noqa: BLE001 - an end that nobody hears of bills for ever
                self._post(e.Warned(f"the checkpoints cannot be looked at: {error}"))
            newest = watch.newest()
        self._post(e.AttemptEnded(number, ended, newest, self._why(job, ended, newest, began)))

    def _why(self, job: Job, ended: Ended, newest: CheckpointPlace | None, began: float) -> Failure | None:
        if self._examine is None:
            return None
        try:
            return self._examine(job, ended, newest, began)
        except Exception as error:  # noqa: BLE001 - the same: the exit record tells what it can
            self._post(e.Warned(f"why the attempt failed could not be read: {error!r}"))
            return None

    def _ended(self, reason: str, detail: str) -> Ended:
        now = self._clock.now()
        return Ended(None, None, reason, cancelled=False, output_bytes=0, ended_at=now, detail=detail)

    def _drain(self, job: Job) -> None:
        try:
            self._steps.drain(job)
        except Exception as error:  # noqa: BLE001 - the pod's end does not hang on a line in the log
            self._post(e.Warned(f"draining: {error}"))
        self._post(e.Drained(self._parting(job)))

    def _parting(self, job: Job) -> Parting | None:
        try:
            return self._partings.of(job) if self._partings is not None else None
        except Exception as error:  # noqa: BLE001 - the same: the policy is done without the numbers
            self._post(e.Warned(f"how the pod is left could not be found out: {error}"))
            return None

    def _stop(self, terminate: bool) -> None:
        """Whatever goes wrong: nobody else stops the pod."""
        while True:
            try:
                self._ladder(terminate).run()
            except Exception as error:  # noqa: BLE001 - as said
                self._post(e.Warned(f"a defect of podkeep in stopping the pod: {error!r}"))
                self._clock.sleep(STOP_AGAIN_S)
            else:
                return

    def _tell(self, job: Job, text: str) -> None:
        if self._partings is not None:
            self._partings.tell(job, text)

    def _thread(self, name: str, deed: Callable[[], None]) -> None:
        threading.Thread(target=_top(deed, self._post, name), name=name, daemon=True).start()


def _top(deed: Callable[[], None], post: Callable[[e.Event], None], name: str) -> Callable[[], None]:
    def run() -> None:
        try:
            deed()
        except Exception as error:  # noqa: BLE001 - a thread's top: said, not swallowed
            post(e.Warned(f"a defect of podkeep in {name}: {error!r}"))

    return run
