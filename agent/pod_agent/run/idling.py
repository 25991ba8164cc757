"""The idle brake of this life: memory and leases of the boot, the thread that looks, and what the supervisor is told.

Nothing of it is loaded before the training has begun; until then nothing is idle. Not here: the rules (``pod.idle``),
and the stop, which is the supervisor's by the verdict on what is published.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run import snapshot
from pod_agent.run.situation import Alive
from pod_wire.errors import Conflict
from pod_wire.status import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pod_agent.pod.idle.brake import Brake
    from pod_agent.pod.idle.leases import Lease, Leases
    from pod_agent.pod.idle.memory import Memory
    from pod_agent.pod.idle.raw import Roles
    from pod_agent.pod.idle.watch import Watch
    from pod_agent.pod.vitals.sampler import Sampler
    from pod_agent.run.folders import Folders
    from pod_agent.run.last_words import LastWords
    from pod_agent.run.situation import State
    from pod_agent.run.supervisor import Supervisor
    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.idle import KeepAnswer, KeepAsk

SSH_PORT = 22
LATEST_S = 120.0  # HTTP comes within seconds, and this after it; then the job's absence alone counts
log = logging.getLogger("podkeep")


class Idling:
    """``vitals`` gives the looks at the machine, once they have begun: what they saw of the GPUs counts here, too."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        supervisor: Supervisor,
        folders: Folders,
        vitals: Callable[[], Sampler | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._folders = folders
        self._vitals = vitals
        self._lock = threading.Lock()
        self._boot: str | None = None
        self._phase: Phase | None = None
        self._watch: Watch | None = None
        self._leases: Leases | None = None
        self._words: LastWords | None = None
        latest = clock.monotonic() + LATEST_S
        supervisor.update(lambda facts: replace(facts, brake_by=latest))

    def booted(self, boot: str) -> None:
        """Which boot this is, is known."""
        with self._lock:
            self._boot = boot
            if self._watch is not None:
                self._recall(boot)

    def start(self) -> None:
        """Look from now on, in a thread. A brake that cannot be had leaves the one that counts the job's absence."""
        try:
            with self._lock:
                self._begin()
        except Exception as error:  # noqa: BLE001 - a defect here must cost neither HTTP nor the stop
            log.error("idle=unlooked error=%r", str(error))  # noqa: TRY400 - one line, no trace
            self._supervisor.update(lambda facts: replace(facts, brake=None, brake_by=None))
        self._supervisor.nudge()

    def changed(self, state: State) -> None:
        """The supervisor's: looked at once where it matters; a running job's checkpoints wait for the next look."""
        before, self._phase = self._phase, state.phase
        if before is not state.phase or state.phase in snapshot.RESTING:
            self._wake()

    def _wake(self) -> None:
        if self._watch is not None:
            self._watch.wake()

    def leave(self) -> None:
        if self._watch is not None:
            self._watch.leave()

    def keep(self, ask: KeepAsk) -> KeepAnswer:
        """A lease is given, or all are ended."""
        from pod_wire.idle import Keep, KeepAnswer  # noqa: PLC0415 - loaded by now

        if self._leases is None:
            raise Conflict("cannot keep the pod: its agent is just beginning", "ask again in a moment")
        standing = self._leases.ask(ask)
        if self._words is not None:
            self._words.kept(ask, standing)
        self._supervisor.nudge()
        self._wake()
        return KeepAnswer(tuple(Keep(one.until, one.given_at, one.because) for one in standing))

    def _begin(self) -> None:
        from pod_agent.pod.idle.brake import Brake  # noqa: PLC0415 - the training comes first
        from pod_agent.pod.idle.leases import Leases  # noqa: PLC0415 - the same
        from pod_agent.pod.idle.memory import fresh  # noqa: PLC0415 - the same
        from pod_agent.run.last_words import LastWords  # noqa: PLC0415 - the same

        self._words = LastWords(self._supervisor, self._folders, self._clock)
        began = self._clock.monotonic()
        memory, leases = fresh(began), Leases(self._settings.disk_dir, self._clock, self._leased)
        if self._boot is not None:
            memory = self._remembered(self._boot) or memory
            leases.booted(self._boot)
        self._supervisor.update(lambda facts: replace(facts, brake=Brake(memory, leases.known, began)))
        self._leases = leases  # from now on they may be asked for
        self._watch = self._made(memory)
        threading.Thread(target=self._watch.run, name="idle", daemon=True).start()

    def _recall(self, boot: str) -> None:
        """What earlier agents of this boot were asked, and only then what they saw: that alone might stop the pod."""
        if self._leases is not None:
            self._leases.booted(boot)
        known = self._remembered(boot)
        if known is not None and self._watch is not None:
            self._watch.remember(known)
            self._publish(known)

    def _remembered(self, boot: str) -> Memory | None:
        from pod_agent.pod.idle import kept  # noqa: PLC0415 - the same

        return kept.read(self._settings.run_dir, boot, self._clock.monotonic())

    def _made(self, memory: Memory) -> Watch:
        from pod_agent.pod.idle.gpus import Sampled  # noqa: PLC0415 - the training comes first
        from pod_agent.pod.idle.sources import Sources  # noqa: PLC0415
        from pod_agent.pod.idle.watch import Watch  # noqa: PLC0415

        settings = self._settings
        is_simulated = settings.pretended_gpus is not None
        sources = Sources(
            settings.machine,
            Sampled(self._vitals, self._clock, pretended=settings.pretended_gpus),
            is_shared=is_simulated or str(settings.machine) != "/",
            jupyter_dir=settings.job_environment.get("JUPYTER_RUNTIME_DIR"),
        )
        return Watch(
            settings.run_dir,
            self._clock,
            sources,
            memory,
            boot=lambda: self._boot,
            roles=self._roles,
            is_resting=self._is_resting,
            minutes=lambda: snapshot.idle_minutes(self._supervisor.state, self._supervisor.facts),
            left_s=self._supervisor.idle_left_s,
            publish=self._publish,
            notice=self._notice,
            noticed=self._noticed,
            stays=self._stays,
        )

    def _notice(self, left_s: float) -> str:
        from pod_agent.pod.idle import words  # noqa: PLC0415 - the same

        return words.notice(left_s, self._supervisor.idle_reason(), self._settings.pod_id or "POD")

    def _noticed(self, left_s: float, text: str) -> None:
        if self._words is not None:
            self._words.notice(left_s, text)

    def _stays(self) -> None:
        """Not for idleness at least: a pod that is being stopped does not stay."""
        status = self._supervisor.snapshot()
        if status.phase is Phase.STOPPING:
            return
        because = "" if status.idle is None else status.idle.because
        log.info("idle=over: the pod stays; %s", because)
        if self._words is not None:
            self._words.stays(because)

    def _is_resting(self) -> bool:
        state = self._supervisor.state
        return state.phase in snapshot.RESTING and not state.opening

    def _roles(self) -> Roles:
        from pod_agent.pod.idle.raw import Roles  # noqa: PLC0415 - the same

        state, facts = self._supervisor.state, self._supervisor.facts
        attempts = state.job.attempts if state.job is not None and state.alive is Alive.LIVE else ()
        return Roles(
            agent=os.getpid(),
            services=frozenset(one.pid for one in facts.services if one.pid is not None),
            trainings=frozenset(one.pid for one in attempts[-1:] if one.pid is not None),
            own_ports=frozenset({self._settings.port}),
            ssh_ports=frozenset({SSH_PORT, self._settings.ssh.port}),
        )

    def _publish(self, memory: Memory) -> None:
        self._turn(lambda brake: replace(brake, memory=memory))
        if self._supervisor.idle_left_s() == 0:
            self._supervisor.nudge()

    def _leased(self, leases: tuple[Lease, ...]) -> None:
        self._turn(lambda brake: replace(brake, leases=leases))

    def _turn(self, change: Callable[[Brake], Brake]) -> None:
        self._supervisor.update(
            lambda facts: facts if facts.brake is None else replace(facts, brake=change(facts.brake))
        )
