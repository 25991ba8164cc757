"""Every project of tests/projects on a pod, killed at random and resumed: it ends like its undisturbed run.

The training is held (SIGSTOP) at a random moment, so that its newest checkpoint can be seen whole whatever else
the machine does, and then killed: of what it does, nothing happens between.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import random
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from pod_wire.parse import parse_toml
from tests.fakes.package_index import PackageIndex
from tests.live import wait_for
from tests.projects.table import PROJECTS, Kill, Project
from tests.story import image, project_places
from tests.story.conftest import CLIENT, Story
from tests.story.seen import Seen, dice, note
from tests.story.weights import tensors

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("lightning") is None, reason="tests/torch.txt is not installed"
    ),
]
JOB = "train"
PACE = re.compile(r"(pace[= ])[\d.]+", re.IGNORECASE)
MET_S = 180.0  # packages and imports of a loaded machine are in it
UNSAID = 2  # lines that a kernel or a launcher had not passed on when it was killed


@dataclass(frozen=True, slots=True)
class Alone:
    """The undisturbed run: no pod, no agent, no kill."""

    folder: Path
    program: subprocess.Popen[bytes]

    @classmethod
    def start(cls, project: Project, repo: Path, env: dict[str, str]) -> Alone:
        folder = repo.parent / "undisturbed"
        shutil.copytree(repo, folder)
        spec = parse_toml((repo / "pod.toml").read_text(), JOB).spec
        command = PACE.sub(r"\g<1>0", project.alone or spec.command)
        command = f"{spec.setup} && {command}" if spec.setup else command
        sources = os.pathsep.join(map(str, (project_places.PACKAGES, folder / "src")))
        own = {**env, "PYTHONPATH": sources, "PYTHONUNBUFFERED": "1"}
        with (repo.parent / "undisturbed.log").open("wb") as log:
            words = ["bash", "-o", "pipefail", "-c", command]
            program = subprocess.Popen(
                words, cwd=folder / (spec.subdir or "."), env=own, stdout=log, stderr=log
            )
        return cls(folder, program)

    def ends(self) -> str:
        """Its log."""
        code = self.program.wait(MET_S)
        text = self.folder.with_name("undisturbed.log").read_text(errors="replace")
        assert code == 0, text
        return text


@dataclass(frozen=True, slots=True)
class Training:
    """The project on its pod."""

    project: Project
    story: Story
    pod: Seen
    rng: random.Random

    def numbers(self, attempt: int) -> list[float]:
        """The progress that this attempt has printed."""
        parts = re.split(r"^podkeep: attempt (\d+) of run .*$", self._text(), flags=re.MULTILINE)
        mine = "".join(
            text for number, text in zip(parts[1::2], parts[2::2], strict=True) if int(number) == attempt
        )
        return [float(number) for number in re.findall(self.project.progress, mine, re.MULTILINE)]

    def killed(self, kill: Kill, attempt: int, after: float) -> float:
        """Held at a random moment, killed once a newer checkpoint is known to be whole; how far it had come."""
        first, last = self.project.met
        goal = after + self.rng.uniform(first, last)
        wait_for(f"progress {goal:g}", lambda: self._has(attempt, goal), MET_S, 0.02)
        pid = self.pod.processes(self.project.worker)[-1]
        self._hold(pid)
        self.saved()
        reached = self.numbers(attempt)[-1]
        note(f"{kill} killed at {reached:g}, wanted {goal:g}; checkpoint {self.pod.record()['checkpoint']}")
        if kill is Kill.TRAINING:
            self.pod.simulator.kill(self.pod.id, pid)
        else:
            self.pod.crash("wiped" if kill is Kill.WIPED else "kept")
        return reached

    def _hold(self, pid: int) -> None:
        """Stopped, though not between two files of one save where its framework would not survive it on any machine."""
        while True:
            self.pod.simulator.kill(self.pod.id, pid, signal.SIGSTOP)
            written = [(self.pod.tree / one).stat().st_mtime_ns for one in self.project.pair]
            if written == sorted(written) or self._is_writing(self.pod.tree / self.project.pair[0]):
                return
            self.pod.simulator.kill(self.pod.id, pid, signal.SIGCONT)
            time.sleep(0.05)

    def _is_writing(self, path: Path) -> bool:
        """Amid the first file: a kill there costs that save and no more, which is ours to show."""
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                is_ours = self.project.worker.encode() in (place / "cmdline").read_bytes()
                if is_ours and any(one.samefile(path) for one in (place / "fd").iterdir() if one.exists()):
                    return True
        return False

    def saved(self) -> None:
        """A whole checkpoint of this attempt is in the record."""

        def look() -> bool:
            record = self.pod.record()
            began, place = record["attempts"][-1]["started_at"], record.get("checkpoint")
            return bool(place) and place["seen_at"] > began

        try:
            wait_for("a whole checkpoint", look)
        except AssertionError as error:
            error.add_note(self.story.laptop.client("checkpoints", JOB).stdout)
            raise

    def goes_on(self, attempt: int, reached: float) -> float:
        """The next attempt prints progress that begins neither anew nor beyond what was reached."""
        numbers = wait_for(f"progress of attempt {attempt}", lambda: self.numbers(attempt), MET_S)
        assert self.numbers(1)[0] < numbers[0] <= reached + UNSAID, self._tail()
        return numbers[0]

    def _has(self, attempt: int, goal: float) -> bool:
        assert self.story.program.poll() is None, f"{self.story.told.read_text()}\n{self._tail()}"
        return max(self.numbers(attempt), default=0) >= goal

    def _text(self) -> str:
        try:
            return self.pod.log().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def _tail(self) -> str:
        return self._text()[-3000:]


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """The image's programs."""
    return image.make(tmp_path_factory.mktemp("image") / "venv")


