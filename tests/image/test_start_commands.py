"""Real containers of the image with the start commands that people write: each is a job, or means waiting."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.fakes.package_index import PackageIndex
from tests.image.container import Container
from tests.image.fixtures import ROOT
from tests.image.pod import runpod, told
from tests.live import wait_for

__all__ = ["runpod"]  # a fixture
pytestmark = pytest.mark.docker

EXIT = {"POD_ON_FINISH": "exit", "POD_ON_FAILURE": "exit"}
HEALTH = ("/opt/podkeep/bin/python", "-I", "-S", "/opt/podkeep/share/podkeep/healthcheck.py")
JOBS = {
    "pod-agent run": (
        ("pod-agent", "run", "--job", "one", "--", "python3", "-c", "print('it', 'trains')"),
        "it trains",
    ),
    "pod-agent, without run": (("pod-agent", "echo", "it trains"), "it trains"),
    "a shell string": (("echo it && echo trains | tr a-z A-Z",), "it\nTRAINS"),
    "an exec array": (
        ("python3", "-c", "import sys; print(sys.argv[1:])", "two words", "$HOME"),
        "['two words', '$HOME']",
    ),
    "bash -c": (("bash", "-c", 'for n in 1 2; do echo "step $n"; done'), "step 1\nstep 2"),
    "a script of the workspace": (("bash", "/workspace/train.sh"), "the script trains"),
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    place = tmp_path / "workspace"
    place.mkdir()
    return place


def log_of(workspace: Path) -> str:
    (log,) = workspace.glob(".podkeep/jobs/*/log")
    return log.read_text()


@pytest.mark.parametrize(("command", "said"), JOBS.values(), ids=JOBS.keys())
def test_a_start_command_is_a_job(engine, built_image, workspace, command, said):
    """What follows the image's name runs as a job: its output is in the log and on the console."""
    (workspace / "train.sh").write_text("echo the script trains\n")
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}, **EXIT) as pod:
        assert pod.ended() == 0, pod.logs()
        assert f"{said}\nEXIT_CODE=0\n" in log_of(workspace)
        assert f"{said}\n" in pod.logs()


WAITING = {
    "nothing": (),
    "sleep infinity": ("sleep", "infinity"),
    "RunPod's start script": ("/start.sh",),
    "sleep infinity in a shell": ("bash", "-c", "sleep infinity"),
}


@pytest.mark.parametrize("command", WAITING.values(), ids=WAITING.keys())
def test_it_waits_for_a_job(engine, built_image, command):
    """Without a job, and with the start commands that mean none, the pod waits, and is healthy."""
    with Container(engine, built_image.id, *command) as pod:
        status = pod.reaches("waiting")
        assert status["job"] is None
        pod.inside(*HEALTH)
        assert pod.state()["Status"] == "running"


@pytest.mark.parametrize("command", WAITING.values(), ids=WAITING.keys())
def test_what_waits_does_the_environment_s_job(engine, built_image, workspace, command):
    """POD_COMMAND is the job of a pod whose start command is none, or only waits."""
    env = EXIT | {"POD_COMMAND": "echo it trains"}
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}, **env) as pod:
        assert pod.ended() == 0, pod.logs()
        assert "it trains\nEXIT_CODE=0\n" in log_of(workspace)


def test_a_repository_is_trained(engine, built_image, workspace, tmp_path, clean_environment):
    """`pod-agent run --repo … -- python train.py`: the code is fetched, and the command runs in it."""
    repo = tmp_path / "code"
    repo.mkdir()
    (repo / "train.py").write_text("print('the code trains')\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=repo, env=clean_environment, check=True)
    command = ("pod-agent", "run", "--repo", "/code", "--job=one", "--", "python", "train.py")
    mounts = {workspace: "/workspace", repo: "/code:ro"}
    with Container(engine, built_image.id, *command, mounts=mounts, **EXIT) as pod:
        assert pod.ended() == 0, pod.logs()
    assert "the code trains\nEXIT_CODE=0\n" in (workspace / ".podkeep/jobs/one/log").read_text()


def test_a_one_shot_that_fails_stops_its_pod(engine, built_image, workspace, runpod):
    """The container never ends by itself, where RunPod would begin it again: nor does its restart try the job again."""
    command = ("bash", "-c", "echo ran >>/workspace/count; exit 3")
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}, **told(runpod)) as pod:
        wait_for("the stop", lambda: runpod.stops)
        assert pod.status()["job"]["reason"] == "exit code 3"
        assert pod.state()["Status"] == "running"
        asked = len(runpod.stops)
        pod.docker("kill")
        pod.docker("start")
        wait_for("it asks again", lambda: len(runpod.stops) > asked)
        assert pod.status()["job"]["outcome"] == "failed"
        assert (workspace / "count").read_text() == "ran\n"


