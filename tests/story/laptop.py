"""A laptop of one's own: the real pod-client as a program, and one `up` with what came of it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.live import PATIENCE_S, Simulator, wait_for

TRAINER = Path(__file__).parent.parent / "programs" / "trainer.py"
CLIENT = str(Path(sys.executable).with_name("pod-client"))
JOB = "story"


@dataclass(frozen=True, slots=True)
class Laptop:
    """Where a person sits: a home, a repository, and pod-client."""

    env: dict[str, str]
    repo: Path
    source: str = ""  # where pods fetch the code; the repository's own folder where there is nothing else
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def state(self) -> Path:
        return Path(self.env["XDG_STATE_HOME"]) / "podkeep" / "sim"

    def start_simulator(self) -> None:
        """One that is not there is started by any command."""
        assert self.client("ps").returncode == 0

    def unhurried(self) -> Self:
        """With a RunPod that kills a minute after TERM: what ends by itself does so on a busy machine too."""
        found = Simulator.at(self.state)
        if found is not None:
            found.call("POST", "/sim/shutdown")
            wait_for("the simulator has gone", lambda: not answers(self.state))
        self.run_simulator("--grace", "60")
        return self

    def run_simulator(self, *options: str) -> None:
        """One with these options, where any command looks for it."""
        self.state.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "pod_sim", "--state", str(self.state), *options]
        with (self.state / "server.log").open("ab") as log:
            program = subprocess.Popen(argv, env=self.simulator_env, stdout=log, stderr=log)
        self.started.append(program)
        wait_for("a simulator", lambda: answers(self.state) or program.poll() is not None)
        assert program.poll() is None, Path(self.state / "server.log").read_text()

    @property
    def simulator_env(self) -> dict[str, str]:
        return self.env

    @property
    def simulator(self) -> Simulator:
        found = Simulator.at(self.state)
        assert found, "no simulator runs"
        return found

    def client(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        argv = [CLIENT, arguments[0], "--local", *arguments[1:]]
        return subprocess.run(
            argv, env=self.env, cwd=self.repo, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def up(self, *more: str, steps: int = 60, waits: Sequence[int] = (), last_words: bool = False) -> Story:
        """Start the training and follow it, as the person would; it waits at these steps for `Story.goes_on`."""
        command = f"python3 trainer.py --steps {steps} --pause 0.05"
        command += " --last-words" if last_words else ""
        command += f" --wait-at {' '.join(map(str, waits))}" if waits else ""
        argv = [
            CLIENT,
            "up",
            "--local",
            "--job",
            JOB,
            "--repo",
            self.source or str(self.repo),
            "--command",
            command,
        ]
        return self.start(*argv, "--resume", "--resume {checkpoint}", *more, steps=steps)

    def follow(self, story: Story) -> Story:
        """`logs --follow`, as whoever comes back to it would; what they see takes the place of what `up` showed."""
        return self.start(CLIENT, "logs", "--local", JOB, "--follow", steps=story.steps)

    def start(self, *argv: str, steps: int = 0) -> Story:
        """Any `up`, as the person would type it."""
        said, told = (self.repo.parent / name for name in ("up.out", "up.err"))
        with said.open("wb") as out, told.open("wb") as err:
            program = subprocess.Popen(argv, env=self.env, cwd=self.repo, stdout=out, stderr=err)
        self.started.append(program)
        return Story(self, program, said, told, steps)


@dataclass(frozen=True, slots=True)
class Story:
    """One `up` and what came of it."""

    laptop: Laptop
    program: subprocess.Popen[bytes]
    said: Path
    told: Path
    steps: int

    @property
    def log(self) -> str:
        return self.said.read_text(errors="replace")

    def status(self) -> dict[str, Any]:
        """`status --json`; the pod's own part of it is under "status", the job under "job" for brevity."""
        done = self.laptop.client("status", JOB, "--json")
        said = json.loads(done.stdout) if done.returncode == 0 else {}
        return {**said, "job": (said.get("status") or {}).get("job")}

    def reaches(self, step: int, within_s: float = PATIENCE_S) -> None:
        """Wait until the trainer has printed this step."""
        wait_for(
            f"step {step}; up said:\n{self.told.read_text()}",
            lambda: f"\nstep {step}\n" in self.log or self.program.poll() is not None,
            within_s,
        )
        assert self.program.poll() is None, f"up ended early:\n{self.told.read_text()}\n{self.log}"

    def waits(self, step: int) -> tuple[str, int]:
        """The training waits at this step and has a whole checkpoint; the pod's id and its pid inside the pod."""
        self.reaches(step)
        status = wait_for("a whole checkpoint in the status", self._with_checkpoint)
        return status["id"], status["job"]["attempts"][-1]["pid"]

    def goes_on(self, pod: str, pid: int) -> None:
        """End the wait."""
        self.laptop.simulator.kill(pod, pid, signal.SIGUSR1)

    def _with_checkpoint(self) -> dict[str, Any] | None:
        status = self.status()
        job = status.get("job")
        return status if job and job["checkpoint"] and job["attempts"] else None

    def process(self, pod: str, words: str) -> int:
        """The pid inside the pod of the process whose command line holds these words."""
        listed = self.laptop.simulator.call("GET", f"/sim/pods/{pod}/processes")[1]
        listed = listed["processes"] if isinstance(listed, dict) else listed
        found = [process["pid"] for process in listed if words in process["command"]]
        assert found, f"no '{words}' among {listed}"
        return found[0]

    def ends(self, within_s: float = PATIENCE_S) -> int:
        """Wait for the client's end; its exit code."""
        return self.program.wait(within_s)

    def starts(self) -> list[int]:
        """The step at which each attempt began, in the trainer's own words."""
        return [int(step) for step in re.findall(r"^starting at step (\d+)$", self.log, re.MULTILINE)]

    def evidence(self) -> str:
        """What a person would look at: the client's words, the end of the log, every pod's console."""
        simulator = self.laptop.simulator
        consoles = [simulator.call("GET", f"/sim/pods/{pod}/console")[1] for pod in simulator.pods()]
        return "\n".join([self.told.read_text(), *self.log.splitlines()[-15:], *map(str, consoles)])

    def assert_good_end(self, attempts: int = 1, code: int = 0) -> None:
        """Every invariant of a story that ends well."""
        assert self.ends() == code, self.evidence()
        starts = self.starts()
        assert len(starts) == attempts, self.evidence()
        assert starts[0] == 0
        assert all(step > 0 and step % 5 == 0 for step in starts[1:]), starts
        steps = [int(step) for step in re.findall(r"^step (\d+)$", self.log, re.MULTILINE)]
        assert set(steps) == set(range(1, self.steps + 1)), "a line of the log is missing"
        assert f"done at step {self.steps}\n" in self.log
        wait_for("the one pod is off by itself", self._only_pod_is_off)

    def _only_pod_is_off(self) -> bool:
        """`logs --follow` ends with the job's end, a moment before the pod has been stopped."""
        return self.laptop.simulator.only_pod_is_off()