@pytest.fixture
def index():
    """A package index on loopback with the projects' small packages."""
    with PackageIndex() as running:
        project_places.fill(running)
        yield running


@pytest.fixture
def bring(laptop, programs, index):
    """The project as the laptop's repository."""
    laptop.env["PATH"] = f"{programs}{os.pathsep}{laptop.env['PATH']}"

    laptop.env.update(index.env())

    def put(project):
        project_places.lay(project, laptop.repo, laptop.env)
        return laptop

    return put


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.folder)
def test_a_project_ends_like_its_undisturbed_run(bring, project):
    """Killed at random and resumed by the agent, an unchanged project ends as it does on a quiet laptop."""
    laptop = bring(project)
    alone = Alone.start(project, laptop.repo, laptop.env)
    try:
        story = laptop.start(CLIENT, "up", JOB, "--local")
        training = Training(project, story, Seen.only(story, MET_S, JOB), dice(project.folder))
        at = 0.0
        for attempt, kill in enumerate(project.kills, 1):
            reached = training.killed(kill, attempt, at)
            at = training.goes_on(attempt + 1, reached)
        assert story.ends(MET_S) == 0, story.evidence()
        text = alone.ends()
    finally:
        alone.program.kill()
        alone.program.wait()
    pod = training.pod
    assert pod.record()["ending"]["outcome"] == "succeeded"
    assert pod.begun() == list(range(1, len(project.kills) + 2)), "an attempt is lost or begun twice"
    assert story.said.read_bytes() == pod.log()
    assert_same_end(project, training, alone.folder, text)
    pod.stopped()


def assert_same_end(project, training, folder, text):
    """What the table says is compared."""
    counted = [float(number) for number in re.findall(project.progress, text, re.MULTILINE)]
    assert training.numbers(len(project.kills) + 1)[-1] == counted[-1]
    if project.same:
        mine, quiet = tensors(training.pod.tree / project.same), tensors(folder / project.same)
        assert mine.keys() == quiet.keys()
        assert [name for name in quiet if mine[name] != quiet[name]] == []
    if project.metric:
        (mine,) = re.findall(project.metric, training.pod.log().decode(), re.MULTILINE)
        (quiet,) = re.findall(project.metric, text, re.MULTILINE)
        note(f"metric {mine}, undisturbed {quiet}")
        assert abs(float(mine) - float(quiet)) <= project.tolerance
