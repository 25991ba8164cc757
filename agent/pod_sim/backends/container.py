"""What both kinds of pods share: a container as the host sees it, one start of it, and signals into it.

A container's processes are processes of this machine in a pid namespace of their own, whoever made it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from pod_sim.backends import namespaces
from pod_wire.errors import Broken, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

GONE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Container:
    """PID 1 of a pod as the host sees it: recorded, so that a later simulator finds it again and kills nothing else."""

    pid: int
    start_time: int
    namespace: str
    generation: int
    address: str = "127.0.0.1"  # where its ports are found

    def is_alive(self) -> bool:
        return namespaces.is_alive(self.pid, self.start_time)

    def handle(self) -> int | None:
        """A descriptor of this very process, readable once it has ended; None when it has. The caller closes it."""
        try:
            descriptor = os.pidfd_open(self.pid) if self.is_alive() else None
        except ProcessLookupError:
            return None
        if descriptor is not None and not self.is_alive():  # the pid may have changed hands meanwhile
            os.close(descriptor)
            return None
        return descriptor


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a container. ``folder`` is the pod's own; ``binds`` outlive a stop: (source, path in the pod)."""

    folder: Path
    hostname: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    environment: Mapping[str, str]
    binds: tuple[tuple[Path, str], ...]
    generation: int
    image: str = ""
    tcp_ports: Mapping[str, int] = field(default_factory=dict)  # by the port inside

    @property
    def argv(self) -> tuple[str, ...]:
        return (*self.entrypoint, *self.command)


class Backend(Protocol):
    """What a pod is made of. Every method blocks; callers run them in threads."""

    @property
    def takes_images(self) -> bool:
        """Whether a pod is made of the image that it asks for."""

    @property
    def shares_network(self) -> bool:
        """Whether pods have this machine's network: then each agent gets a port of its own, in POD_PORT."""

    def pull(self, image: str) -> str:
        """Make sure of the image; what is said of it in the pod's system log. Raises where there is none."""

    def start(self, launch: Launch) -> Container:
        """Start PID 1, on the disk that the last one left. Returns when it is about to become the start command."""

    def find(self, folder: Path, generation: int) -> Container | None:
        """The living container of an earlier simulator."""

    def stop(self, container: Container, folder: Path, grace_s: float) -> None:
        """SIGTERM, ``grace_s``, SIGKILL; returns when nothing of it lives and its last words are on the console."""

    def wipe(self, folder: Path) -> None:
        """Remove what a stopped container leaves: its disk."""


def send(pid: int, started: int, number: int) -> None:
    """Signal this very process; nothing when it is gone, whoever has its pid now."""
    if not namespaces.is_alive(pid, started):
        return
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if namespaces.is_alive(pid, started):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def end(container: Container, grace_s: float) -> None:
    """SIGTERM, ``grace_s``, SIGKILL; returns when nothing of its pid namespace lives."""
    seen = [(process.host_pid, process.start_time) for process in processes_of(container)]
    send(container.pid, container.start_time, signal.SIGTERM)
    if not wait_gone(container, grace_s):
        send(container.pid, container.start_time, signal.SIGKILL)
        if not wait_gone(container, GONE_TIMEOUT_S):
            raise Broken(f"cannot stop the container of pid {container.pid}: it outlives SIGKILL")
    _wait_rest(seen)


def kill_inside(container: Container, pid: int, number: int) -> int:
    """Signal the process that has ``pid`` inside the pod; returns its pid on the host."""
    for process in processes_of(container):
        if process.pid == pid:
            send(process.host_pid, process.start_time, number)
            return process.host_pid
    raise NotFound(
        f"cannot signal pid {pid}: the pod has no such process", "GET /sim/pods/ID/processes lists them"
    )


def wait_gone(container: Container, timeout_s: float) -> bool:
    """Wait for PID 1's end; the kernel ends its whole pid namespace before it reports that."""
    descriptor = container.handle()
    if descriptor is None:
        return True
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(descriptor)


def processes_of(container: Container) -> tuple[namespaces.PodProcess, ...]:
    """What runs in it. Nothing once PID 1 is gone: another pod's namespace may have its number by then."""
    return namespaces.processes(container.namespace) if container.is_alive() else ()


def _wait_rest(rest: Iterable[tuple[int, int]]) -> None:
    """The kernel ends all of a pid namespace with its PID 1; make sure that it is so for those that were seen."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while left := [pid for pid, started in rest if namespaces.is_alive(pid, started)]:
        if time.monotonic() > deadline:
            raise Broken(f"cannot stop the container: {len(left)} of its processes outlive SIGKILL")
        time.sleep(0.02)
