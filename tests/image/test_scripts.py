"""The image's own programs, without any engine: image/build with a docker that is played, lists, health."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent.agent_process import free_port
from tests.image.fixtures import ROOT

IMAGE = ROOT / "image"
PLAYED = """#!/bin/bash
echo "$*" >>"$CALLS"
case $1 in
    buildx) [ "$2" != version ] || [ -n "$BUILDX" ] ;;
    version) echo "$CLIENT" ;;
    info) [ -z "$DOWN" ] ;;
esac
"""


class Checkout:
    """A small checkout with a commit, and a docker program that writes down what it is called with."""

    def __init__(self, top: Path) -> None:
        self.top = top / "checkout"
        self.calls = top / "calls"
        (self.top / "image").mkdir(parents=True)
        shutil.copy2(IMAGE / "build", self.top / "image")
        (self.top / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
        self.docker = top / "docker"
        self.docker.write_text(PLAYED)
        self.docker.chmod(0o755)

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.top, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("init", "-q")
        self.git("add", ".")
        self.git("commit", "-q", "-m", "all")
        return self.git("rev-parse", "--short", "HEAD")

    def build(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        played = {
            "DOCKER": str(self.docker),
            "CALLS": str(self.calls),
            "CLIENT": "20.10.24",
            "BUILDX": "",
            "DOWN": "",
        }
        return subprocess.run(
            ["bash", "image/build", *words],
            cwd=self.top,
            env=dict(os.environ) | played | env,
            capture_output=True,
            text=True,
            check=False,
        )

    def built(self) -> str:
        return self.calls.read_text().splitlines()[-1]


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path)


def test_an_image_has_three_names(checkout):
    """The short commit, the version and latest, under a repository in small letters, for RunPod's machines."""
    commit = checkout.commit()
    done = checkout.build("GHCR.io/You/Podkeep", "--no-cache", BASE_IMAGE="debian:bookworm")
    assert done.returncode == 0, done.stderr
    names = [f"ghcr.io/you/podkeep:{tag}" for tag in (commit, "1.2.3", "latest")]
    assert done.stdout.splitlines() == names
    assert re.findall(r"--tag (\S+)", checkout.built()) == names
    assert checkout.built().startswith("build --platform linux/amd64 ")
    assert checkout.built().endswith("--build-arg BASE_IMAGE=debian:bookworm --no-cache .")


def test_changes_without_a_commit_are_said_and_never_pushed(checkout):
    """A dirty checkout is built under a name that says so, and its push is refused before anything happens."""
    commit = checkout.commit()
    (checkout.top / "more").write_text("x")
    done = checkout.build()
    assert done.returncode == 0
    assert f"podkeep:{commit}-dirty" in done.stderr
    assert f"--tag podkeep:{commit}-dirty " in checkout.built()
    checkout.calls.unlink()
    refused = checkout.build(PUSH="1", BUILDX="1")
    assert refused.returncode == 1
    assert "commit them first" in refused.stderr
    assert not checkout.calls.exists()


def test_a_push_goes_by_buildx(checkout):
    """PUSH=1 builds and pushes in one go; without it the image is loaded, and nothing leaves."""
    checkout.commit()
    assert checkout.build("you/podkeep", PUSH="1", BUILDX="1").returncode == 0
    assert checkout.built().startswith("buildx build --push --platform")
    assert checkout.build("you/podkeep", BUILDX="1").returncode == 0
    assert checkout.built().startswith("buildx build --load --platform")


