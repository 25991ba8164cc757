"""A private repository with a private submodule, from `up` to the end: the token opens both, and is seen nowhere."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.fakes.git_server import GitHost
from tests.live import wait_for
from tests.story.conftest import CLIENT, JOB
from tests.story.test_secrets_kept import Watch, consoles, open_places, secrets_of

pytestmark = pytest.mark.slow
TOKEN = "glpat-PlantedForTheStory-6Hn4"
COMMAND = "cat lib/words.txt; env | sort; git config --list | cat; python3 trainer.py --steps 20 --pause 0.05"


@pytest.fixture
def host(laptop, tmp_path):
    """The laptop's repository and a library, at a git host that lets nobody in without the token."""

    def git(*words: object, cwd: Path) -> str:
        done = subprocess.run(
            ["git", *map(str, words)], cwd=cwd, env=laptop.env, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    hosted = tmp_path / "hosted"
    (hosted / "lib").mkdir(parents=True)
    git("init", "-q", cwd=hosted / "lib")
    (hosted / "lib/words.txt").write_text("words of the library\n")
    git("add", "-A", cwd=hosted / "lib")
    git("commit", "-q", "-m", "words", cwd=hosted / "lib")
    shutil.copytree(laptop.repo, hosted / "train")
    (hosted / "train/.gitmodules").write_text('[submodule "lib"]\n\tpath = lib\n\turl = ../../lib/.git\n')
    git("add", "-A", cwd=hosted / "train")
    commit = git("rev-parse", "HEAD", cwd=hosted / "lib")
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib", cwd=hosted / "train")
    git("commit", "-q", "-m", "with a library", cwd=hosted / "train")
    with GitHost.running(hosted) as running:
        running.login = f"oauth2:{TOKEN}"
        yield running


def order(laptop, host, *more: str):
    repo = host.url("train/.git")
    return laptop.start(CLIENT, "up", "--local", "--job", JOB, "--repo", repo, "--command", COMMAND, *more)


def test_a_private_repository_is_trained_and_its_token_is_seen_nowhere(laptop, host):
    """No argument, no open file, no log and no environment of the job holds it, nor the clone's own settings."""
    laptop.env["POD_GIT_TOKEN"] = TOKEN
    forms = {"the token": TOKEN, "in base64": base64.b64encode(f"oauth2:{TOKEN}".encode()).decode()}
    planted = {name: value.encode() for name, value in forms.items()}
    with Watch(lambda: planted) as watch:
        story = order(laptop, host, "--env", "POD_GIT_TOKEN")
        assert story.ends() == 0, story.evidence()
    assert "words of the library" in story.log
    assert "done at step 20" in story.log
    assert watch.found == set()
    assert "POD_GIT_TOKEN" not in story.log
    status = laptop.client("status", JOB, "--json").stdout
    for shown in (status, story.log, story.told.read_text(), *consoles(laptop)):
        assert not [name for name, value in forms.items() if value in shown]
    assert TOKEN.encode() not in b"".join(secrets_of(laptop).values())
    homes = [Path(laptop.env[name]) for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")]
    assert open_places(laptop, homes) == []
    wait_for("the pod is off", laptop.simulator.only_pod_is_off)  # until then a listed file may go
    mounts = Path(laptop.env["XDG_STATE_HOME"], "podkeep", "sim").glob("pods/*/mount")
    files = [path for mount in mounts for path in mount.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files for value in planted.values() if value in path.read_bytes()] == []


def test_without_the_token_the_job_fails_with_what_to_give(laptop, host):
    """The pod ends itself; the reason and the remedy reach the person who gave the order."""
    story = order(laptop, host)
    assert story.ends() == 1, story.evidence()
    shown = f"{story.log} {story.told.read_text()}"
    assert "access was denied: 127.0.0.1 was asked without a login" in shown
    assert "give POD_GIT_TOKEN" in shown
    wait_for("the pod is off", laptop.simulator.only_pod_is_off)
