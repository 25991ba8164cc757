"""What the machine commands, done in virtual time: steps that last, hang or fail, attempts, the ladder.

In the place of ``run.effects`` and what it starts, as its threads live in real time; opening and ladder are the real
ones, each in a strand. Not here: deciding anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.attempt import Ended
from pod_agent.run.state import Job
from pod_agent.run.stepping import SILENCE_S
from pod_wire.status import Phase
from tests.agent.histories import due
from tests.agent.histories.aftermath import part
from tests.agent.histories.strands import Strand
from tests.agent.histories.training import GRACE_S, HURRY_S, Training

if TYPE_CHECKING:
    from pod_agent.pod.stop import StopLadder
    from tests.agent.histories.life import Agent

SEEN_S = 3.0  # farewell: whoever watches learns the end


@dataclass(frozen=True, slots=True)
class Step:
    """How one step goes. ``ends``: well, fails, silent (given up after half an hour) or dead (heeds no cancel)."""

    seconds: float
    ends: str = "well"


class Deeds:
    """Of one agent."""

    def __init__(self, agent: Agent):
        self._agent = agent
        self._pod = agent.pod
        self._world = agent.pod.world
        self._step_no = 0
        self._stepping: tuple[int, Phase, Step] | None = None
        self._training: Training | None = None

    @property
    def is_stepping(self) -> bool:
        return self._stepping is not None

    def do(self, command: c.Command) -> None:  # noqa: C901 - one arm for each command
        match command:
            case c.Open(spec, order):
                self._agent.opening.accept(spec, order)
                self._agent.thread(lambda: self._post(self._agent.opening.order(spec, order)))
            case c.Sync(_):
                self._step(Phase.SYNCING, lambda: e.Synced("c0ffee"))
            case c.Install(_):
                self._step(Phase.INSTALLING, e.Installed)
            case c.Restore(job):
                self._step(Phase.RESTORING, lambda: _restored(job))
            case c.CancelStep():
                self._cancel_step()
            case c.StartAttempt(job, number):
                self._start(job, number)
            case c.FindAttempt(job, number):
                self._find(job, number)
            case c.CancelAttempt():
                self._ask(GRACE_S)
            case c.HurryAttempt():
                self._ask(HURRY_S, taken=True)
            case c.Drain(job):
                self._later(self._world.history.drain_s, lambda: self._drained(job))
            case c.AwaitCompany(_) if self._pod.comes_at is not None:
                left = self._pod.comes_at - self._world.time.t
                self._later(max(0.0, left), lambda: self._post(e.Followed("somebody comes")))
            case c.StopPod(terminate, because):
                self._pod.say(f"stopping: {because}")
                due.check(self._pod, self._world.watch.of(self._pod), because, terminate=terminate)
                Strand(self._world.time, self._agent, self._ladder(terminate).run)

    def _post(self, event: e.Event) -> None:
        self._agent.post(event)

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        self._world.time.later(seconds, lambda: self._agent.act(deed))

    def _drained(self, job: Job) -> None:
        self._post(e.Drained(part(self._agent, job, self._world.next_aftermath())))

    def _ladder(self, terminate: bool) -> StopLadder:
        clock, supervisor = self._pod.clock, self._agent.supervisor
        assert supervisor is not None
        return self._world.wiring.ladder(
            self._pod.cloud.routes(clock.sleep, terminate=terminate),
            supervisor,
            self._pod.disk,
            clock,
            before=lambda: clock.sleep(SEEN_S),
            over=lambda: self._agent.is_leaving,
            terminate=terminate,
        )

    # Steps

    def _step(self, phase: Phase, done: Callable[[], e.Event]) -> None:
        self._step_no += 1
        number, step = self._step_no, self._world.next_step()
        self._stepping = (number, phase, step)
        match step.ends:
            case "well":
                self._later(step.seconds, lambda: self._end_step(number, done()))
            case "fails":
                failed = e.StepFailed(phase, "no such thing", "look")
                self._later(step.seconds, lambda: self._end_step(number, failed))
            case _:
                failed = e.StepFailed(phase, "no sign of life for 30 minutes", "look")
                self._later(SILENCE_S + 30.0, lambda: self._end_step(number, failed))

    def _end_step(self, number: int, event: e.Event) -> None:
        if self._stepping is not None and self._stepping[0] == number:
            self._stepping = None
            self._post(event)

    def _cancel_step(self) -> None:
        if self._stepping is not None and self._stepping[2].ends != "dead":
            number, phase, _ = self._stepping
            self._later(0.5, lambda: self._end_step(number, e.StepCancelled(phase)))

    # Attempts

    def _start(self, job: Job, number: int) -> None:
        key = (job.run, number)
        if key not in self._pod.trainings:  # the claim is exclusive
            self._world.watch.begins(self._pod, job, number)
            self._pod.trainings[key] = self._world.begin_training(self._pod, job, number)
        self._later(0.2, lambda: self._follow(self._pod.trainings[key]))

    def _find(self, job: Job, number: int) -> None:
        found = self._pod.trainings.get((job.run, number))
        if found is None:
            self._later(0.1, lambda: self._post(e.AttemptUnclaimed(number)))
        else:
            self._later(0.1, lambda: self._follow(found))

    def _follow(self, training: Training) -> None:
        self._training = training
        self._post(e.AttemptStarted(training.number, training.pid, self._pod.clock.now()))
        if training.is_alive:
            training.heard.append(lambda: self._agent.act(lambda: self._ended(training)))
        else:
            self._later(0.1, lambda: self._ended(training))

    def _ended(self, training: Training) -> None:
        how: Ended | None = training.ended
        assert how is not None
        self._post(e.AttemptEnded(training.number, how, training.place))

    def _ask(self, patience_s: float, *, taken: bool = False) -> None:
        if self._training is not None and self._training.is_alive:
            self._training.ask(patience_s, taken=taken)


def _restored(job: Job) -> e.Restored:
    at = job.checkpoint
    return e.Restored(at.path if at else None, at.step if at else None, at)
