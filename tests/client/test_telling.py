"""The receipt command: of a pod that answers, of one that is off, of one that is gone, and of one nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pod_client.kept_receipts import MOST, KeptReceipts
from pod_wire.codec import to_plain
from pod_wire.receipt import Receipt, Spell, Stop
from pod_wire.status import Outcome, Phase
from tests.client.conftest import UP
from tests.live import PATIENCE_S

RUNNING = Receipt(
    100.0, "job", Phase.RUNNING, order="order-0", phases=(Spell("running", 60.0, 0.01),), paid_s=60.0
)
ENDED = replace(
    RUNNING,
    phase=Phase.FINISHED,
    outcome=Outcome.FAILED,
    reason="exit code 3",
    stop=Stop("the job has failed"),
)


@pytest.fixture
def running(pod):
    """A pod whose job runs."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.agent.receipt = RUNNING
    return pod


def end(pod, told=ENDED):
    pod.agent.receipt = told
    pod.agent.finish(Outcome.FAILED, reason="exit code 3")
    pod.agent.status = replace(pod.agent.status, receipt=to_plain(told))


def test_of_a_living_pod(running):
    """Asked of its agent, on stdout, in plain lines; and as one JSON document."""
    code, out, err = running.run("receipt", "job")
    assert (code, err) == (0, "")
    assert out.startswith("  outcome     none yet: the job is running\n")
    assert "  phases      running          60.0 s   $0.0100\n" in out
    assert "still billed at $0.50/h" in out
    document = json.loads(running.run("receipt", "job", "--json")[1])
    assert (document["format"], document["live"], document["pod_state"]) == (1, True, "RUNNING")
    assert document["receipt"]["format"] == 1


def test_of_an_agent_that_knows_no_receipts(running):
    """Its status tells what it can."""
    running.agent.receipt = None
    code, out, _ = running.run("receipt", "job")
    assert code == 0
    assert "none yet: the job is running" in out


def test_of_a_pod_that_is_off(running):
    """As it was seen last, which is said; what followed is on the pod's disk, and how to get at it is said too."""
    running.run("receipt", "job")
    running.runpod.set_status("pod1", "EXITED")
    code, out, err = running.run("receipt", "job")
    assert code == 0
    assert "running          60.0 s" in out
    assert "no longer billed" in out
    assert "this is what it told" in err
    assert "pod-client start pod1, then pod-client receipt pod1" in err


def test_the_end_that_a_follower_saw_is_kept(running):
    """`logs -f` shows the whole receipt once, and after the pod has gone it is there still, by its id and its job."""
    end(running)
    code, _, err = running.run("logs", "-f", "job")
    assert code == 1
    assert err.count("failed: exit code 3") == 1
    assert "stop        podkeep asked: the job has failed" in err
    kept = json.loads((running.home / ".config/podkeep/pods.json").read_text())["pods"]["pod1"]["status"]
    assert kept["receipt"] is None, "it has a file of its own"
    running.runpod.set_status("pod1", "EXITED")
    assert "stop        podkeep asked" in running.run("status", "job")[2]
    assert running.run("rm", "job")[0] == 0
    for wanted in ("pod1", "job"):
        code, out, err = running.run("receipt", wanted)
        assert code == 0
        assert "failed: exit code 3" in out
        assert "nothing of it is billed any more" in out
        assert "on the pod's disk" not in err


def test_of_a_pod_that_nobody_knows(pod):
    """An unknown name is an error like any other command's."""
    code, out, err = pod.run("receipt", "nothing")
    assert (code, out) == (3, "")
    assert "cannot find pod" in err


def test_of_a_pod_without_a_job(running):
    """There is nothing to tell, and what to do is said."""
    running.agent.status = replace(running.agent.status, job=None, phase=Phase.WAITING)
    code, _, err = running.run("receipt", "pod1")
    assert code == 3
    assert "it has had no job yet" in err


def test_a_command_keeps_its_mark_while_it_asks(running):
    """Each look of one command bears the same mark, by which the agent knows who is going to look again."""
    watching = running.start("status", "job", "--watch")
    assert watching.stdout is not None
    watching.stdout.readline()
    running.agent.finish()
    watching.communicate(timeout=PATIENCE_S)
    marks = running.agent.readers[-2:]
    assert marks[0]
    assert marks[0] == marks[1]
    running.run("status", "job")
    assert running.agent.readers[-1] != marks[0]


def test_a_folder_that_is_foreign_or_full_is_no_failure(tmp_path):
    """Damaged, strange and too many files: what can be read is found, the oldest give way, nothing raises."""
    folder = tmp_path / "receipts"
    kept = KeptReceipts(folder)
    assert kept.find("job") is None
    kept.keep("../evil", RUNNING)
    assert not (tmp_path / "evil.json").exists()
    for number in range(MOST + 5):
        kept.keep(f"pod{number}", RUNNING)
    assert len(list(folder.glob("*.json"))) == MOST
    (folder / "odd.json").write_bytes(b"\xff{")
    assert kept.of("odd") is None
    assert kept.find("job") is not None
    assert oct((folder / f"pod{MOST}.json").stat().st_mode & 0o777) == "0o600"
    (tmp_path / "file").write_text("")
    KeptReceipts(tmp_path / "file").keep("pod1", RUNNING)
