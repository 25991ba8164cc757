"""One life of the agent over real folders: opening, supervisor, journal, idle brake and ladder are the product's own.

What ``pod_agent.life`` puts together, without HTTP and looks at the machine. Not here: the commands (``deeds``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.pod.idle.watch import RESTING_S
from pod_agent.pod.owner import BEAT_S
from pod_agent.pod.record import PodRecords
from pod_agent.run import climbing
from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.asks import Ask, Verdict
from pod_agent.run.folders import Folders
from pod_agent.run.journal import FileJournal
from pod_agent.run.situation import State
from pod_agent.run.snapshot import RESTING, PodFacts
from pod_agent.run.supervisor import Letter, Supervisor
from pod_agent.settings import Settings
from pod_wire.errors import Conflict
from pod_wire.idle import KeepAsk
from pod_wire.status import Phase
from tests.agent.histories.deeds import Deeds
from tests.agent.histories.loop import Loop
from tests.agent.histories.quill import Quill
from tests.agent.histories.strands import Process, TurnLock

if TYPE_CHECKING:
    from pod_agent.pod.boot import Boot
    from pod_agent.pod.brakes import Deadline
    from tests.agent.histories.host import Pod

UP_S, ARMED_S = 1.5, 3.0  # until HTTP answers, and until RunPod has been asked
RESTING_LOOK_S, BUSY_LOOK_S = 45.0, 600.0


class Agent(Process):
    """``over`` is told the exit code; 137 for one that was killed."""

    def __init__(self, pod: Pod, over: Callable[[int], None]):
        super().__init__(f"agent of {pod.id}", self._killed)
        self.pod = pod
        self._over = over
        self.is_leaving = False
        self.touches_left = pod.world.next_touches(pod)
        self.supervisor: Supervisor | None = None
        self.began_at = pod.world.time.t
        self._looks = 0
        self._phase: Phase | None = None

    def start(self) -> None:
        """The interpreter is there."""
        if not self.is_alive:
            return
        if self.pod.broken_agents > 0:
            self.pod.broken_agents -= 1
            self.kill()
            return
        self.act(self._make)

    def _make(self) -> None:
        pod, world = self.pod, self.pod.world
        settings = self._settings()
        quill = Quill(world, self, lambda: world.watch.unread(pod))
        folders = Folders(settings.workspace, settings.disk_dir, quill)
        far = settings.workspace / ".podkeep" / "pods" / f"{pod.id}.json"
        self.opening = world.wiring.opening(
            settings, folders, PodRecords(settings.disk_dir, far, quill), pod.clock,
            own_pod=lambda: pod.cloud.seen(pod.clock.sleep), on_boot=self._booted,
        )  # fmt: skip
        self.opening._lock = TurnLock(world.time)  # whoever holds it may wait for the workspace
        self.deeds = Deeds(self)
        facts = PodFacts(pod=pod.id, idle_minutes=settings.idle_minutes)
        self.supervisor = Supervisor(
            folders, FileJournal(folders), self.deeds, pod.clock,
            facts=facts, rest=world.wiring.rest(settings.run_dir), changed=self._changed,
        )  # fmt: skip
        loop = Loop(world.time, self, self.supervisor, self.may_wait, self._left)
        self.idling = world.wiring.idling(settings, pod.clock, self.supervisor, folders)
        loop.begin()
        self.thread(self._open)
        self._later(UP_S, self._up)
        self._later(ARMED_S, lambda: self.thread(self._armed))
        if world.history.pods > 1:
            self._later(BEAT_S, self._beat)

    def _settings(self) -> Settings:
        pod = self.pod
        job, order = pod.asked.job, pod.asked.order
        return Settings(
            pod_id=pod.id,
            hostname=pod.hostname,
            tcp_ports=pod.ports,
            workspace=pod.world.workspace,
            disk_dir=pod.disk,
            run_dir=pod.run,
            order=order,
            job=job,
            idle_minutes=15.0 if job is None else job.idle_minutes,
        )

    def _changed(self, state: State) -> None:
        self.pod.world.watch.looked(self.pod)
        if state.phase in RESTING and state.phase is not self._phase:
            self._later(0.0, self._look)
        self._phase = state.phase

    # Its threads

    def _open(self) -> None:
        self.post(self.opening.first())

    def thread(self, deed: Callable[[], None]) -> None:
        """As the product begins a thread for it."""
        self.begin(self.pod.world.time, deed, self.may_wait)

    def may_wait(self) -> bool:
        """Whether a deed may have to, that is not the ladder's."""
        world = self.pod.world
        is_slow = world.hangs_until > world.time.t or self.pod.cloud.reads == "hangs"
        return is_slow or world.history.pods > 1 or self.opening._lock.locked()

    def _left(self, left: c.ExitAgent) -> None:
        self.is_leaving = True
        if self.pod.world.hangs_until <= self.pod.world.time.t:
            self.opening.release()
        self.pod.world.time.later(0.0, lambda: self._leave(left))

    def _leave(self, left: c.ExitAgent) -> None:
        if self.is_alive:
            self.end()
            self._over(left.code)

    def _up(self) -> None:
        self.idling.start()
        self._look()

    def _look(self) -> None:
        """More rarely than the real one, but never so rarely that a resting pod's signals become unknown."""
        watch, supervisor = self.idling._watch, self.supervisor
        if watch is None or supervisor is None or supervisor.state.phase is Phase.STOPPING:
            return
        watch.look()
        self._looks += 1
        this, pause = self._looks, watch.pause()
        if pause >= RESTING_S:
            left = supervisor.idle_left_s()
            pause = BUSY_LOOK_S if left is None else min(RESTING_LOOK_S, max(1.0, left))
        self._later(pause, lambda: self._look() if this == self._looks else None)

    def _armed(self) -> None:
        if self.pod.cloud.reads == "works":
            self.opening.learned(self.pod.started_at)

    def _beat(self) -> None:
        self._later(4 * BEAT_S, self._beat)
        if self.pod.world.hangs_until > self.pod.world.time.t:
            return
        other = self.opening.renew()
        if other is not None:
            self.post(e.OwnerLost(other))

    def _booted(self, boot: Boot, deadline: Deadline | None) -> None:
        assert self.supervisor is not None
        self.supervisor.update(
            lambda facts: replace(facts, boot=boot.id, booted_at=boot.booted_at, deadline=deadline)
        )
        climbing.resume(self.pod.disk, boot.id, self.pod.clock, self.post)
        self.idling.booted(boot.id)
        self.pod.world.watch.settled(self.pod)

    def _later(self, seconds: float, deed: Callable[[], None]) -> None:
        self.pod.world.time.later(seconds, lambda: self.act(deed))

    # From outside

    def post(self, event: e.Event) -> None:
        if self.supervisor is not None and self.is_alive:
            self.supervisor.post(event)

    def ask(self, ask: Ask, told: Callable[[Verdict], None]) -> None:
        if self.supervisor is not None and self.is_alive:
            self.supervisor._mailbox.put(Letter(ask, told))

    def keep(self, seconds: float) -> bool:
        """Whether a lease was given."""
        given: list[bool] = []

        def ask() -> None:
            try:
                given.append(bool(self.idling.keep(KeepAsk(seconds, "tests")).keeps))
            except Conflict:
                return

        if self.supervisor is not None:
            self.act(ask)
        return bool(given and given[0])

    def term(self) -> None:
        """One that has not begun dies of it."""
        if self.supervisor is None:
            self.kill()
        else:
            self.post(e.Termed())

    def kill(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self._killed()

    def _killed(self) -> None:
        self.end()
        self._over(137)
