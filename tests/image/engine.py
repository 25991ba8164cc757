"""A Docker Engine for tests: the one that runs, else one of our own in a folder, shared by all workers of a test run.

Its last user ends it, by its pid. Containers are on the host's network: our own engine has no bridge.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.live import wait_for

OURS = re.compile(r"(/.*/(?:pytest-\d+|podkeep-bench-\w+)/engine)/(?:data-root|exec-root)(?:/.*)?")
BUILDS_BY_ITSELF = 23  # from this release on, the docker program needs buildx to build


class NoEngine(Exception):
    """Neither runs one nor can one be started; the reason is for whoever runs the tests."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The docker program and what it needs to find its engine."""

    program: str
    env: Mapping[str, str]

    def run(
        self, *words: str, check: bool = True, text: str | None = None, limit_s: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """One command of docker's; its output is caught."""
        done = subprocess.run(
            [self.program, *words],
            env=dict(self.env),
            input=text,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=False,
        )
        assert not check or done.returncode == 0, f"docker {' '.join(words)}: {done.stdout}{done.stderr}"
        return done

    def start(self, *words: str, **streams: IO[bytes] | int) -> subprocess.Popen[bytes]:
        return subprocess.Popen([self.program, *words], env=dict(self.env), **streams)

    def has(self, image: str) -> bool:
        return self.run("image", "inspect", image, check=False).returncode == 0

    def answers(self) -> bool:
        return self.run("info", check=False, limit_s=60).returncode == 0


def environment(env: Mapping[str, str], address: str | None = None) -> dict[str, str]:
    """What the docker program is given of this machine's environment."""
    kept = {name: env[name] for name in ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG") if name in env}
    kept |= {name: value for name, value in env.items() if name.lower().endswith("_proxy")}
    return kept | {"DOCKER_BUILDKIT": "1"} | ({"DOCKER_HOST": address} if address else {})


def builder(env: Mapping[str, str]) -> str:
    """The first docker program on the PATH that can build: with buildx, or old enough to need none."""
    for folder in env.get("PATH", "").split(os.pathsep):
        program = str(Path(folder) / "docker")
        if os.access(program, os.X_OK) and _builds([program], env):
            return program
    raise NoEngine("no docker program that can build is on the PATH: apt-get install docker.io")


def _builds(program: Sequence[str], env: Mapping[str, str]) -> bool:
    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*program, *words], env=env, capture_output=True, text=True, check=False)

    if ask("buildx", "version").returncode == 0:
        return True
    major = ask("version", "-f", "{{.Client.Version}}").stdout.partition(".")[0]
    return major.isdecimal() and int(major) < BUILDS_BY_ITSELF


@contextlib.contextmanager
def found_or_started(folder: Path, env: Mapping[str, str]) -> Iterator[Engine]:
    """The engine, for as long as one needs it. ``folder`` is the same for all workers of a test run."""
    running = Engine(builder(env), environment(env))
    if running.answers():
        yield running
        return
    if os.geteuid() != 0 or shutil.which("dockerd", path=env.get("PATH")) is None:
        raise NoEngine(
            "no Docker Engine runs, and starting one takes root and dockerd: apt-get install docker.io"
        )
    own = Engine(running.program, environment(env, f"unix://{folder}/sock"))
    with _shared(folder, own):
        yield own


@contextlib.contextmanager
def _shared(folder: Path, engine: Engine) -> Iterator[None]:
    """The first user starts it, the last one ends it; a user that dies lets go of its lock by dying."""
    import fcntl  # noqa: PLC0415 - this module is imported on Windows too, where no engine is started

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".users").open("w") as users, folder.with_suffix(".gate").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if not engine.answers():
                start(folder, engine)
            fcntl.flock(gate, fcntl.LOCK_UN)
            yield
        finally:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(users, fcntl.LOCK_UN)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                end(folder, engine)


def start(folder: Path, engine: Engine) -> None:
    for other in left_behind() - {folder}:
        sweep(other, engine)
    folder.mkdir(exist_ok=True)
    options = [f"--{name}={folder / name}" for name in ("data-root", "exec-root", "pidfile")]
    options += ["--iptables=false", "--ip6tables=false", "--bridge=none", "-H", f"unix://{folder}/sock"]
    alone = 'setsid dockerd "$@" </dev/null >>"$0" 2>&1 &'  # nobody's child: another worker may end it
    subprocess.run(["bash", "-c", alone, str(folder / "log"), *options], env=dict(engine.env), check=True)
    try:
        wait_for("dockerd answers", engine.answers, every_s=0.3)
    except AssertionError as error:
        said = (folder / "log").read_text(errors="replace")[-3000:]
        raise NoEngine(f"dockerd does not come up: {said}") from error


def left_behind() -> set[Path]:
    """Folders of engines of ours, of test runs that live or were killed: by what is mounted there, and by processes."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    places += [word.removeprefix("--data-root=") for words in command_lines().values() for word in words]
    return {Path(hit[1]) for place in places if (hit := OURS.fullmatch(place))}


def command_lines() -> dict[int, list[str]]:
    """Of every process, by its pid."""
    found: dict[int, list[str]] = {}
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found[int(place.parent.name)] = place.read_bytes().decode("utf-8", "replace").split("\0")
    return found


def sweep(folder: Path, engine: Engine) -> None:
    """What a killed test run left there is ended; one whose users live, as their lock says, is left alone."""
    import fcntl  # noqa: PLC0415 - as above

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".users").open("a") as users, contextlib.suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        end(folder, Engine(engine.program, {**engine.env, "DOCKER_HOST": f"unix://{folder}/sock"}))


def end(folder: Path, engine: Engine) -> None:
    """Containers first, then the daemon by its pid, then what it left running, mounted or lying about."""
    if left := engine.run("ps", "-aq", check=False).stdout.split():
        engine.run("rm", "-f", *left, check=False)
    pidfile = folder / "pidfile"
    with contextlib.suppress(OSError, ValueError):
        pid = int(pidfile.read_text())
        words = command_lines().get(pid, [])
        if f"--pidfile={pidfile}" in words:  # the file may be older than who has its pid
            os.kill(pid, signal.SIGTERM)
            try:
                wait_for("dockerd has gone", lambda: not pidfile.exists())
            except AssertionError:
                os.kill(pid, signal.SIGKILL)
    for pid, words in command_lines().items():  # of a daemon that was killed: containerd, its shims
        if any(word.startswith(f"{folder}/exec-root/") for word in words):
            _end_with_children(pid)
    inside = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in sorted((place for place in inside if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", mount], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _end_with_children(pid: int) -> None:
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for one in (*map(int, children), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