def with_repository(place: Path, env: dict[str, str]) -> Path:
    """A new repository that holds trainer.py."""
    place.mkdir(parents=True)
    shutil.copy(TRAINER, place)
    for command in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "A trainer"]):
        subprocess.run(["git", *command], cwd=place, env=env, check=True)
    return place


@contextmanager
def in_use(mine: Laptop) -> Iterator[Laptop]:
    """At the end its simulator and all pods are ended."""
    try:
        yield mine
    finally:
        for program in mine.started:
            if not _is_simulator(program):
                program.kill()  # a follower of a failed test would follow for ever
                program.wait()
        if not answers(mine.state) and list((mine.state / "pods").glob("*/pod.json")):
            mine.start_simulator()  # a test that failed while its simulator was away: a new one ends the pods
        found = Simulator.at(mine.state)
        if found:
            found.end()
        for program in mine.started:
            program.wait(60)


def _is_simulator(program: subprocess.Popen[bytes]) -> bool:
    return isinstance(program.args, list) and "pod_sim" in program.args


def answers(state: Path) -> bool:
    """Whether a simulator is there: one that was killed may lie unburied, and has a pid still."""
    found = Simulator.at(state)
    try:
        return found is not None and found.call("GET", "/sim/health")[0] == 200
    except OSError:
        return False
