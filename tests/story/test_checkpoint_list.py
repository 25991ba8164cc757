"""`pod-client checkpoints` beside a real training, and a training by what `init` wrote."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.live import wait_for
from tests.story.conftest import CLIENT
from tests.story.seen import JOB, Seen

pytestmark = pytest.mark.slow


def listed(laptop):
    done = laptop.client("checkpoints", JOB, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told, {(one["kind"], one["path"].rpartition("/")[2]): one for one in told["checkpoints"]}


def test_whole_half_and_set_aside(laptop):
    """What is listed while it trains is what the next attempt gets; the half one is aside after it, still named."""
    story = laptop.up(steps=60, waits=(22, 42))
    pod, pid = story.waits(22)
    seen = Seen.only(story)
    whole = (seen.tree / "checkpoints/step-0020.pkl").read_bytes()
    (seen.tree / "checkpoints/step-0021.pkl").write_bytes(whole[: len(whole) // 2])
    told, by_name = listed(laptop)
    assert (told["job"], told["resumes"]) == (JOB, True)
    assert by_name["own", "step-0020.pkl"]["chosen"], told
    assert not by_name["own", "step-0021.pkl"]["whole"], told
    assert by_name["own", "step-0021.pkl"]["why"]

    laptop.simulator.kill(pod, pid)
    _, again = wait_for("the second attempt to wait", lambda: len(story.starts()) == 2 and story.waits(42))
    told, by_name = listed(laptop)
    assert story.starts() == [0, 20]
    assert not by_name["aside", "step-0021.pkl"]["whole"], told
    assert by_name["own", "step-0040.pkl"]["chosen"], told
    said = laptop.client("checkpoints", JOB)
    assert "would resume from checkpoints/step-0040.pkl, step 40" in said.stderr
    assert "set aside" in said.stdout
    story.goes_on(pod, again)
    assert story.ends() == 0


def test_what_init_writes_is_run_as_it_is(laptop):
    """init, commit, up --local: the training is killed, and resumes by the line that init wrote."""
    (laptop.repo / "train.py").write_bytes((laptop.repo / "trainer.py").read_bytes())
    text = (
        (laptop.repo / "train.py")
        .read_text()
        .replace("required=True", "default=40")
        .replace("default=()", "default=[22]")
    )
    (laptop.repo / "train.py").write_text(text)
    done = subprocess.run(
        [CLIENT, "init"], cwd=laptop.repo, env=laptop.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 'resume = "--resume {checkpoint}"' in (laptop.repo / "pod.toml").read_text()
    for words in (["add", "."], ["commit", "-q", "-m", "With its job file"]):
        subprocess.run(["git", *words], cwd=laptop.repo, env=laptop.env, check=True)
    story = laptop.start(CLIENT, "up", "--local", "--job", JOB, steps=40)
    pod, pid = story.waits(22)
    laptop.simulator.kill(pod, pid)
    assert story.ends() == 0, story.told.read_text()
    assert story.starts() == [0, 20]
