"""Jobs that cannot be, asked for as a template's user would: a clear outcome with a remedy, and the pod goes off."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import promises
from tests.live import wait_for
from tests.story.bare_agent import BareAgent, take_apart
from tests.story.templates import JOB, Left, TemplatePod, odd_workspace, quick_python

pytestmark = pytest.mark.slow
PROGRAMS = Path(__file__).parent.parent / "programs"
CAUSES = promises.by_cause()


@pytest.fixture
def repo(tmp_path, clean_environment):
    """A repository whose only commit asks for a package that does not exist."""
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "requirements.txt").write_text("podkeep-there-is-no-such-package==1.0\n")
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "A wish"]):
        subprocess.run(["git", *words], cwd=folder, env=clean_environment, check=True)
    return folder


def end_of(simulator, *, watched: bool = True, **env: str) -> Left:
    """Make a pod with these variables; what it leaves once it has switched itself off."""
    pod = TemplatePod.create(simulator, {"POD_COMMAND": "true", **env})
    seen = pod.told_its_end() if watched else None
    pod.switches_itself_off(watched=watched)
    left = pod.left(env.get("POD_JOB", JOB))
    assert left.folder.is_dir(), pod.console()
    assert left.stopped_itself, left.journal
    if seen is not None:
        told = {name: seen["job"][name] for name in ("outcome", "reason", "remedy")}
        assert told == {name: left.job[name] or None for name in told}
    last = left.log.decode().splitlines()[-1]
    assert last.startswith(f"podkeep: {left.job['outcome']}: {left.job['reason']}"), last
    return left


def test_an_empty_repository(simulator, tmp_path, clean_environment):
    """A repository without a commit fails the job by name."""
    empty = tmp_path / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", str(empty)], env=clean_environment, check=True)
    left = end_of(simulator, POD_REPO=str(empty))
    CAUSES["a repository without a commit"].assert_kept_by(left.job)
    assert left.state["attempts"] == []


def test_a_ref_that_is_not_there(simulator, repo):
    """A misspelt branch fails the job and the remedy names the branches there are."""
    left = end_of(simulator, POD_REPO=str(repo), POD_REF="mian")
    CAUSES["no such branch, tag or commit"].assert_kept_by(left.job)
    assert left.job["remedy"].endswith("main")


def test_requirements_that_nobody_can_resolve(simulator, repo):
    """A package that does not exist fails the job with pip's words in the log and the package in the reason."""
    left = end_of(simulator, POD_REPO=str(repo), PIP_NO_INDEX="1")
    CAUSES["a package that does not exist"].assert_kept_by(left.job)
    assert "podkeep-there-is-no-such-package==1.0" in left.job["reason"]
    assert b"No matching distribution" in left.log


def test_a_command_that_is_not_there(simulator):
    """A misspelt program fails the job; the shell's words are in the log."""
    left = end_of(simulator, POD_COMMAND="pyhton train.py")
    CAUSES["exit code 127"].assert_kept_by(left.job)
    assert b"pyhton: command not found" in left.log


def test_success_without_a_word(simulator):
    """Exit code 0 without output is a success with a warning, also where nobody watches."""
    left = end_of(simulator, watched=False, POD_COMMAND="true")
    promises.by_program()["exits_silently.sh"].assert_kept_by(left.job)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("POD_MAX_HOUR", "2", "POD_MAX_HOURS"),
        ("POD_MAX_HOURS", "-1", "must not be negative"),
        ("POD_MAX_RESTARTS", "-3", "must not be negative"),
        ("POD_IDLE_MINUTES", "-0.5", "must not be negative"),
    ],
)
def test_a_wrong_setting(simulator, name, value, words):
    """A misspelt variable or a negative number fails the job before anything runs; field and remedy are named."""
    left = end_of(simulator, POD_COMMAND="touch /workspace/ran", **{name: value})
    CAUSES["a setting is wrong"].assert_kept_by(left.job)
    assert name in left.job["reason"]
    assert words in left.job["reason"]
    assert not (left.folder.parents[2] / "ran").exists()


def test_a_misspelt_command_variable(simulator):
    """Without POD_COMMAND there would be no job; one letter off is a mistake and not an idle pod."""
    pod = TemplatePod.create(simulator, {"POD_COMAND": "python train.py", "POD_MAX_HOURS": "-2"})
    pod.switches_itself_off()
    reason = pod.left().job["reason"]
    assert "POD_COMAND" in reason
    assert "POD_COMMAND" in reason
    assert "POD_MAX_HOURS" in reason


def test_up_says_what_to_do(laptop):
    """Who follows such a job sees reason and remedy in the receipt; the exit code is 1 and the pod is off."""
    story = laptop.up("--ref", "mian")
    promised = CAUSES["no such branch, tag or commit"]
    assert story.ends() == 1, story.evidence()
    told = story.told.read_text()
    assert promised.reason in told
    assert promised.remedy in told
    wait_for("it is off", laptop.simulator.only_pod_is_off)


def in_odd_workspace(simulator, kind: str, command: str, **env: str) -> Path:
    """Run a job in such a workspace; the folder with what was on its disks when the pod went off."""
    asked = {"POD_WORKSPACE": "/workspace/job", "POD_COMMAND": command, **env}
    pod = TemplatePod.create(simulator, asked, odd_workspace(kind))
    pod.switches_itself_off()
    after = pod.mount / "after"
    assert (after / "all").exists(), pod.console()
    return after


@pytest.mark.parametrize("kind", ["file", "readonly", "full"])
def test_an_unwritable_workspace(simulator, kind):
    """Outcome and log are on the container's disk; nothing runs, and nothing in the workspace was touched."""
    after = in_odd_workspace(simulator, kind, "touch /workspace/ran")
    left = Left(after / "disk" / "jobs" / JOB)
    CAUSES["the workspace takes no file"].assert_kept_by(left.job)
    assert left.log.decode().startswith("podkeep: failed: cannot write to the workspace /workspace/job")
    assert not (after.parent / "ran").exists()
    if kind == "file":
        assert (after / "workspace").read_text() == "mine\n"
    if kind == "full":
        assert (after / "filler").stat().st_size > 0


def test_an_unwritable_workspace_can_be_asked_about(tmp_path):
    """While such a pod lives, its status and its log are served as any other's."""
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / ".podkeep").write_text("mine")
    with BareAgent(tmp_path, POD_JOB=JOB, POD_COMMAND="true", POD_ON_FAILURE="keep") as agent:
        CAUSES["the workspace takes no file"].assert_kept_by(agent.end_of(JOB))
        status, log = agent.call("GET", f"/jobs/{JOB}/logs")
        assert status == 200
        assert log.startswith(b"podkeep: failed: cannot write to the workspace")
        assert b'"outcome":"failed"' in agent.call("GET", "/events")[1]


def test_a_disk_that_fills_up(simulator, tmp_path):
    """A job that fills its small disk fails by name, and its record and log are on that disk."""
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(PROGRAMS / 'fills_disk.py'))}"
    env = {"PODKEEP_PYTHON": quick_python(tmp_path), "POD_EPHEMERAL": "1"}  # the small disk is one of memory
    after = in_odd_workspace(simulator, "small", command, **env)
    left = Left(after / "workspace" / "jobs" / JOB)
    promises.by_program()["fills_disk.py"].assert_kept_by(left.job)
    output = take_apart(left.log)
    assert output.own.startswith(b"full\n")
    assert output.ending.startswith(b"podkeep: failed: disk full")
    assert left.stopped_itself, left.journal
