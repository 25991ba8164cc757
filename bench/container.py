"""The image: what it adds to its base; a container's start until /healthz and until the training; memory in it.

``python bench/container.py``. The real Dockerfile is built on a plain root of this machine's distribution, by the
engine that runs, or by one of our own (as root, with dockerd and debootstrap). Beside each start of ours the engine
alone starts the same training in the bare base; beside the memory supervisord does what it does in memory.py.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

import log_rivals
from measured import RUNS, free_port, median, say, wait_until
from memory import SETTLE_S, measure, supervisord
from runpod_api import RunPod

from tests.image import fixtures, root
from tests.image.container import Container
from tests.image.engine import Engine, NoEngine, found_or_started

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = "podkeep-bench"
BASE = f"{REPO}-base:latest"
TRAINS = (
    "echo $EPOCHREALTIME >> /workspace/moments; exec sleep 100000"  # its first deed is to say when it began
)
MEMORY_SECONDS = 20.0
PARTS = ("keeper", "pod_agent", "entrypoint", "sshd")


@contextlib.contextmanager
def built(engine: Engine, folder: Path) -> Iterator[str]:
    """Our image on the plain root, by image/build; an engine that was there before loses it again."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "podkeep-tests"
    engine.run("import", str(root.tar(cache)), BASE)
    checkout = folder / "checkout"
    fixtures.copy_checkout(checkout)
    fixtures.build(engine, checkout, BASE, *fixtures.build_options(folder), repo=REPO)
    try:
        yield f"{REPO}:latest"
    finally:
        names = engine.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        engine.run("rmi", *(name for name in names if name.startswith(REPO)), check=False)


@contextlib.contextmanager
def a_pod(engine: Engine, image: str, place: Path) -> Iterator[tuple[Container, Path]]:
    """A container of ours that takes itself for a pod of RunPod's, with sshd, and its workspace."""
    workspace, key = place / "workspace", place / "key"
    workspace.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    with RunPod.listening() as runpod:
        env = {
            **runpod.environment,
            "POD_COMMAND": TRAINS,
            "POD_ON_FINISH": "keep",
            "POD_ON_FAILURE": "keep",
            "POD_MAX_RESTARTS": "1000",
            "PUBLIC_KEY": key.with_suffix(".pub").read_text(),
            "PODKEEP_SSH_PORT": f"127.0.0.1:{free_port()}",
        }
        with Container(engine, image, mounts={workspace: "/workspace"}, **env) as container:
            yield container, workspace


def megabytes(engine: Engine, image: str) -> float:
    return int(engine.run("image", "inspect", "-f", "{{.Size}}", image).stdout) / 1e6


def began(workspace: Path, lives: int) -> float:
    """When the training of that life began."""
    moments = workspace / "moments"
    wait_until("it trains", lambda: moments.exists() and len(moments.read_text().split()) > lives, 60)
    return float(moments.read_text().split()[lives])


def answered(container: Container) -> float:
    """When /healthz first answered."""

    def answers() -> bool:
        try:
            return container.get("/healthz")[0] == 200
        except OSError:
            return False

    wait_until("/healthz answers", answers, 60)
    return time.time()


def a_life(container: Container, workspace: Path, since: float, lives: int) -> dict[str, float]:
    with ThreadPoolExecutor() as pool:
        health = pool.submit(answered, container)
        training = began(workspace, lives)
        return {"healthz_s": health.result() - since, "training_s": training - since}


def ours(engine: Engine, image: str, place: Path) -> tuple[dict[str, float], dict[str, float]]:
    """A container's first life, and its second after a kill: the same disk, nothing changed."""
    since = time.time()
    with a_pod(engine, image, place) as (container, workspace):
        first = a_life(container, workspace, since, 0)
        time.sleep(2.0)
        container.docker("kill")
        wait_until("it has ended", lambda: container.state()["Status"] == "exited")
        since = time.time()
        container.docker("start")
        return first, a_life(container, workspace, since, 1)


def alone(engine: Engine, workspace: Path) -> dict[str, float]:
    """The engine alone: the bare base and the same training."""
    since = time.time()
    with Container(engine, BASE, "bash", "-c", TRAINS, mounts={workspace: "/workspace"}):
        return {"training_s": began(workspace, 0) - since}


def starts(engine: Engine, image: str, folder: Path) -> None:
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for run in range(RUNS):
        place = folder / f"run-{run}"
        (place / "alone").mkdir(parents=True)
        first, second = ours(engine, image, place / "ours")
        found.setdefault(("podkeep", "new"), []).append(first)
        found.setdefault(("podkeep", "again"), []).append(second)
        found.setdefault(("docker run", "new"), []).append(alone(engine, place / "alone"))
    for (who, start), lives in found.items():
        figures = {name: round(median([life[name] for life in lives]), 3) for name in lives[0]}
        say("container", who, start=start, **figures, runs=RUNS)


def inside(top: int) -> dict[str, int]:
    """The pids below a container's first process by what they are, once all are there; the job's own are not ours."""
    found = {"tini": top}
    below = [top]
    while below:
        with contextlib.suppress(OSError):  # it has just ended
            for child in Path(f"/proc/{below.pop()}/task").glob("*/children"):
                for pid in map(int, child.read_text().split()):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
                    if part := next((one for one in PARTS if one in words), ""):
                        found[part if part not in found else f"{part}-{len(found)}"] = pid
                        below.append(pid)
    return found


def memory(engine: Engine, image: str, folder: Path) -> None:
    """Everything of ours in a container beside a quiet job."""
    runs: dict[str, list[dict[str, float]]] = {"podkeep": [], "supervisord": []}
    if reason := log_rivals.lacking("supervisor"):
        say("container", "supervisord", skipped=reason)
        del runs["supervisord"]
    for run in range(RUNS):
        place = folder / f"memory-{run}"
        with ThreadPoolExecutor() as pool, a_pod(engine, image, place) as (container, workspace):
            began(workspace, 0)
            if rival := "supervisord" in runs:
                other = pool.submit(supervisord, place, "quiet", MEMORY_SECONDS)
            time.sleep(SETTLE_S)
            found = inside(int(container.state()["Pid"]))
            if set(found) != {"tini", *PARTS}:
                raise SystemExit(f"in the container are, of ours: {found}")
            runs["podkeep"].append(measure(found, MEMORY_SECONDS))
            if rival:
                runs["supervisord"].append(other.result())
    for who, lives in runs.items():
        figures = {name: round(median([life[name] for life in lives]), 3) for name in lives[0]}
        say("container", who, job="quiet", **figures, runs=RUNS)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="podkeep-bench-") as name:
        folder = Path(name)
        try:
            with (
                found_or_started(folder / "engine", dict(os.environ)) as engine,
                built(engine, folder) as image,
            ):
                whole, base = megabytes(engine, image), megabytes(engine, BASE)
                say("container", "podkeep", added_mb=round(whole - base), whole_mb=round(whole))
                starts(engine, image, folder)
                memory(engine, image, folder)
        except (NoEngine, root.Impossible) as reason:
            say("container", "podkeep", skipped=str(reason))


if __name__ == "__main__":
    main()
