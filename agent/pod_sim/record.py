"""What is known of a pod, frozen: what was asked for, where it is, what it cost. Kept by state.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pod_sim import catalog
from pod_sim.backends.container import Container  # noqa: TC001 (read at run time by the codec)

AGENT_PORT = 8787


class PodStatus(StrEnum):
    PROVISIONING = "PROVISIONING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    EXITED = "EXITED"
    ERROR = "ERROR"
    TERMINATED = "TERMINATED"

    @property
    def actions(self) -> tuple[str, ...]:
        """The state transitions that RunPod allows from here."""
        match self:
            case PodStatus.PROVISIONING | PodStatus.STARTING:
                return ("stop", "terminate")
            case PodStatus.RUNNING:
                return ("stop", "restart", "terminate")
            case PodStatus.EXITED | PodStatus.ERROR:
                return ("start", "terminate")
            case PodStatus.TERMINATED:
                return ()

    @property
    def is_up(self) -> bool:
        """Whether a container belongs to this status."""
        return self in (PodStatus.PROVISIONING, PodStatus.STARTING, PodStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a pod keeps what a stop must not lose. Exactly one of ``size`` (host disk, GB) and ``volume`` is set."""

    path: str
    size: int | None = None
    volume: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A create body after its checks, and after later PATCHes."""

    name: str
    image: str
    disk: int
    gpu_id: str | None = None
    gpu_count: int = 0
    cpu_id: str | None = None
    vcpus: int = 0
    args: str = ""
    cmd: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    registry: str | None = None
    cloud: str = "SECURE"
    data_centers: tuple[str, ...] = ()
    mount: Mount | None = None
    global_networking: bool = False
    locked: bool = False

    def price(self) -> float:
        """Dollars per hour."""
        gpu = catalog.find(self.gpu_id or "")
        return gpu.price(self.cloud) * self.gpu_count if gpu else catalog.CPU_PER_HOUR * self.vcpus


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose. ``refuse_stop`` counts refusals to the pod's own key; -1 is for ever."""

    proxy: str = "ok"
    refuse_stop: int = 0
    refuse_read: bool = False
    graphql: str = "ok"
    crash_layer: str = "kept"  # what the next restart after a crash finds on the container's disk
    crash_started_at: str = "kept"
    cluster: str = ""  # the id of one that it belongs to
    bring_up: str = "ok"  # or "stuck": never leaves STARTING; or "error"


@dataclass(frozen=True, slots=True)
class Charge:
    """A span of time at a price in $/h; ``until`` is None while it lasts."""

    since: float
    until: float | None
    price: float


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One pod. Times are seconds since the epoch."""

    id: str
    key: str
    asked: Asked
    status: PodStatus
    created_at: float
    data_center: str
    machine: str  # eight hex digits, part of names under which RunPod's gateways know the pod
    machine_boot: str = ""
    started_at: float | None = None
    container_since: float | None = None
    container: Container | None = None
    generation: int = 0
    hostname: str = ""
    agent_port: int | None = None  # where the host finds the agent's port
    tcp_ports: dict[str, int] = field(default_factory=dict)
    charges: tuple[Charge, ...] = ()
    faults: Faults = Faults()
    has_no_gpu: bool = False  # this start came back without one
    format: int = 1

    def cost(self, now: float) -> float:
        """Dollars so far, by the second."""
        spans = (
            ((now if charge.until is None else charge.until) - charge.since, charge.price)
            for charge in self.charges
        )
        return sum(int(seconds) * price / 3600 for seconds, price in spans)

    def gpu_count(self) -> int:
        return 0 if self.has_no_gpu else self.asked.gpu_count

    def inside_port(self) -> int:
        """The port the agent has in the user's eyes: 8787, or what the body's POD_PORT says."""
        wish = self.asked.env.get("POD_PORT", "")
        return int(wish) if wish.isdigit() else AGENT_PORT
