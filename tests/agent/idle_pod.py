"""A pod in virtual time for the idle brake: scripts of what goes on there, looked at every half minute.

Everything between the raw counters and the verdict is real. Not here: the situations (``idle_situations*``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.kept import Kept
from pod_agent.pod.idle.leases import Lease, grant
from pod_agent.pod.idle.measure import Looks, sample
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.raw import Card, Connection, GpuReading, Kernels, Process, Raw, Roles
from pod_agent.pod.idle.signs import Gap, State
from pod_wire.codec import from_json, to_json
from pod_wire.idle import KeepAsk

STEP_S = 30.0
BEGAN = 50_000.0
UNKNOWN = Gap(State.UNKNOWN, "It does not answer.")
NO_GPU = GpuReading()
IDLE_GPU = GpuReading((Card(0.0, 500 << 20, 0),))
ROLES = Roles(
    agent=10,
    services=frozenset({20}),
    trainings=frozenset({31}),
    own_ports=frozenset({8787}),
    ssh_ports=frozenset({22}),
)
INIT = (
    Process(1, 0, "tini", 1, 0),
    Process(5, 1, "entrypoint.sh", 2, 0),
    Process(10, 5, "python", 3, 0),
    Process(20, 10, "sshd", 4, 0),
    Process(21, 20, "sshd-session", 5, 0),
    Process(22, 21, "bash", 6, 0),
    Process(30, 10, "python", 7, 0),
)


@dataclass(frozen=True)
class Spell:
    """So many minutes in which this goes on. ``…_every``: minutes between such moments; rates are per second."""

    minutes: float
    phase: str = "waiting"
    gpu: GpuReading | Gap = IDLE_GPU
    gpu_every: float | None = None  # busy at these moments only
    programs: Mapping[str, float] = field(default_factory=dict)  # of people: cores
    loops: float = 0.0  # cores of programs that end at once, under a shell
    job: Mapping[str, float] = field(default_factory=dict)
    writes: float = 0.0
    network: float | Gap = 200.0
    terminals: int = 0
    types_every: float | None = None
    ssh: float = 0.0
    asks: Mapping[int, float] = field(default_factory=dict)  # bytes by port
    asks_every: float | None = None
    kernels: Kernels | Gap = field(default_factory=Kernels)
    processes: Gap | None = None
    connections: Gap | None = None
    stirs_every: float | None = None  # an editor fetches: six seconds of a core, 2 MB, 300 kB written
    blind: bool = False  # nobody looks
    restarts: bool = False  # another agent before each look
    lease: KeepAsk | None = None


class Pod:
    """Plays spells one after another; ``stopped`` is the minute at which the brake would have stopped it."""

    def __init__(self, minutes: float = 15.0) -> None:
        self.minutes = minutes
        self.at = BEGAN
        self.memory = fresh(BEGAN)
        self.leases: tuple[Lease, ...] = ()
        self.rest_since: float | None = BEGAN
        self.looks = Looks()
        self.stopped: float | None = None
        self._ticks: dict[str, float] = {}
        self._counters: dict[str, float] = {}
        self._typed = 0.0

    def play(self, *spells: Spell) -> float | None:
        for spell in spells:
            self._enter(spell)
            began, end = self.at, self.at + spell.minutes * 60
            while self.at < end and self.stopped is None:
                self._step(spell, began)
        return self.stopped

    def _enter(self, spell: Spell) -> None:
        is_resting = spell.phase in {"waiting", "finished"}
        self.rest_since = (self.rest_since or self.at) if is_resting else None
        if spell.lease is not None:
            self.leases = grant(self.leases, spell.lease, self.at, self.at)

    def _step(self, spell: Spell, began: float) -> None:
        self._count(spell, began)
        if not spell.blind:
            self._look(spell, began)
        verdict = Brake(self.memory, self.leases).verdict(self.rest_since, self.minutes, self.at)
        if verdict.is_due:
            self.stopped = (self.at - BEGAN) / 60
        self.at += STEP_S

    def _look(self, spell: Spell, began: float) -> None:
        raw = self._raw(spell, began, self.at)
        if spell.restarts:
            self.memory = from_json(Kept, to_json(Kept("boot", self.memory))).memory
            self.memory = fold(self.memory, sample(Looks(), raw), self.minutes * 60)
            self.looks = Looks(self.looks.last, self.looks.marks[-1:])
        self.memory = fold(self.memory, sample(self.looks, raw), self.minutes * 60)
        self.looks = self.looks.then(raw)

    def _count(self, spell: Spell, began: float) -> None:
        """Counters go on, seen or not."""
        for group, cores in (("people", spell.programs), ("job", spell.job), ("loops", {"": spell.loops})):
            for name, used in cores.items():
                key = f"{group} {name}"
                self._ticks[key] = self._ticks.get(key, 0.0) + used * STEP_S * 100
        if _is_moment(spell.stirs_every, self.at - began):
            self._stir(spell)
        rates = {"written": spell.writes, "ssh": spell.ssh}
        if not isinstance(spell.network, Gap):
            rates["network"] = spell.network
        for name, rate in rates.items():
            self._counters[name] = self._counters.get(name, 0.0) + rate * STEP_S
        if _is_moment(spell.asks_every, self.at - began):
            for port, size in spell.asks.items():
                self._counters[f"port {port}"] = self._counters.get(f"port {port}", 0.0) + size
        if _is_moment(spell.types_every, self.at - began):
            self._typed = self.at

    def _stir(self, spell: Spell) -> None:
        for name in spell.programs:
            self._ticks[f"people {name}"] = self._ticks.get(f"people {name}", 0.0) + 600
        for name, size in (("network", 2e6), ("written", 3e5)):
            self._counters[name] = self._counters.get(name, 0.0) + size

    def _raw(self, spell: Spell, began: float, at: float) -> Raw:
        gpu = spell.gpu
        if spell.gpu_every is not None:
            gpu = GpuReading((Card(0.6 if _is_moment(spell.gpu_every, self.at - began) else 0.0, 0, 1),))
        connections = {f"port {port}": Connection(port, self._of(f"port {port}")) for port in spell.asks}
        return Raw(
            at=at,
            is_resting=spell.phase in {"waiting", "finished"},
            roles=ROLES,
            processes=spell.processes or (*INIT[:5], self._shell(), *INIT[6:], *self._programs(spell)),
            gpus=gpu,
            terminals={f"pts/{i}": self._typed if i == 0 else 0.0 for i in range(spell.terminals)},
            traffic=spell.network if isinstance(spell.network, Gap) else self._of("network"),
            connections=spell.connections or {"ssh": Connection(22, self._of("ssh")), **connections},
            kernels=spell.kernels,
            wall=at,
        )

    def _of(self, counter: str) -> int:
        return int(self._counters.get(counter, 0.0))

    def _shell(self) -> Process:
        return Process(22, 21, "bash", 6, 0, int(self._ticks.get("loops ", 0.0)))

    def _programs(self, spell: Spell) -> list[Process]:
        found = []
        for parent, first, group, names in ((22, 100, "people", spell.programs), (31, 200, "job", spell.job)):
            for place, name in enumerate(names):
                ticks = int(self._ticks.get(f"{group} {name}", 0.0))
                written = self._of("written") if place == 0 else 0
                found.append(Process(first + place, parent, name, 50 + place, ticks, 0, written, written))
        training = [Process(31, 30, "python", 8, 0, 0, 0, 0)] if spell.job or spell.phase == "running" else []
        return [*training, *found]


def _is_moment(every: float | None, since: float) -> bool:
    return every is not None and since % (every * 60) < STEP_S
