"""Pods as processes: PID 1 in a mount, pid and hostname namespace of its own, with a root put together by pod_root.py.

Knows how to start, stop and signal one container; when to do so is the life's business (life.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pod_sim.backends import namespaces
from pod_wire.errors import Broken, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

START_TIMEOUT_S = 20.0
GONE_TIMEOUT_S = 10.0
POD_ROOT = Path(__file__).with_name("pod_root.py")


@dataclass(frozen=True, slots=True)
class Container:
    """PID 1 of a pod as the host sees it: recorded, so that a later simulator finds it again and kills nothing else."""

    pid: int
    start_time: int
    namespace: str
    generation: int

    def is_alive(self) -> bool:
        return namespaces.is_alive(self.pid, self.start_time)


@dataclass(frozen=True, slots=True)
class Launch:
    """One start of a container. ``folder`` is the pod's own; ``binds`` are (source, path in the pod)."""

    folder: Path
    hostname: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    binds: tuple[tuple[Path, str], ...]
    generation: int


class Backend(Protocol):
    """What a pod is made of. Every method blocks; callers run them in threads."""

    def start(self, launch: Launch) -> Container:
        """Start PID 1. Returns as soon as it is about to become the start command."""

    def find(self, folder: Path, generation: int) -> Container | None:
        """The living container of an earlier simulator, by the record that it left."""

    def stop(self, container: Container, grace_s: float) -> None:
        """SIGTERM, ``grace_s``, SIGKILL; returns when nothing of the container lives."""


class ProcessPods:
    """The backend of `--local`: needs nothing but util-linux and namespaces."""

    def __init__(self, unshare: tuple[str, ...], python: str) -> None:
        self._unshare = unshare
        self._python = python
        self._helpers: dict[int, subprocess.Popen[bytes]] = {}  # by the pid of their PID 1

    def start(self, launch: Launch) -> Container:
        reader, writer = os.pipe()
        try:
            with (launch.folder / "helper.log").open("wb") as said:
                helper = subprocess.Popen(
                    [
                        *self._unshare,
                        self._python,
                        "-I",
                        "-S",
                        str(POD_ROOT),
                        str(_write_plan(launch)),
                        str(writer),
                    ],
                    env=dict(launch.environment),
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    pass_fds=(writer,),
                    start_new_session=True,
                )
            os.close(writer)
            writer = -1
            return self._started(helper, _first_line(reader) or _last_words(launch.folder))
        finally:
            os.close(reader)
            if writer >= 0:
                os.close(writer)

    def find(self, folder: Path, generation: int) -> Container | None:
        try:
            container = Container(**json.loads((folder / "init.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return container if container.generation == generation and container.is_alive() else None

    def stop(self, container: Container, grace_s: float) -> None:
        seen = [(process.host_pid, process.start_time) for process in processes_of(container)]
        send(container.pid, container.start_time, signal.SIGTERM)
        if not wait_gone(container, grace_s):
            send(container.pid, container.start_time, signal.SIGKILL)
            if not wait_gone(container, GONE_TIMEOUT_S):
                raise Broken(f"cannot stop the container of pid {container.pid}: it outlives SIGKILL")
        helper = self._helpers.pop(container.pid, None)
        if helper is not None:
            helper.wait(GONE_TIMEOUT_S)
        _wait_rest(seen)

    def _started(self, helper: subprocess.Popen[bytes], line: str) -> Container:
        word, _, rest = line.partition(" ")
        if word != "pid":
            helper.kill()  # and with it its child, PID 1
            helper.wait()
            raise Broken(f"cannot start the container: {rest}")
        container = Container(**json.loads(rest))
        self._helpers[container.pid] = helper
        return container


def send(pid: int, started: int, number: int) -> None:
    """Signal this very process; nothing when it is gone, whoever has its pid now."""
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        try:
            if namespaces.is_alive(pid, started):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


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
    try:
        descriptor = os.pidfd_open(container.pid)
    except ProcessLookupError:
        return True
    try:
        if not container.is_alive():
            return True
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


def _write_plan(launch: Launch) -> Path:
    root = launch.folder / "root"
    root.mkdir(exist_ok=True)
    hosts = launch.folder / "hosts"
    known = Path("/etc/hosts")
    hosts.write_text((known.read_text() if known.is_file() else "") + f"\n127.0.0.1 {launch.hostname}\n")
    plan = {
        "root": str(root),
        "binds": [[str(source), target] for source, target in launch.binds],
        "hosts": str(hosts),
        "hostname": launch.hostname,
        "argv": list(launch.argv),
        "console": str(launch.folder / "console.log"),
        "record": str(launch.folder / "init.json"),
        "generation": launch.generation,
    }
    path = launch.folder / "plan.json"
    path.write_text(json.dumps(plan))
    return path


def _first_line(reader: int) -> str:
    line = b""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return "error nothing was heard of it"
        piece = os.read(reader, 4096)
        if not piece:
            return ""
        line += piece
    return line.decode().strip()


def _last_words(folder: Path) -> str:
    """What the program that makes the namespaces said when it failed."""
    said = (folder / "helper.log").read_text(errors="replace").split("\n")
    return f"error {' '.join(line for line in said if line) or 'the namespaces could not be made'}"


def wipe(folder: Path) -> None:
    """Remove a folder that only this pod wrote to, also where it took away its own rights."""
    if not folder.exists():
        return
    for path, names, _ in os.walk(folder):
        for name in names:
            place = Path(path, name)
            if not place.is_symlink():
                place.chmod(0o700)
    shutil.rmtree(folder)
