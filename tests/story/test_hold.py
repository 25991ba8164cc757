"""A job that fails before its first step keeps its pod while somebody follows, and the next `up` goes in."""

from __future__ import annotations

import json

import pytest

from tests.live import wait_for
from tests.story.conftest import CLIENT, JOB, Laptop
from tests.story.seen import Seen
from tests.story.templates import JOB as TEMPLATE_JOB
from tests.story.templates import TemplatePod

pytestmark = pytest.mark.slow


def up(laptop: Laptop, *more: str):
    """The folder as it is, with a hold."""
    argv = (CLIENT, "up", "--local", "--tree", "--job", JOB, "--command", "python3 trainer.py --steps 7")
    return laptop.start(*argv, "--hold-minutes", "10", *more, steps=7)


def broken(laptop: Laptop) -> str:
    """The trainer cannot import any more; its text as it was."""
    program = laptop.repo / "trainer.py"
    whole = program.read_text()
    program.write_text(whole.replace("import argparse", "import argparse\nimport no_such_module"))
    return whole


def test_a_failed_import_is_mended_on_the_same_pod(laptop):
    """Held since somebody follows; a killed agent holds on; the second `up` finds pod and code, and ends well."""
    whole = broken(laptop)
    first = up(laptop)
    assert first.ends() == 1, first.evidence()
    told = first.told.read_text()
    assert "the pod is held until" in told, first.evidence()
    assert "fix it and run `pod-client up` again" in told
    assert "fix it and run `pod-client up` again; then it stops" in first.log, first.log
    pod = Seen(laptop.simulator, next(iter(laptop.simulator.pods())))
    until = pod.record()["held"]["until"]
    pod.new_agent(pod.kill_agent())
    status = wait_for("the new agent's word", lambda: _status(laptop))
    assert status["job"]["held"]["until"] == until
    assert status["stops_because"] == "hold"
    assert pod.status() == "RUNNING"
    (laptop.repo / "trainer.py").write_text(whole)
    second = up(laptop)
    assert second.ends() == 0, second.evidence()
    assert "was idle and takes the job" in second.told.read_text()
    assert "done at step 7\n" in second.log
    assert list(laptop.simulator.pods()) == [pod.id]
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod.id))


def test_a_hold_ends_at_once_when_somebody_says_so(laptop):
    """`stop` does not wait for its end; `why` tells what holds the pod before."""
    broken(laptop)
    assert up(laptop).ends() == 1
    why = laptop.client("why", JOB)
    assert "held" in why.stdout, why.stdout + why.stderr
    assert "(hold)" in why.stderr + why.stdout
    assert laptop.client("stop", JOB).returncode == 0
    wait_for("the pod is off", laptop.simulator.only_pod_is_off)


def test_a_training_that_stepped_is_not_held(laptop):
    """It failed, but not before its first step: the exit policy follows at once."""
    program = laptop.repo / "trainer.py"
    program.write_text(
        program.read_text().replace('    print(f"done at', '    time.sleep(4)\n    sys.exit(f"done at')
    )
    first = up(laptop)
    assert first.ends() == 1, first.evidence()
    assert "the pod is held" not in first.told.read_text()
    wait_for("the pod is off", laptop.simulator.only_pod_is_off)


def test_who_comes_after_a_failure_in_the_first_second_is_in_time(simulator):
    """Nobody could look before the job had failed: the pod waits a while, and one look is enough."""
    pod = TemplatePod.create(simulator, {"POD_COMMAND": "exit 3", "POD_HOLD_MINUTES": "5"})
    seen = Seen(simulator, pod.id, TEMPLATE_JOB)
    wait_for("it has failed", lambda: (seen.record() or {}).get("phase") == "finished")
    held = seen.record()["held"]
    is_alone = (
        held["by"] is None
    )  # a pod of processes has the terminals of its machine, where somebody may type
    assert not is_alone or held["come_by"] < held["until"] - 120
    told = wait_for("its word", lambda: _held(pod))  # what is on disk is told a moment later
    assert told["job"]["held"]["until"] == told["stops_at"] == held["until"]
    wait_for("it is noticed", lambda: seen.record()["held"]["by"])
    wait_for("the log tells it", lambda: b"the pod is held until" in seen.log())
    assert pod.ask("/status")["job"]["held"]["until"] == held["until"]
    assert (b"nobody follows yet" in seen.log()) is is_alone
    simulator.call("POST", f"/v2/pods/{pod.id}/action", {"action": "terminate"})


def _held(pod: TemplatePod) -> dict | None:
    said = pod.ask("/status")
    return said if said and said["job"] and said["job"]["held"] else None


def _status(laptop: Laptop) -> dict | None:
    done = laptop.client("status", JOB, "--json")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    status = said.get("status") or {}
    return status if (status.get("job") or {}).get("held") else None  # what is on disk is told a moment later