def test_a_training_begun_by_hand_is_looked_after(engine, built_image, workspace, runpod):
    """`pod-agent after PID` on a waiting pod: its log is served, and only its end stops the pod."""
    train = "python3 -u /programs/trainer.py --steps 4 --pause 0 --wait-at 2"
    begin = f"cd /workspace; {train} >train.log 2>&1 </dev/null & echo $!"
    mounts = {workspace: "/workspace", ROOT / "tests" / "programs": "/programs:ro"}
    with Container(engine, built_image.id, mounts=mounts, **told(runpod)) as pod:
        assert pod.reaches("waiting")["job"] is None
        pid = pod.inside("bash", "-c", begin).strip()
        wait_for("it waits", (workspace / "waited-2").exists)
        pod.inside("pod-agent", "after", pid)
        pod.says("starting at step 0\nstep 1\nstep 2\n")
        assert pod.reaches("running")["job"]["name"] == f"after-{pid}"
        assert runpod.stops == []
        pod.inside("kill", "-USR1", pid)
        wait_for("the stop", lambda: runpod.stops)
        log = pod.get("/logs")[1].decode()
        assert "\nstep 3\nstep 4\ndone at step 4\n" in log
        assert f"process {pid} has ended" in log
        assert pod.status()["job"]["outcome"] == "succeeded"
        assert pod.state()["Status"] == "running"


def test_an_agent_within_the_job_is_none(engine, built_image, workspace):
    """`pip install … && pod-agent run …`: a second agent would take the first one's place; it says what to write."""
    command = ("bash", "-c", "echo before && pod-agent run -- echo never")
    with Container(engine, built_image.id, *command, mounts={workspace: "/workspace"}, **EXIT) as pod:
        assert pod.ended() == 3, pod.logs()
        assert "an agent lives in this container already" in log_of(workspace)
        assert "\nnever\n" not in log_of(workspace)


def test_a_package_and_a_script_as_people_start_them_today(engine, built_image, workspace):
    """`pip install … && bash /workspace/train.sh` installs into the job's environment; the script finds it."""
    (workspace / "train.sh").write_text("set -e\npython -c 'import steplines; print(steplines.WORDS)'\n")
    with PackageIndex() as index:
        index.add("steplines", files={"steplines.py": "WORDS = 'it trains with a package'\n"})
        command = ("bash", "-c", "pip install --quiet steplines && bash /workspace/train.sh")
        with Container(
            engine, built_image.id, *command, mounts={workspace: "/workspace"}, **EXIT, **index.env()
        ) as pod:
            assert pod.ended() == 0, pod.logs()
    assert "it trains with a package\nEXIT_CODE=0\n" in log_of(workspace)


@pytest.mark.parametrize(("code", "seen"), [(0, 0), (3, 3), (255, 255)])
def test_the_container_ends_with_the_jobs_code(engine, built_image, code, seen):
    """Outside RunPod, with no policy set, the container ends by itself, and its exit code is the job's."""
    with Container(engine, built_image.id, "bash", "-c", f"exit {code}") as pod:
        assert pod.ended() == seen, pod.logs()


def test_a_start_command_that_cannot_be_read_says_so(engine, built_image):
    """A misspelt option ends the job failed with its name, and never runs anything."""
    with Container(engine, built_image.id, "pod-agent", "run", "--reppo", "x", "--", "true", **EXIT) as pod:
        assert pod.ended() != 0
        assert "--reppo" in pod.logs()


def test_a_program_that_is_missing_says_so(engine, built_image):
    """A command that is not there fails as a shell's does, with the exit code 127."""
    with Container(engine, built_image.id, "no-such-program", **EXIT) as pod:
        assert pod.ended() == 127, pod.logs()
        assert "command not found" in pod.logs()


def test_docker_sees_its_health(engine, built_image):
    """Docker's own HEALTHCHECK finds a waiting pod healthy."""
    quick = ("--health-interval", "1s", "--health-start-period", "60s")
    with Container(engine, built_image.id, options=quick) as pod:
        wait_for("healthy", lambda: pod.state()["Health"]["Status"] == "healthy")


def test_the_agents_packages_are_not_the_jobs(engine, built_image):
    """A job's Python sees neither the agent's packages nor its commands, but pod-agent."""
    look = 'python3 -c \'import importlib.util as u; print(*map(u.find_spec, ["fastapi", "pod_agent"]))\''
    command = f"{look}; command -v uvicorn hf; command -v pod-agent"
    with Container(engine, built_image.id, "bash", "-c", command, **EXIT) as pod:
        assert pod.ended() == 0, pod.logs()
        assert "None None\n/usr/local/bin/pod-agent\nEXIT_CODE=0" in pod.logs()


def test_examples_run_from_a_mounted_checkout(engine, built_image, workspace):
    """The line of docs/image.md: one's own folder mounted, one's own command, on one's own box."""
    command = ("python3", "/programs/trainer.py", "--steps", "3", "--pause", "0")
    mounts = {workspace: "/workspace", ROOT / "tests" / "programs": "/programs:ro"}
    with Container(engine, built_image.id, *command, mounts=mounts, **EXIT) as pod:
        assert pod.ended() == 0, pod.logs()
        assert "done at step 3\nEXIT_CODE=0\n" in log_of(workspace)
