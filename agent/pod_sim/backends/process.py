"""Pods as processes: PID 1 in a mount, pid and hostname namespace of its own, with a root put together by pod_root.py.

Knows how to start, stop and signal one container; when to do so is the life's business (life.py).
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_sim.backends.container import GONE_TIMEOUT_S, Container, end
from pod_sim.files import wipe
from pod_wire.errors import Broken

if TYPE_CHECKING:
    from pod_sim.backends.container import Launch

START_TIMEOUT_S = 20.0
OF_POD = ("run", "workspace", "podkeep")  # top-level folders that a pod has for itself
POD_ROOT = Path(__file__).with_name("pod_root.py")


class ProcessPods:
    """The backend of `--local`: needs nothing but util-linux and namespaces."""

    def __init__(self, unshare: tuple[str, ...], python: str) -> None:
        self._unshare = unshare
        self._python = python
        self._helpers: dict[int, subprocess.Popen[bytes]] = {}  # by the pid of their PID 1

    @property
    def takes_images(self) -> bool:
        return False

    @property
    def shares_network(self) -> bool:
        return True

    def pull(self, image: str) -> str:
        return f"image {image} is not pulled: a pod of this simulator is made of this machine's own files"

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

    def stop(self, container: Container, folder: Path, grace_s: float) -> None:  # noqa: ARG002 (of the protocol)
        end(container, grace_s)
        helper = self._helpers.pop(container.pid, None)
        if helper is not None:
            helper.wait(GONE_TIMEOUT_S)

    def wipe(self, folder: Path) -> None:
        wipe(folder / "disk")
        for name in ("init.json", "plan.json", "hosts"):
            (folder / name).unlink(missing_ok=True)

    def _started(self, helper: subprocess.Popen[bytes], line: str) -> Container:
        word, _, rest = line.partition(" ")
        if word != "pid":
            helper.kill()  # and with it its child, PID 1
            helper.wait()
            raise Broken(f"cannot start the container: {rest}")
        container = Container(**json.loads(rest))
        self._helpers[container.pid] = helper
        return container


def _write_plan(launch: Launch) -> Path:
    root = launch.folder / "root"
    root.mkdir(exist_ok=True)
    places = {f"/{name}": launch.folder / "disk" / name for name in OF_POD}
    for place in places.values():
        place.mkdir(parents=True, exist_ok=True)
    places |= {target: source for source, target in launch.binds}
    hosts = launch.folder / "hosts"
    known = Path("/etc/hosts")
    hosts.write_text((known.read_text() if known.is_file() else "") + f"\n127.0.0.1 {launch.hostname}\n")
    plan = {
        "root": str(root),
        "binds": [[str(source), target] for target, source in places.items()],
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
