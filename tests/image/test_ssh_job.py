"""A login into a container whose job has a repository and packages: in its folder, and with its environment."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.agent.agent_process import free_port
from tests.agent.ssh_place import Terminal
from tests.fakes.package_index import PackageIndex
from tests.image.container import Container
from tests.image.entered import LACKING, Entered, public_keys
from tests.live import wait_for

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(bool(LACKING), reason=f"needs openssh-client and rsync: {LACKING}"),
]
COMMAND = "pod-agent run --repo /code --subdir project --job=one -- python train.py"
FOLDER = "/workspace/one/project"
TRAIN = """
import json, os, shutil, steplines, time
print("TOLD", json.dumps([os.getcwd(), shutil.which("python"), steplines.WORDS]), flush=True)
time.sleep(3600)
"""
WORDS = "of the package that is required"
IMPORT = "python -c 'import steplines; print(steplines.WORDS)'"


@pytest.fixture
def code(tmp_path: Path, clean_environment: dict[str, str]) -> Path:
    """A repository whose training lies in a folder of it, beside what it requires."""
    repo = tmp_path / "code"
    (repo / "project").mkdir(parents=True)
    (repo / "project" / "train.py").write_text(TRAIN)
    (repo / "project" / "requirements.txt").write_text("steplines\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=repo, env=clean_environment, check=True)
    return repo


def told_by(pod: Container) -> tuple[str, str, str]:
    """Folder, Python and package as the training itself has them."""
    pod.says(f'"{WORDS}"]\n')
    line = pod.get("/logs")[1].decode().partition("TOLD ")[2].partition("\n")[0]
    folder, python, words = json.loads(line)
    return folder, python, words


def is_told_by_the_agent(pod: Container) -> bool:
    """Whether the files of a login are the living agent's, and hold the training's environment."""
    files = [pod.inside("cat", f"/run/podkeep/ssh/{name}", check=False) for name in ("facts", "environment")]
    return f"pk_agent='{pod.agent()}'" in files[0] and "PYTHONUNBUFFERED" in files[1]


def test_a_login_has_the_job_s_folder_and_environment(engine, built_image, tmp_path, code):
    """Its Python and packages for a command, its checkout too in tmux; also when the agent was killed and came back."""
    workspace, port = tmp_path / "workspace", free_port()
    workspace.mkdir()
    key = public_keys(tmp_path, "mine")["mine"]
    mounts = {workspace: "/workspace", code: "/code:ro"}
    env = {"RUNPOD_POD_ID": "abc123", "POD_RUNPOD_URL": "http://127.0.0.1:9/v2", "PUBLIC_KEY": key}
    env["PODKEEP_SSH_PORT"] = f"127.0.0.1:{port}"
    with PackageIndex() as index:  # on the host's loopback, so the container is on the host's network
        index.add("steplines", files={"steplines.py": f"WORDS = {WORDS!r}\n"})
        with Container(engine, built_image.id, *COMMAND.split(), mounts=mounts, **env, **index.env()) as pod:
            entered = Entered(pod, port, tmp_path)
            folder, python, words_of = told_by(pod)
            assert (folder, words_of) == (FOLDER, WORDS)
            assert python.startswith("/podkeep/envs/")
            wait_for("sshd answers", entered.answers)
            wait_for("a login's files", lambda: is_told_by_the_agent(pod))
            asked(entered, python)
            typed(entered, python, "first")
            before = pod.agent()
            pod.inside("kill", "-KILL", before)
            wait_for("another agent", lambda: pod.agent() != before)
            wait_for("a login's files of it", lambda: is_told_by_the_agent(pod))
            assert pod.reaches("running")["job"]["attempts"][-1]["number"] == 1
            asked(entered, python)
            typed(entered, python, "again", begin="\x02c")  # a new window: its shell begins anew


def asked(entered: Entered, python: str) -> None:
    """A command has the job's Python and packages, in the home as ever."""
    done = entered.ssh("root@127.0.0.1", f'command -v python; {IMPORT}; echo "$PWD"')
    home = entered.pod.inside("bash", "-c", "echo ~root").strip()
    assert done.stdout.decode().splitlines() == [python, WORDS, home], done


def typed(entered: Entered, python: str, mark: str, begin: str = "") -> None:
    """A person lands in tmux with the same, in the job's folder."""
    person = Terminal(["ssh", *entered.options(), "-tt", "root@127.0.0.1"], 40, 200)
    try:
        person.until("tmux", lambda text: "Ctrl-b d" in text)
        person.type(begin)
        person.type(f'echo "<{mark} ${{TMUX:+in tmux}}> <$PWD> <$(command -v python)> <$({IMPORT})>"\n')
        told = f"<{mark} in tmux> <{FOLDER}> <{python}> <{WORDS}>"
        person.until("folder, Python and package", lambda text: told in text)
    finally:
        person.close()
