"""--local: RunPod is played by the simulator, a program of its own that is started when it is not there.

The client then speaks RunPod's API to it, by the same code as always.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from pod_wire.errors import PodError, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from pathlib import Path

    from pod_client.config import Config
    from pod_wire.clock import Clock
    from pod_wire.runpod.transport import Transport

START_S = 15.0
OTHER_S = 3.0
TAKEN = "another one is just starting there"  # as the simulator says it
IDLE_EXIT_MINUTES = 30
_NEW_GROUP = 0x00000200 | 0x00000008  # Windows: CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where a running one listens."""

    url: str
    key: Secret
    takes_images: bool  # pods are containers of them


def use_simulator(config: Config, transport: Transport, clock: Clock) -> Config:
    """The same settings, but for the simulator; started if need be."""
    folder = config.state_dir / "sim"
    simulator = running(folder, transport) or _start(folder, transport, clock)
    return replace(
        config,
        api_key=simulator.key,
        runpod_url=f"{simulator.url}/v2",
        proxy=simulator.url + "/proxy/{pod}/{port}",
        is_local=True,
        takes_images=simulator.takes_images,
    )


def running(folder: Path, transport: Transport) -> Simulator | None:
    """The one that serves this folder; None when its file is missing, unreadable, or nobody answers there."""
    try:
        document = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        url, key = str(document["url"]), Secret(str(document["key"]))
        answer = transport.send("GET", f"{url}/sim/health", _bearer(key), None, 3.0)
        said = json.loads(answer.body)
    except (OSError, ValueError, KeyError, TypeError, Unreachable):
        return None
    is_well = answer.status == HTTPStatus.OK and isinstance(said, dict)
    return Simulator(url, key, said.get("takes_images") is True) if is_well else None


def _bearer(key: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.reveal()}"}


def _start(folder: Path, transport: Transport, clock: Clock) -> Simulator:
    if importlib.util.find_spec("pod_sim") is None:
        raise PodError(
            "cannot start a local pod: the simulator is not installed", "pip install 'podkeep[agent]'"
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    argv = [sys.executable, "-m", "pod_sim", "--state", str(folder), "--port", "0"]
    argv += ["--idle-exit", str(IDLE_EXIT_MINUTES)]
    with (folder / "server.log").open("ab") as log:
        before = log.tell()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,  # not the caller's folder, which may be removed
            start_new_session=True,  # Ctrl-C on the laptop is not meant for it
            creationflags=_NEW_GROUP if sys.platform == "win32" else 0,
        )
    until, has_ended = clock.monotonic() + START_S, False
    while clock.monotonic() < until:
        simulator = running(folder, transport)
        if simulator is not None:
            process.returncode = 0  # it outlives us on purpose: no "still running" warning at our end
            return simulator
        if not has_ended and process.poll() is not None:
            has_ended = True  # perhaps because another command's was quicker: that one is on its way
            if TAKEN not in _last_words(folder / "server.log", before):
                until = min(until, clock.monotonic() + OTHER_S)
        clock.sleep(0.05)
    raise PodError(
        f"cannot start a local pod: the simulator did not come up\n{_last_words(folder / 'server.log', before)}",
        f"the whole of it is in {folder / 'server.log'}",
    )


def _last_words(path: Path, begin: int) -> str:
    lines = path.read_bytes()[begin:].decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-12:])
