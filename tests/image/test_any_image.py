"""`up --image ANY` on a plain Debian without Python: the agent comes once, by the start command."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod_client.bare.bundle import make_bundle
from pod_client.bare.start_command import start_command
from tests.fakes.git_server import GitHost
from tests.image import host_settings
from tests.image.container import TOKEN, Container
from tests.image.engine import Engine
from tests.live import wait_for
from tests.story.container_laptop import ContainerLaptop
from tests.story.laptop import CLIENT, JOB, in_use, with_repository

pytestmark = pytest.mark.docker
BRINGS_S = 600.0  # packages come from far away
ZOMBIES = "cat /proc/[0-9]*/stat | sed 's/.*) //' | grep -c ^Z || true"


@pytest.fixture(scope="module")
def plain(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The distribution and nothing else; it reaches packages as this machine does."""
    name, holder, folder = "podkeep-test-plain:any", "podkeep-test-plain", tmp_path_factory.mktemp("settings")
    (folder / "pip.conf").write_text(host_settings.pip_settings())
    (folder / "apt.conf").write_text(host_settings.apt_settings())
    told = [f"ENV {proxy}={os.environ[proxy]}" for proxy in host_settings.proxies(os.environ)]
    engine.run("create", "--name", holder, base_image, "true")
    try:
        engine.run("cp", str(folder / "pip.conf"), f"{holder}:/etc/pip.conf")
        engine.run("cp", str(folder / "apt.conf"), f"{holder}:/etc/apt/apt.conf.d/zz-host")
        engine.run("commit", *(word for line in told for word in ("--change", line)), holder, name)
    finally:
        engine.run("rm", "--force", holder)
    yield name
    engine.run("image", "rm", "--force", name, check=False)


def started(engine: Engine, image: str, workspace: Path, *, digest: str | None = None) -> Container:
    """With the start command that the client sends."""
    start = start_command()
    words = list(start["cmd"])
    if digest is not None:
        words[3] = digest
    options = ("--entrypoint", *start["entrypoint"])
    return Container(
        engine, image, *words, mounts={workspace: "/workspace"}, options=options, POD_ON_FINISH="keep"
    )


def send(box: Container, data: bytes, digest: str) -> int | None:
    """The laptop's part; None while nobody listens."""
    request = urllib.request.Request(f"http://127.0.0.1:{box.port}/agent/{digest}", data, method="PUT")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code
    except OSError:
        assert box.state()["Status"] == "running", box.logs()
        return None


def test_a_plain_image_becomes_a_pod_once(engine, plain, tmp_path):
    """Wrong bytes are refused; a second start brings nothing; PID 1 buries orphans and hears TERM."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    bundle = make_bundle()
    with started(engine, plain, workspace) as box:
        damaged = bundle.data[:-1] + b"!"
        code = wait_for("an answer", lambda: send(box, damaged, bundle.digest), BRINGS_S, 0.5)
        assert code == 422, box.logs()
        assert send(box, bundle.data, bundle.digest) == 200
        wait_for("an agent", lambda: "the agent was brought in" in box.logs(), BRINGS_S)
        box.reaches("waiting", BRINGS_S)
        assert box.inside("readlink", "/proc/1/exe").strip().endswith("/bash")
        box.inside("sh", "-c", "(sleep 0.1 &) & (sleep 0.2 &) & wait")
        wait_for("no zombie", lambda: box.inside("sh", "-c", ZOMBIES).strip() == "0")
        assert box.inside("pod-agent", "--help").startswith("pod-agent:")
        assert {path.name for path in workspace.iterdir()} <= {".podkeep"}
        box.docker("stop", "--time", "120")
        assert box.state()["ExitCode"] == 0, box.logs()
        box.docker("start")
        box.reaches("waiting", BRINGS_S)
        said = box.logs()
    assert said.count("waiting for the agent's files") == 1, said
    assert said.count("the agent was brought in") == 1, said


def test_without_a_network_a_plain_image_ends_with_a_reason(engine, plain):
    """It tries again, says what failed, and outside RunPod the container ends."""
    start = start_command()
    quick = ("--env", "PODKEEP_BRING_TRIES=2", "--env", "PODKEEP_BRING_PAUSE=0.1")
    words = (
        "run",
        "--rm",
        "--network",
        "none",
        *quick,
        "--entrypoint",
        *start["entrypoint"],
        plain,
        *start["cmd"],
    )
    done = engine.run(*words, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "this image lacks:" in said
    assert "again in" in said
    assert "CANNOT BRING THE AGENT" in said


@pytest.mark.parametrize("given", [("--user", "65534"), ("--read-only",)], ids=["no root", "read-only"])
def test_where_nothing_can_be_written_it_says_so_at_once(engine, plain, given):
    """A user who is not root, and a root that is read-only: a reason, and no second try."""
    start = start_command()
    words = (
        "run",
        "--rm",
        "--network",
        "none",
        *given,
        "--entrypoint",
        *start["entrypoint"],
        plain,
        *start["cmd"],
    )
    done = engine.run(*words, check=False)
    assert done.returncode == 1
    assert "/opt cannot be written by user" in done.stderr
    assert "again in" not in done.stderr


OF_ANY_IMAGE = ("--backend", "docker", "--network", "host")


def test_a_job_on_a_plain_image_is_done_and_goes_on_in_a_new_container(
    engine, plain, clean_environment, tmp_path
):
    """`up` sends the agent, the training ends well; the next `up` starts the stopped pod without sending it again."""
    repo = with_repository(tmp_path / "code" / "repo", clean_environment)
    leads = {name: engine.env[name] for name in ("DOCKER_HOST",) if name in engine.env}
    with GitHost.running(tmp_path / "code") as host:
        where = host.url("repo/.git")
        mine = ContainerLaptop(clean_environment, repo, where, [], OF_ANY_IMAGE, leads)
        with in_use(mine):
            mine.start_simulator()
            argv = [CLIENT, "up", "--local", "--image", plain, "--agent", "send", "--job", JOB]
            argv += ["--repo", mine.source, "--resume", "--resume {checkpoint}", "--command"]
            story = mine.start(*argv, "python trainer.py --steps 10 --pause 0.01", steps=10)
            story.ends(BRINGS_S)
            story.assert_good_end()
            assert "sending it" in story.told.read_text()
            again = mine.start(*argv, "python trainer.py --steps 20 --pause 0.01", steps=20)
            assert again.ends(BRINGS_S) == 0, again.evidence()
            assert "sending it" not in again.told.read_text()
            assert "the agent's files are on the workspace" in again.evidence()
            assert len(mine.simulator.pods()) == 1