@pytest.mark.parametrize(
    ("asked", "tags"),
    [
        ("commit", ["{commit}"]),
        ("latest  commit", ["latest", "{commit}"]),
        ("version\nlatest", ["1.2.3", "latest"]),
    ],
)
def test_only_the_names_that_are_asked_for_are_given(checkout, asked, tags):
    """TAGS says which; what is pushed under a branch's commit overwrites no version and no latest."""
    commit = checkout.commit()
    done = checkout.build("you/podkeep", PUSH="1", BUILDX="1", TAGS=asked)
    assert done.returncode == 0, done.stderr
    names = [f"you/podkeep:{tag.format(commit=commit)}" for tag in tags]
    assert done.stdout.splitlines() == names
    assert re.findall(r"--tag (\S+)", checkout.built()) == names


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (["you/podkeep:1.0"], {}, "without a tag"),
        (["you//podkeep"], {}, "is no repository's name"),
        (["podkeep!"], {}, "is no repository's name"),
        ([], {"PUSH": "yes"}, "PUSH is neither 0 nor 1"),
        ([], {"TAGS": ""}, "TAGS may hold commit, version and latest, and holds ''"),
        ([], {"TAGS": "commit 1.0"}, "and holds 'commit 1.0'"),
        ([], {"TAGS": "commit\nnewest"}, "and holds 'commit newest'"),
        ([], {"TAGS": "*"}, "and holds '*'"),
        ([], {"DOCKER": "/no/docker"}, "there is no program /no/docker"),
        ([], {"PUSH": "1"}, "pushing needs buildx"),
        ([], {"CLIENT": "28.2.2"}, "builds by buildx, which is missing"),
        ([], {"DOWN": "1"}, "no Docker Engine answers"),
    ],
)
def test_what_is_missing_is_said_with_its_remedy(checkout, words, env, said):
    """Nothing is built, and two lines say what and what to do."""
    checkout.commit()
    done = checkout.build(*words, **env)
    assert done.returncode == 1
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert not checkout.calls.exists() or " --tag " not in checkout.calls.read_text()


def test_without_a_commit_there_is_no_name(checkout):
    """A folder that is no checkout is refused in our words, not in git's."""
    done = checkout.build(GIT_CEILING_DIRECTORIES=str(checkout.top.parent))
    assert done.returncode == 1
    assert done.stderr.startswith("cannot build the image: this folder is no git checkout")


@pytest.mark.parametrize("script", ["build", "smoke.sh", "find-python"])
def test_shellcheck_has_nothing_to_say(script):
    """The image's scripts are clean."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run(["shellcheck", str(IMAGE / script)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_every_system_package_has_its_reason():
    """A line of packages.txt is a name and why; no package is there twice."""
    lines = [line for line in (IMAGE / "packages.txt").read_text().splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9.+-]+ +# \S.{10,}", line)] == []
    names = [line.split()[0] for line in lines]
    assert names == sorted(set(names))


def test_nothing_of_the_checkout_enters_the_image_but_what_is_listed():
    """.dockerignore leaves all out, then lets in by name; what the Dockerfile copies one by one is among it."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {name for name in let_in if not (ROOT / name).exists()} == set()
    assert let_in & {".git", ".venv", "tests", "shared"} == set()


def health():
    spec = importlib.util.spec_from_file_location("healthcheck", IMAGE / "healthcheck.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("value", "port"),
    [
        (None, 8787),
        ("", 8787),
        ("9000", 9000),
        ("x", 8787),
        ("-1", 8787),
        ("70000", 8787),
        ("²", 8787),
        ("9" * 5000, 8787),
    ],
)
def test_the_health_check_reads_the_port_as_the_agent_does(value, port):
    """A POD_PORT that is no port means the usual one."""
    assert health().port(value) == port


@pytest.mark.parametrize(
    ("head", "wrong"),
    [
        (b"HTTP/1.1 200 OK\r\nPodkeep-Api: 1\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "not the agent"),
        (b"HTTP/1.1 503 No\r\nPodkeep-Api: 1\r\n\r\n", "answered"),
        (b"", "answered"),
        (b"\xff\xfe SSH-2.0\r\n", "answered"),
    ],
)
def test_the_health_check_believes_the_agent_only(head, wrong):
    """200 and our header are health; anything else is told."""
    fault = health().fault(head)
    assert fault is None if wrong is None else wrong in fault


def test_the_health_check_fails_where_nobody_listens():
    """No listener: exit code 1 and one line, no traceback."""
    done = subprocess.run(
        ["python3", "-I", "-S", str(IMAGE / "healthcheck.py")],
        env={"PATH": os.environ["PATH"], "POD_PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("cannot reach the agent: ")
