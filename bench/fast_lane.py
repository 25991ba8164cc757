"""From TERM at the entrypoint until the training's handler runs, *interrupted* is on disk, and the entrypoint is gone.

``python bench/fast_lane.py``. A pod that is stopped has five seconds. The rivals hand TERM on and wait for the same
training: a shell's trap under tini, which is what `docker stop` meets in a hand-made image, and supervisord. Neither
keeps a record. Not here: what happens to the job in each phase (docs/ending.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measured import RUNS, median, program, say, wait_until
from pod import JOB, TOKEN, Pod

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRAINING = """
import os, signal, sys, time
stubborn = "stubborn" in sys.argv
def hear(*_):
    now = time.clock_gettime(time.CLOCK_REALTIME)
    with open(sys.argv[1] + ".draft", "w") as file:
        file.write(repr(now))
    os.rename(sys.argv[1] + ".draft", sys.argv[1])
    if not stubborn:
        os._exit(0)
signal.signal(signal.SIGTERM, hear)
print("ready", flush=True)
while True:
    time.sleep(0.2)
"""
LEFTOVER = "(trap '' TERM; exec sleep 600) & "
SERVICE_S = 4.0  # HTTP and what follows it have been up, as in any real run


class Times:
    """One run's figures, in milliseconds from TERM on."""

    def __init__(self, heard: float, kept: float | None, gone: float) -> None:
        self.heard, self.kept, self.gone = heard, kept, gone


def training(folder: Path, *words: str) -> str:
    """The shell text of a training that writes down when its handler ran."""
    script = folder / "training.py"
    script.write_text(TRAINING)
    return "exec " + shlex.join([sys.executable, "-S", str(script), str(folder / "heard"), *words])


class Ear(threading.Thread):
    """Looks every millisecond or so for the first moment at which a fact holds."""

    def __init__(self, fact: Callable[[], bool]) -> None:
        super().__init__(daemon=True)
        self._fact = fact
        self.at: float | None = None
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.001):
            if self._fact():
                self.at = time.time()
                return


def told(pid: int, gone: Callable[[], object], heard: Path, kept: Callable[[], bool] | None) -> Times:
    """TERM this process, and write down what follows."""
    ear = Ear(kept) if kept else None
    if ear:
        ear.start()
    began = time.time()
    os.kill(pid, signal.SIGTERM)
    gone()
    ended = time.time()
    if ear:
        ear.over.set()
        ear.join()
    at = None if ear is None or ear.at is None else (ear.at - began) * 1000
    return Times((float(heard.read_text()) - began) * 1000, at, (ended - began) * 1000)


def is_interrupted(state: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        ending = json.loads(state.read_bytes())["ending"]
        return ending is not None and ending["outcome"] == "interrupted"
    return False


@contextlib.contextmanager
def follower(pod: Pod) -> Iterator[None]:
    """Somebody who asked for the log and never reads."""
    port = int(pod.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as line:
        ask = f"GET /logs?offset=0&follow=1 HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        line.sendall(ask.encode())
        yield


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """So many programs that want a core each."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(program([sys.executable, "-S", "-c", "while True: pass"]))
        yield


def ours(
    folder: Path, *words: str, before: str = "", deaf: bool = False, busy: int = 0, **more: str
) -> Times:
    """A real entrypoint, agent, keeper and training."""
    with Pod(folder, before + training(folder, *words), **more) as pod:
        pod.start()
        wait_until("HTTP is up", pod.answers)
        log = pod.workspace / ".podkeep" / "jobs" / JOB / "log"
        wait_until("the training listens", lambda: b"\nready\n" in log.read_bytes())
        time.sleep(SERVICE_S)
        state = pod.workspace / ".podkeep" / "jobs" / JOB / "state.json"
        with follower(pod) if deaf else contextlib.nullcontext(), load(busy):
            time.sleep(1.0 if busy else 0.1)
            entrypoint = pod.parts["entrypoint"]
            found = told(entrypoint, pod.wait, folder / "heard", lambda: is_interrupted(state))
        wait_until("nothing of it is left", lambda: not pod.others())
        return found


def tini(folder: Path) -> Times:
    """tini, a shell, and its trap."""
    shell = (
        f"{training(folder).removeprefix('exec ')} >{folder}/log & child=$!; trap 'kill -TERM $child' TERM; "
    )
    argv = ["tini", "-s", "--", "bash", "-c", shell + "wait $child; wait $child"]
    with program(argv, stderr=subprocess.DEVNULL) as running:
        log = folder / "log"
        wait_until("the training listens", lambda: log.exists() and b"ready" in log.read_bytes())
        return told(running.pid, running.wait, folder / "heard", None)


def supervisord(folder: Path) -> Times:
    """supervisord with one program."""
    config = folder / "supervisor.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={folder}/s.log\npidfile={folder}/s.pid\n"
        f"[program:job]\ncommand={training(folder).removeprefix('exec ')}\nautorestart=false\nstartsecs=0\n"
        f"stdout_logfile={folder}/log\nstdout_logfile_maxbytes=0\n"
    )
    with program(["supervisord", "-c", str(config)], stdout=subprocess.DEVNULL) as running:
        log = folder / "log"
        wait_until("the training listens", lambda: log.exists() and b"ready" in log.read_bytes())
        return told(running.pid, running.wait, folder / "heard", None)


def measure(who: str, once: Callable[[Path], Times], runs: int, **more: str) -> None:
    found: list[Times] = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as name:
            found.append(once(Path(name)))
    figures: dict[str, object] = {}
    for what in ("heard", "kept", "gone"):
        values = [value for one in found if (value := getattr(one, what)) is not None]
        if values:
            figures[f"{what}_ms"] = round(median(values), 1)
            figures[f"{what}_worst_ms"] = round(max(values), 1)
    say("fast_lane", who, **more, **figures)


CASES: dict[str, Callable[[Path], Times]] = {
    "ends at once": ours,
    "ends at once, with a follower who does not read": lambda folder: ours(folder, deaf=True),
    "ends at once, 8 busy programs beside it": lambda folder: ours(folder, busy=8),
    "ignores it": lambda folder: ours(folder, "stubborn"),
    "ignores it, leftovers too, a deaf follower, 8 busy programs": lambda folder: ours(
        folder, "stubborn", before=LEFTOVER, deaf=True, busy=8
    ),
}


def main(only: str = "") -> None:
    for who, once in (("tini and a shell", tini), ("supervisord", supervisord)):
        if shutil.which(who.partition(" ")[0]) is None:
            say("fast_lane", who, skipped=f"no {who.partition(' ')[0]} here")
            continue
        measure(who, once, RUNS, case="ends at once")
    for case, once in CASES.items():
        if only in case:
            measure("podkeep", once, RUNS, case=case)


if __name__ == "__main__":
    main(*sys.argv[1:])
