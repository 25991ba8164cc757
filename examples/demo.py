"""The main job, shown: a pod on this machine trains, is killed half-way, resumes, and switches itself off.

Run by `make demo`. It uses the client as a person would, and one thing a person cannot: the simulator's kill
route. Nothing is believed that the trainer's own output, the pod's status or the simulator's record does not
say; what is not so is named, and the exit is not zero. With `--break resume` there is no way to resume: that
must fail. With `--image NAME` the pod is a container of that image, on the Docker Engine of this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / ".demo"  # the demo's own home: settings, the simulator, its pods
CLIENT = Path(sys.executable).with_name("pod-client")
JOB = "digits"
PATIENCE_S = 170.0
PATIENCE_WITH_CONTAINERS_S = 400.0  # whose Python has none of the packages yet
LEAST_ACCURACY = 0.95
STEP = re.compile(r"^step (\d+)/(\d+)\b", re.MULTILINE)
BEGAN = re.compile(r"^(?:starting|resumed) at step (\d+)\b", re.MULTILINE)
SEEN = ("--repo", str(ROOT), "--subdir", "examples/digits")  # by a pod that sees this machine's files
SENT = ("--tree", "--subdir", "examples/digits")
ACCURACY = re.compile(r"^held-out accuracy:? ([\d.]+)( ?%)?", re.MULTILINE)


class NotSo(Exception):
    """What was promised and did not happen."""


@dataclass
class Follower:
    """`pod-client up` as a real program: what it prints goes to the screen and is kept."""

    env: dict[str, str]
    broken: bool
    code: tuple[str, ...]  # the options that say where it is
    lines: list[str] = field(default_factory=list)

    def start(self) -> None:
        argv = [str(CLIENT), "up", "--local", "--job", JOB, *self.code]
        argv += ["--command", "python train.py --pace 0.008"]
        argv += ["--max-restarts", "3"] if self.broken else ["--resume", "--resume {checkpoint}"]
        self.program = subprocess.Popen(argv, env=self.env, cwd=HERE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.program.stdout or ():
            self.lines.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def steps(self) -> tuple[int, int]:
        """The newest (step, of how many) that the trainer has printed; (0, 0) before the first."""
        found = STEP.findall(self.text)
        return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)

    def wait(self, deadline: float) -> int:
        try:
            code = self.program.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise NotSo("the job was over in time") from None
        self._reader.join(5)
        return code

    def end(self) -> None:
        if self.program.poll() is None:
            self.program.send_signal(signal.SIGINT)
            self.program.wait(10)


class Pods:
    """The demo's simulator, asked as its account would."""

    def __init__(self) -> None:
        known = json.loads((HERE / "state" / "podkeep" / "sim" / "server.json").read_text())
        self.url, self.key = known["url"], known["key"]

    def call(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - it is our own, on loopback
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", "application/json")
        request.add_header("User-Agent", "podkeep-demo")  # urllib's own is refused, as by RunPod
        request.data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - the same
            return json.loads(answer.read() or b"{}")


def surroundings() -> dict[str, str]:
    """This shell's environment without settings of ours, and a home for all that the client keeps."""
    ours = ("POD_", "RUNPOD_", "PYTHON", "XDG_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    env |= {"XDG_CONFIG_HOME": str(HERE / "config"), "XDG_STATE_HOME": str(HERE / "state")}
    env["PATH"] = f"{CLIENT.parent}{os.pathsep}{env['PATH']}"
    return env


def end_simulator() -> None:
    """End the demo's simulator and every pod of it; there may be none."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        pods = Pods()
        pods.call("POST", "/sim/reset")
        pods.call("POST", "/sim/shutdown")


def begin_with_nothing() -> None:
    """Also without what an earlier demo left for people to look at."""
    end_simulator()
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(exist_ok=True)


@contextlib.contextmanager
def containers(image: str) -> Iterator[None]:
    """The simulator that `--local` will find: its pods are containers."""
    state = HERE / "state" / "podkeep" / "sim"
    argv = [sys.executable, "-m", "pod_sim", "--state", str(state), "--backend", "docker", "--image", image]
    with (HERE / "simulator.log").open("wb") as said:
        program = subprocess.Popen(argv, env=surroundings(), stdout=said, stderr=said)
    try:
        while program.poll() is None and not (state / "server.json").exists():
            time.sleep(0.05)
        if program.poll() is not None:
            raise NotSo(f"a simulator with container pods: {(HERE / 'simulator.log').read_text().strip()}")
        yield
    finally:
        end_simulator()
        program.terminate()
        program.wait(30)
        if os.geteuid() != ROOT.stat().st_uid:  # by sudo: the next demo may be the person's own
            shutil.rmtree(HERE, ignore_errors=True)


def status(env: dict[str, str]) -> tuple[str, dict]:
    """`pod-client status --json`: the pod's id and the job; nothing of either while it cannot say."""
    argv = [str(CLIENT), "status", "--local", JOB, "--json"]
    said = subprocess.run(argv, env=env, cwd=HERE, capture_output=True, text=True, check=False)
    document = json.loads(said.stdout) if said.returncode == 0 else {}
    return document.get("id", ""), (document.get("status") or {}).get("job") or {}


def kill_half_way(follower: Follower, deadline: float) -> str:
    """Signal 9 to the training, from outside the pod, half its steps done and a checkpoint whole."""
    while time.monotonic() < deadline and follower.program.poll() is None:
        step, steps = follower.steps()
        if steps and step >= steps // 2:
            pod_id, job = status(follower.env)
            pid = job["attempts"][-1]["pid"] if job.get("attempts") and job["checkpoint"] else None
            if pod_id and pid:
                Pods().call("POST", f"/sim/pods/{pod_id}/kill", {"pid": pid, "signal": 9})
                step, _ = follower.steps()
                note(f"killed the training from outside (pid {pid}, signal 9) at step {step} of {steps}")
                return pod_id
        time.sleep(0.1)
    how = "up ended before that" if follower.program.poll() is not None else "there was no more time"
    raise NotSo(f"the training came half-way with a whole checkpoint behind it: {how}")


def verify(follower: Follower, code: int, pod: dict, job: dict) -> list[tuple[str, str, bool]]:
    """Every promise, what was seen of it, and whether it was kept."""
    text = follower.text
    began = [int(step) for step in BEGAN.findall(text)]
    resumed = began[1] if len(began) > 1 else None
    accuracy = [float(figure) / (100 if percent else 1) for figure, percent in ACCURACY.findall(text)]
    attempts = job.get("attempts", [])
    ends = [attempt.get("signal") or attempt.get("exit_code") for attempt in attempts]
    return [
        ("one kill, two attempts", f"ended by {', '.join(map(str, ends))}", ends == ["KILL", 0]),
        (
            "resumed, in the trainer's words",
            "it never began again" if resumed is None else f"began again at step {resumed}",
            bool(resumed),
        ),
        (
            f"held-out accuracy ≥ {LEAST_ACCURACY:.0%}",
            f"{accuracy[-1]:.1%}" if accuracy else "never said",
            bool(accuracy) and accuracy[-1] >= LEAST_ACCURACY,
        ),
        ("the client ends with 0", f"exit {code}", code == 0),
        ("the pod switched itself off", pod["status"], pod["status"] == "EXITED"),
    ]


def wait_for_exit(pod_id: str, deadline: float) -> dict:
    """The pod's record once it is off; nobody here asks it to be."""
    while True:
        pod = Pods().call("GET", f"/v2/pods/{pod_id}")
        if pod["status"] == "EXITED" or time.monotonic() > deadline:
            return pod
        time.sleep(0.1)


def receipt(rows: list[tuple[str, str, bool]], seconds: float) -> str:
    """The table at the end."""
    width = max(len(promise) for promise, _, _ in rows)
    lines = [f"  {'✓' if kept else '✗'} {promise:<{width}}   {seen}" for promise, seen, kept in rows]
    return "\n".join(["", *lines, f"    {'from nothing to here':<{width}}   {seconds:.1f} s", ""])


def note(text: str) -> None:
    sys.stderr.write(f"demo: {text}\n")


def show(*, broken: bool, image: str) -> None:
    begin_with_nothing()
    note("no way to resume: this must fail" if broken else "a pod on this machine, as on RunPod")
    with containers(image) if image else contextlib.nullcontext():
        follower = Follower(surroundings(), broken, SENT if image else SEEN)
        follow_through(follower, PATIENCE_WITH_CONTAINERS_S if image else PATIENCE_S)


def follow_through(follower: Follower, patience_s: float) -> None:
    began = time.monotonic()
    deadline = began + patience_s
    follower.start()
    try:
        pod_id = kill_half_way(follower, deadline)
        code = follower.wait(deadline)
        rows = verify(follower, code, wait_for_exit(pod_id, time.monotonic() + 10), status(follower.env)[1])
    finally:
        follower.end()
        end_simulator()
    sys.stdout.write(receipt(rows, time.monotonic() - began))
    sys.stdout.flush()  # before what stderr says about it, also into a file
    if broken_promises := [f"{promise}: {seen}" for promise, seen, kept in rows if not kept]:
        raise NotSo("; ".join(broken_promises))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--break", dest="broken", choices=["resume"], help="take something away; the demo must fail"
    )
    parser.add_argument("--image", default="", help="the pod is a container of this image")
    asked = parser.parse_args()
    if not (ROOT / ".git").exists():
        note("cannot show it: this is no git checkout, and the pod clones one; get it by git clone")
        return 2
    try:
        show(broken=asked.broken is not None, image=asked.image)
    except (NotSo, OSError) as finding:
        note(f"NOT SO: {finding}")
        return 1
    note("all of it is so")
    return 0


if __name__ == "__main__":
    sys.exit(main())
