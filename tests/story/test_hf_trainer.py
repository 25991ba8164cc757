"""The real Hugging Face Trainer on a pod: whoever is killed, the final weights are those of the undisturbed run.

The job runs with the tests' own interpreter, which has torch (tests/torch.txt), and installs nothing: installing torch
into a pod's environment takes minutes and shows nothing that the stories of digits do not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.once import once
from tests.story.seen import Seen, dice, note, order

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
    ),
]
PROGRAM = Path(__file__).parents[2] / "examples" / "hf_trainer" / "train.py"
STEPS, SAVE = 40, 5
COMMAND = f"{sys.executable} train.py --max_steps {STEPS} --save_steps {SAVE} --logging_steps 1"
KILLS = 3
ALLOWED = "allowed"  # a file in the tree: the step that the training may not end yet
FIRST = 10
PACED = "time.sleep(self.seconds)"
HELD = f"""{PACED}
        allowed = pathlib.Path("{ALLOWED}")
        while _state.global_step >= int(allowed.read_text() if allowed.exists() else {FIRST}):
            time.sleep(0.05)
"""


def weights(folder):
    return hashlib.sha256((folder / "out/final/model.safetensors").read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The sum of the final weights of a run without pod, agent or kill."""

    def run(folder):
        shutil.copy(PROGRAM, folder)
        subprocess.run(COMMAND.split(), cwd=folder, check=True, capture_output=True, timeout=600)

    return weights(once(tmp_path_factory, "trainer-of-stories", run))


@pytest.fixture
def train(laptop):
    """Start the training on a pod: what `up` became, and the pod. It goes no further than it is allowed to."""
    text = PROGRAM.read_text()
    assert PACED in text
    held = text.replace(PACED, HELD).replace("import time\n", "import pathlib\nimport time\n")
    (laptop.repo / PROGRAM.name).write_text(held)
    for words in (["add", "."], ["commit", "-q", "-m", "The Trainer"]):
        subprocess.run(["git", *words], cwd=laptop.repo, env=laptop.env, check=True)

    def start(pace):
        resume = ("--resume", "--resume_from_checkpoint {checkpoint}", "--requirements", "")
        story = order(laptop, f"{COMMAND} --pace {pace}", *resume)
        return story, Seen.only(story)

    return start


def steps_of(pod):
    """The step each attempt began at, and the last step that was printed."""
    text = pod.log().decode("utf-8", "replace")
    began = [int(step) for step in re.findall(r"^(?:starting|resumed) at step (\d+)$", text, re.MULTILINE)]
    losses = len(
        re.findall(r"^\{'loss'", re.split(r"^podkeep: attempt ", text, flags=re.MULTILINE)[-1], re.MULTILINE)
    )
    return began, (began[-1] if began else 0) + losses


def reach(pod, step):
    """Wait until the trainer has made this step."""
    wait_for(f"step {step}; {pod.log()[-500:]!r}", lambda: steps_of(pod)[1] >= step, every_s=0.02)


def allow(pod, step):
    """Let the training make all steps before this one, as soon as it likes."""
    draft = pod.tree / f"{ALLOWED}.new"
    draft.write_text(str(step))
    draft.replace(pod.tree / ALLOWED)


def amid(pod, whole, kill, rng):
    """Come to a random step after a newer whole checkpoint; its step. Whatever is killed, there are steps left."""
    if kill > 1:
        allow(pod, kill * FIRST)
    whole = pod.checkpoint_after(whole)
    reach(pod, whole + rng.randrange(SAVE))
    return whole


def assert_same_end(story, pod, undisturbed, attempts):
    assert story.ends() == 0, story.evidence()
    record = pod.record()
    assert record["ending"]["outcome"] == "succeeded"
    assert pod.begun() == list(range(1, attempts + 1)), "no attempt is lost or begun twice"
    assert [attempt["number"] for attempt in record["attempts"]] == pod.begun()
    assert weights(pod.tree) == undisturbed
    assert pod.log().startswith(b"podkeep: ")
    assert story.said.read_bytes() == pod.log()
    pod.stopped()


def test_a_killed_training_ends_with_the_same_weights(train, undisturbed):
    """Killed three times at random steps, each after a new whole checkpoint, it ends with the same weights."""
    rng = dice("a killed training")
    story, pod = train(pace=0.35)
    whole = 0
    for kill in range(1, KILLS + 1):
        whole = amid(pod, whole, kill, rng)
        last = pod.record()["attempts"][-1]
        assert last["number"] == kill
        pod.simulator.kill(pod.id, last["pid"])
        note(f"kill {kill}: newest whole checkpoint {whole}, killed at step {steps_of(pod)[1]}")
        wait_for("the next attempt", lambda kill=kill: len(steps_of(pod)[0]) == kill + 1)
        assert steps_of(pod)[0][-1] >= whole
        whole = steps_of(pod)[0][-1]
    allow(pod, 2 * STEPS)  # one that resumes at the last step makes one more
    assert_same_end(story, pod, undisturbed, attempts=KILLS + 1)
    assert [one["signal"] for one in pod.record()["attempts"]] == ["KILL"] * KILLS + [None]


def test_a_killed_agent_loses_no_attempt(train, undisturbed):
    """The agent is killed three times at random steps: the same process trains on, in the same attempt."""
    rng = dice("a killed agent")
    story, pod = train(pace=0.45)
    whole = 0
    pids = set()
    for kill in range(1, KILLS + 1):
        whole = amid(pod, whole, kill, rng)
        pids.add(pod.record()["attempts"][-1]["pid"])
        killed = pod.kill_agent()
        note(f"agent {killed} killed at step {steps_of(pod)[1]}")
        pod.new_agent(killed)
    allow(pod, 2 * STEPS)  # one that resumes at the last step makes one more
    assert_same_end(story, pod, undisturbed, attempts=1)
    last = pod.record()["attempts"][0]
    assert pids == {last["pid"]}
    assert last["exit_code"] == 0


def test_a_killed_keeper_costs_only_the_exit(train, undisturbed):
    """The keeper is killed three times and the training goes on; only its exit is unknown, so it resumes once."""
    rng = dice("a killed keeper")
    story, pod = train(pace=0.45)
    whole = 0
    for kill in range(1, KILLS + 1):
        whole = amid(pod, whole, kill, rng)
        (keeper,) = wait_for(
            "a keeper", lambda: pod.processes("pod_agent.run.keeper") or pod.processes("keeper.py")
        )
        pod.simulator.kill(pod.id, keeper, signal.SIGKILL)
        note(f"keeper {keeper} killed at step {steps_of(pod)[1]}")
        assert pod.begun() == [1]
        wait_for(
            "another keeper", lambda keeper=keeper: [one for one in pod.processes("keeper") if one != keeper]
        )
    allow(pod, 2 * STEPS)  # one that resumes at the last step makes one more
    assert_same_end(story, pod, undisturbed, attempts=2)
    first, second = pod.record()["attempts"]
    assert first["exit_code"] is None
    assert second["resumed_step"] == STEPS
