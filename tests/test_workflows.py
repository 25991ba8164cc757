"""The workflows of .github, read and in part run: what they use, what they may do, what is looked at before a push."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.test_scripts import Checkout

FOLDER = Path(__file__).resolve().parent.parent / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.iterdir())
# By the name of a release, which can move: their commits could not be read when this was written.
NOT_PINNED = {"actions/setup-python@v5"}
MORE_RIGHTS = {("image.yml", "image"): {"contents": "read", "packages": "write"}}


def workflow(name: str) -> dict[Any, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_every_workflow_is_one():
    """Each file has jobs, each job a limit of its own, and each step does one thing."""
    assert NAMES == ["ci.yml", "image.yml"]
    for name in NAMES:
        for job in workflow(name)["jobs"].values():
            assert 0 < job["timeout-minutes"] <= 90
            assert [step for step in job["steps"] if ("uses" in step) == ("run" in step)] == []


def test_every_action_is_pinned_by_its_commit():
    """A name can be moved to other code, a commit cannot; beside it stands its release. The others are listed here."""
    text = "".join((FOLDER / name).read_text() for name in NAMES)
    used = {step["uses"] for name in NAMES for step in steps(name) if "uses" in step}
    pinned = set(re.findall(r"uses: ([\w./-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+$", text, re.MULTILINE))
    assert used - pinned == NOT_PINNED
    commits = {one.partition("@")[0]: one for one in used}
    assert sorted(commits.values()) == sorted(used), "an action in two versions"


def test_a_workflow_may_only_read():
    """Packages are written by the one job that pushes; no checkout leaves its token behind."""
    for name in NAMES:
        assert workflow(name)["permissions"] == {"contents": "read"}
        for job, told in workflow(name)["jobs"].items():
            assert told.get("permissions") == MORE_RIGHTS.get((name, job))
        for step in steps(name):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", NAMES)
def test_no_script_is_made_of_what_others_write(name):
    """Branch names, inputs and the like reach a script as variables only, and no script holds a secret."""
    assert [step["run"] for step in steps(name) if "${{" in step.get("run", "")] == []


def test_only_a_version_s_tag_gives_the_names_of_a_release():
    """Run by hand, from any branch and on any base, the image is pushed under its commit alone."""
    (push,) = [step for step in steps("image.yml") if step.get("env", {}).get("PUSH")]
    assert push["env"]["TAGS"] == "${{ github.event_name == 'push' && 'commit version latest' || 'commit' }}"
    started = workflow("image.yml")[True]  # `on`, to YAML
    assert started.keys() == {"push", "workflow_dispatch"}
    assert started["push"] == {"tags": ["v*"]}


class Runner:
    """Runs the steps that build, as GitHub does, in a small checkout with a docker that is played."""

    def __init__(self, top: Path) -> None:
        self.checkout = Checkout(top)
        (self.checkout.top / "image" / "smoke.sh").write_text("smoke\n")
        self.commit = self.checkout.commit()
        self.calls = self.checkout.calls

    def run(self, step: dict[str, Any], **env: str) -> int:
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        told = {
            "BUILDX": "1",
            "DOWN": "",
            "CLIENT": "28",
            "CALLS": str(self.calls),
            "IMAGE": "ghcr.io/You/it",
        }
        path = f"{self.checkout.docker.parent}:{os.environ['PATH']}"
        given = {name: value for name, value in step.get("env", {}).items() if "${{" not in value}
        return subprocess.run(
            words,
            cwd=self.checkout.top,
            env=dict(os.environ) | told | {"PATH": path, "BASE_IMAGE": ""} | given | env,
            check=False,
            capture_output=True,
        ).returncode

    def called(self) -> list[str]:
        """Builds and runs, in their order."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return [line for line in lines if line.startswith(("buildx build", "run "))]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def building() -> list[dict[str, Any]]:
    return [step for step in steps("image.yml") if "image/build" in step.get("run", "")]


def test_what_is_pushed_was_looked_at_before(runner):
    """Loaded, smoked, and only then pushed under the same name; before it a plain base and CUDA's."""
    assert workflow("image.yml")["jobs"]["image"]["defaults"] == {"run": {"shell": "bash"}}
    assert [runner.run(step, TAGS="commit") for step in building()] == [0, 0, 0]
    bases = re.findall(r"BASE_IMAGE=(\S+)", "\n".join(runner.called()))
    assert bases == ["debian:bookworm-slim", "nvidia/cuda:12.8.1-runtime-ubuntu24.04"]
    *before, load, smoke, push = runner.called()
    name = f"ghcr.io/you/it:{runner.commit}"
    smoked = "run --rm -i --network none --entrypoint bash {} -s"
    assert [line for line in before if line.startswith("run")] == [smoked.format("podkeep-smoke:latest")] * 2
    assert smoke == smoked.format(name)
    assert load.startswith("buildx build --load ")
    assert re.findall(r"--tag (\S+)", load) == [name]
    assert push.startswith("buildx build --push ")
    assert re.findall(r"--tag (\S+)", push) == [name]
    assert push.endswith("--attest type=provenance,mode=max --attest type=sbom .")


@pytest.mark.parametrize("which", [0, 1])
def test_a_smoke_test_that_fails_ends_its_step(runner, which):
    """So nothing is pushed: the step is over at the first image that is not whole."""
    played = runner.checkout.docker.read_text()
    runner.checkout.docker.write_text(played.replace("    info)", "    run) exit 3 ;;\n    info)"))
    assert runner.run(building()[which]) == 3
    assert len(runner.called()) == 2


def test_a_build_that_fails_ends_its_step(runner):
    """An older image of that name is not smoked in its place."""
    assert runner.run(building()[1], DOWN="1") == 1
    assert runner.called() == []
