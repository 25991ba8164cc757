"""The engine of the tests: what a test run that was killed leaves behind is ended by the next one, and only that."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.image import engine as engines
from tests.image.engine import Engine
from tests.live import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.slow]


@pytest.fixture
def own() -> Iterator[tuple[Path, Engine, IO[str]]]:
    """An engine, and the lock that says that it is in use: any test run that begins now would end it otherwise."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("starting an engine takes root and dockerd: apt-get install docker.io")
    env = os.environ.copy()
    with tempfile.TemporaryDirectory(prefix="podkeep") as short:  # a socket's path has a hundred bytes
        folder = Path(short) / "pytest-7" / "engine"
        folder.parent.mkdir()
        made = Engine(engines.builder(env), engines.environment(env, f"unix://{folder}/sock"))
        with folder.with_suffix(".users").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                engines.start(folder, made)
                yield folder, made, users
            finally:
                engines.end(folder, made)


def processes_of(folder: Path) -> list[int]:
    """Whoever names the folder in its command line."""
    return [pid for pid, words in engines.command_lines().items() if str(folder) in " ".join(words)]


def test_a_killed_run_s_engine_is_ended(own):
    """dockerd was killed with its test run: a mount that holds the folder is left, and then nothing."""
    folder, made, users = own
    left = folder / "exec-root" / "netns"
    left.mkdir(exist_ok=True)
    (left / "default").touch()
    subprocess.run(["mount", "--bind", "/proc/self/ns/net", str(left / "default")], check=True)
    dockerd = int((folder / "pidfile").read_text())
    os.kill(dockerd, signal.SIGKILL)
    wait_for("dockerd is gone", lambda: not any(engines.command_lines().get(dockerd, [])))
    assert folder in engines.left_behind()
    users.close()
    engines.sweep(folder, made)
    wait_for("nobody is left", lambda: processes_of(folder) == [])
    assert folder not in engines.left_behind()
    assert not folder.exists()


def test_an_engine_outlives_the_test_that_began_it(own):
    """runc keeps files in XDG_RUNTIME_DIR: a folder of one test's home must not become that of every later one."""
    folder, _, _ = own
    dockerd = int((folder / "pidfile").read_text())
    told = Path(f"/proc/{dockerd}/environ").read_bytes().split(b"\0")
    assert [word for word in told if word.startswith(b"XDG_")] == []
    assert os.environ["XDG_RUNTIME_DIR"]


def test_an_engine_in_use_is_left_alone(own):
    """Another test run holds its lock; once that is gone, living or killed, its engine is ended too."""
    folder, made, users = own
    engines.sweep(folder, made)
    assert made.answers()
    users.close()
    engines.sweep(folder, made)
    assert not made.answers()
    wait_for("nobody is left", lambda: processes_of(folder) == [])


def test_a_stranger_with_the_daemon_s_number_is_left_alone(tmp_path):
    """A pidfile of a daemon that died long ago may name somebody else by now."""
    folder = tmp_path / "pytest-7" / "engine"
    folder.mkdir(parents=True)
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (folder / "pidfile").write_text(str(stranger.pid))
        env = os.environ.copy()
        engines.sweep(folder, Engine(engines.builder(env), engines.environment(env)))
        assert stranger.poll() is None
        assert not folder.exists()
    finally:
        stranger.kill()
        stranger.wait()
