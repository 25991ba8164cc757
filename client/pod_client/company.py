"""Keeping a launched pod company: follow its job to the end, or let go and say how to come back.

Not here: making or reusing the pod (up.py), and undoing that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client import holding
from pod_client.ending import final_bill, gone_reason, pod_document
from pod_client.exits import DETACHED, DONE, UNREACHED, by_outcome
from pod_client.follow import Begin, Follower
from pod_client.receipt import dollars, receipt
from pod_client.stdout import silence_stdout
from pod_wire.codec import to_plain
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy
from pod_wire.status import Outcome

if TYPE_CHECKING:
    from pod_client.agent_api import AgentApi
    from pod_client.choices import Choices
    from pod_client.follow import Ending
    from pod_client.known_pods import KnownPod
    from pod_client.plan import Plan
    from pod_client.stdout import Sink
    from pod_client.wiring import Wiring
    from pod_wire.runpod.models import Pod
    from pod_wire.runpod.pods import PodsApi
    from pod_wire.status import SelfStop, Status

LIMITS = {"deadline": ", or its hours are over", "budget": ", or its budget is spent"}


@dataclass(frozen=True, slots=True)
class Launched:
    """A pod that has the job and can stop itself."""

    pod: Pod
    known: KnownPod
    self_stop: SelfStop
    stale_order: str | None
    begin: Begin


class Company:
    def __init__(
        self, wiring: Wiring, plan: Plan, choices: Choices, launched: Launched, agent: AgentApi
    ) -> None:
        self._wiring = wiring
        self._screen = wiring.screen
        self._plan = plan
        self._choices = choices
        self._launched = launched
        self._agent = agent
        self._pods: PodsApi = wiring.pods(wiring.config(local=choices.local))

    def detach(self) -> int:
        status = None
        try:
            status = self._agent.status()
        except PodError as error:
            self._screen.note(error.message)
        finally:  # also where Ctrl-C ends the asking
            self._say_how_to_come_back(status)
        self._document(None, DONE)
        return DONE

    def follow(self, sink: Sink) -> int:
        pod_id, job = self._launched.pod.id, self._plan.spec.name
        follower = Follower(
            self._agent,
            job,
            sink,
            self._screen.warn,
            lambda: gone_reason(self._pods, pod_id, follower.silent_s()),
            stale_order=self._launched.stale_order,
        )
        try:
            ending = follower.run(self._launched.begin)
        except KeyboardInterrupt:
            self._say_how_to_come_back(follower.status)
            self._wiring.remember(pod_id, follower.status)
            self._document(None, DETACHED)
            return DETACHED
        except PodError:
            self._say_how_to_come_back(follower.status)
            raise
        except BrokenPipeError:
            silence_stdout()
            self._wiring.remember(pod_id, follower.status)
            self._say_how_to_come_back(follower.status)
            return DETACHED
        return self._conclude(ending)

    def _conclude(self, ending: Ending) -> int:
        pod_id = self._launched.pod.id
        self._wiring.remember(pod_id, ending.status)
        bill = final_bill(
            self._pods, pod_id, self._wiring.clock, expects_stop=self._expects_stop(ending.status)
        )
        if ending.status is not None:
            self._screen.text(receipt(ending.status, bill, self._launched.known.code, self._screen.width()))
            for line in holding.lines(ending.status, pod_id, self._wiring.clock.now()):
                self._screen.step(line)
        if not ending.complete:
            self._screen.warn(
                f"the end of the log was not seen: {ending.gone} (read up to byte {ending.offset})"
            )
        job = ending.status.job if ending.status else None
        outcome = job.outcome if job else None
        code = UNREACHED if outcome is None else by_outcome(outcome)
        self._document(ending, code)
        return code

    def _expects_stop(self, status: Status | None) -> bool:
        job = status.job if status else None
        if job is not None and job.outcome is Outcome.TIMED_OUT:
            return True
        policy = (
            self._plan.spec.on_finish
            if job and job.outcome is Outcome.SUCCEEDED
            else self._plan.spec.on_failure
        )
        stays = job is not None and (job.outcome is Outcome.CANCELLED or job.held is not None)
        return not stays and policy in {ExitPolicy.STOP, ExitPolicy.TERMINATE, ExitPolicy.AUTO}

    def _say_how_to_come_back(self, status: Status | None) -> None:
        """From what is known: nobody is asked, so that an impatient second Ctrl-C finds it said."""
        pod, job = self._launched.pod, self._plan.spec.name
        limit = LIMITS.get((status.stops_because or "") if status else "", "")
        until = f" until its job has ended{limit}"
        self._screen.step(f"job '{job}' goes on without us on pod {pod.id}")
        self._screen.note(
            f"follow it again: pod-client logs -f {job}\nhow it is:       pod-client status {job}"
        )
        counted = "counted by the simulator" if self._choices.local else "billed"
        self._screen.money(
            f"this pod is still {counted} at {dollars(pod.cost)}/h{until}; it stops itself. To end it now: "
            f"pod-client stop {pod.id}"
        )

    def _document(self, ending: Ending | None, code: int) -> None:
        if not self._choices.as_json:
            return
        status = ending.status if ending else None
        self._screen.document(
            {
                "format": 1,
                "pod": pod_document(self._launched.pod),
                "job": self._plan.spec.name,
                "code": self._launched.known.code,
                "self_stop": self._launched.self_stop.value,
                "status": None if status is None else to_plain(status),
                "log_complete": None if ending is None else ending.complete,
                "exit_code": code,
            }
        )
