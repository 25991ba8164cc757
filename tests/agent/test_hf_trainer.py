"""Checkpoints that the real Hugging Face Trainer writes: judged, cut, killed in the middle, resumed bit for bit."""

from __future__ import annotations

import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.outputs.belonging import Belonging
from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.judge import judge
from pod_agent.outputs.checkpoints.records import Records
from pod_agent.run.resume import command_line, restore, variables
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.live import wait_for
from tests.once import once

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
    ),
]
EXAMPLE = Path(__file__).parents[2] / "examples" / "hf_trainer" / "train.py"
COMMAND = f"exec {sys.executable} {EXAMPLE} --max_steps 60 --save_steps 10"


def train(folder, text, extra=None):
    env = {**os.environ, **(extra or {})}
    return subprocess.Popen(["bash", "-c", text], cwd=folder, env=env, stdout=subprocess.PIPE, text=True)


def fingerprint(process):
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output.rsplit("final weights: ", 1)[1].strip(), output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A whole run: its folder and the fingerprint of its weights."""

    def run(top):
        (top / "run").mkdir()
        (top / "fingerprint").write_text(fingerprint(train(top / "run", COMMAND))[0])

    made = once(tmp_path_factory, "trainer-of-agents", run)
    return made / "run", (made / "fingerprint").read_text()


def test_what_the_trainer_writes_is_whole(undisturbed):
    """Each of its folders is found by looking and judged whole at its step; its final model is no checkpoint."""
    found = find(undisturbed[0], None, 0.0)
    told = {one.path.name: judge(one, Records(Path("/none")), writer_alive=False) for one in found}
    assert {name: one.step for name, one in told.items() if one.whole} == {
        "checkpoint-40": 40,
        "checkpoint-50": 50,
        "checkpoint-60": 60,
    }


def test_any_file_cut_or_missing_makes_it_half(undisturbed, tmp_path):
    """Whichever of its files is cut short, and whichever that counts is missing, is noticed."""
    rng = random.Random(3)
    source = undisturbed[0] / "out/checkpoint-60"
    for name in sorted(path.name for path in source.iterdir()):
        for cut in (0, 1, rng.randrange(2, (source / name).stat().st_size)):
            copy = shutil.copytree(source, tmp_path / "checkpoint-60", dirs_exist_ok=True)
            os.truncate(copy / name, min(cut, (copy / name).stat().st_size - 1))
            (one,) = find(tmp_path, None, 0.0)
            assert not judge(one, Records(tmp_path / "x"), writer_alive=False).whole, (name, cut)
            shutil.rmtree(copy)


def test_killed_three_times_it_ends_with_the_same_weights(undisturbed, tmp_path):
    """Killed at random moments and resumed from what restore chose, the weights are equal to the last bit."""
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    since = time.time()
    state = tmp_path / "state"
    state.mkdir()
    code = tmp_path / "code"
    code.mkdir()
    spec = JobSpec("x", f"{COMMAND} --pace 0.05", resume="--resume_from_checkpoint {checkpoint}")
    steps = []
    for kill in (True, True, True, False):
        chosen = restore(spec, code, state, Belonging(code, since), Work(lambda _: None, RealClock()))
        steps.append(chosen.step or 0)
        process = train(code, command_line(spec, chosen), variables(chosen))
        if not kill:
            told, output = fingerprint(process)
            break
        wait_for_newer(process, code, chosen.step or 0)
        time.sleep(rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert told == undisturbed[1]
    assert f"resumed at step {steps[-1]}" in output
    assert steps == sorted(steps)
    assert steps[-1] > 0


def wait_for_newer(process, folder, step):
    """Until a whole checkpoint beyond a step lies there, or the training has ended by itself."""

    def look():
        if process.poll() is not None:
            return True
        found = [one for one in find(folder, None, 0.0) if (one.step or 0) > step]
        return any(judge(one, Records(folder / "x"), writer_alive=False).whole for one in found)

    try:
        wait_for("a newer checkpoint", look, within_s=180)  # torch and transformers are imported in it
    except AssertionError:
        process.kill()
        process.communicate()
        raise
