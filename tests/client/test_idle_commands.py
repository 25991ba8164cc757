"""`why` and `keep` as programs: against a fake agent that says anything, and against a real one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from pod_wire.idle import IdleStatus, Keep, Sign
from pod_wire.status import Phase
from tests.agent.agent_process import TOKEN, AgentProcess
from tests.client.conftest import UP


@pytest.fixture
def waiting(pod):
    """A pod without a job, whose GPU is unknown and where somebody has typed lately."""
    assert pod.run(*UP, "--detach")[0] == 0
    now = pod.agent.status.now
    signs = (
        Sign("GPU", "unknown", "The driver does not answer.", None, None, now - 60, now + 840),
        Sign("programs", "idle", "Nobody has started a program by hand.", "none", "10% of a core", now, None),
        Sign(
            "ssh", "idle", "1 terminal is open, and nobody types.", "no input", "any input", now, now + 1500
        ),
    )
    idle = IdleStatus(
        15.0, 30.0, "No job, and idle for 5 min; the last sign of use: ssh.", now + 1500, now - 300, signs
    )
    pod.agent.status = replace(
        pod.agent.status,
        phase=Phase.WAITING,
        job=None,
        stops_at=now + 1500,
        stops_because="idle",
        idle=idle,
    )
    return pod


def test_why_fits_one_screen(waiting):
    """When it stops and why first, then each signal with value and limit, then what can be done."""
    code, out, err = waiting.run("why", "pod1")
    assert code == 0
    assert "if nothing more happens it stops in 2" in err
    assert "the last sign of use: ssh" in err
    lines = out.splitlines()
    assert lines[0].split() == ["SIGNAL", "STATE", "SINCE", "NOW", "BUSY", "FROM", "HOLDS", "UNTIL", "WHY"]
    assert [line.split()[0] for line in lines[1:]] == ["job", "GPU", "programs", "ssh"]
    assert "unknown" in lines[2]
    assert "The driver does not answer." in lines[2]
    assert "10% of a core" in lines[3]
    assert "pod-client keep pod1 2h" in err
    assert len(lines) + len(err.splitlines()) < 24


def test_why_as_json(waiting):
    """Moments as numbers, and every signal."""
    document = json.loads(waiting.run("why", "pod1", "--json")[1])
    assert (document["format"], document["phase"], document["stops_because"]) == (1, "waiting", "idle")
    assert [sign["name"] for sign in document["idle"]["signs"]] == ["GPU", "programs", "ssh"]


def test_why_while_a_job_runs_and_when_nothing_stops_it(waiting):
    """Idleness does not; the deadline is named. An older agent says less, and that is said."""
    agent = waiting.agent
    idle = replace(
        agent.status.idle, stops_at=None, because="The pod is running: the idle brake does not stop it."
    )
    agent.status = replace(
        agent.status, phase=Phase.RUNNING, stops_at=agent.status.now + 60, stops_because="deadline",
        deadline_at=agent.status.now + 60, idle=idle,
    )  # fmt: skip
    code, out, err = waiting.run("why", "pod1")
    assert (code, "POD_MAX_HOURS" in out, "(deadline)" in err) == (0, True, True)
    agent.status = replace(agent.status, stops_at=None, stops_because=None, deadline_at=None, idle=None)
    code, out, err = waiting.run("why", "pod1")
    assert (code, out) == (0, "")
    assert "nothing stops it by itself" in err
    assert "older podkeep" in err


def test_why_of_a_pod_that_is_off(waiting):
    """It cannot be asked, and what it said last is at hand."""
    waiting.runpod.set_status("pod1", "EXITED")
    code, _, err = waiting.run("why", "pod1")
    assert code != 0
    assert "the pod has stopped" in err


def test_keep_says_until_when_and_what_it_costs(waiting):
    """The reason goes along; a deadline that comes first is warned of."""
    waiting.agent.status = replace(waiting.agent.status, deadline_at=waiting.agent.status.now + 60)
    code, _, err = waiting.run("keep", "pod1", "2h", "--because", "evaluation by hand")
    assert code == 0, err
    assert waiting.agent.requests[-2] == ("POST", "/keep")
    assert waiting.agent.bodies[-1] == {"seconds": 7200.0, "because": "evaluation by hand"}
    assert "kept for 2 h 00 min" in err
    assert "$1.00 in all" in err
    assert "its deadline comes before that" in err


def test_keep_ends(waiting):
    """Zero seconds; and when it stops now."""
    code, _, err = waiting.run("keep", "pod1", "--end")
    assert code == 0, err
    assert waiting.agent.bodies[-1] == {"seconds": 0.0, "because": ""}
    assert "if nothing more happens it stops in" in err


@pytest.mark.parametrize("words", [(), ("2h", "--end"), ("2",), ("two hours",), ("8d",), ("0m",)])
def test_keep_asked_wrongly(waiting, words):
    """Usage, with an example; nothing is asked of the pod."""
    before = len(waiting.agent.bodies)
    code, _, err = waiting.run("keep", "pod1", *words)
    assert code == 2
    assert "2h" in err
    assert len(waiting.agent.bodies) == before


def test_status_shows_the_leases(waiting):
    """For how long more, and why."""
    status = waiting.agent.status
    keeps = (Keep(status.now + 3600, status.now, "evaluation"),)
    waiting.agent.status = replace(status, idle=replace(status.idle, keeps=keeps))
    out = waiting.run("status", "pod1")[1]
    assert "more: evaluation" in out
    assert "kept" in out


@pytest.mark.slow
def test_a_real_agent_is_asked_and_kept(tmp_path):
    """Each signal has its words; a lease shows at once, outlives the agent's death, and ends on request."""
    agent = AgentProcess(tmp_path / "pod", POD_JOB="", PODKEEP_MACHINE=str(tmp_path / "machine"))
    (tmp_path / "machine" / "proc").mkdir(parents=True)
    env = {
        "HOME": str(tmp_path), "PATH": os.environ["PATH"], "POD_TOKEN": TOKEN,
        "POD_PROXY_URL": f"http://127.0.0.1:{agent.port}",
    }  # fmt: skip

    def client(*argv):
        program = [sys.executable, "-m", "pod_client.cli", *argv]
        done = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def is_looked_at(status):
        return status["idle"] is not None and status["idle"]["signs"][2]["state"] == "idle"

    try:
        agent.start("sleep", "infinity")
        agent.until("looked", is_looked_at)
        said = client("why", "mine")
        assert "There is no job." in said
        assert "This pod has no GPU." in said
        assert "until" in client("keep", "mine", "2h", "--because", "evaluation")
        assert "evaluation" in client("why", "mine")
        agent.kill()
        agent.start("sleep", "infinity")
        agent.until("up", lambda status: status["stops_at"])
        assert json.loads(client("why", "mine", "--json"))["idle"]["keeps"][0]["because"] == "evaluation"
        assert "kept no longer" in client("keep", "mine", "--end")
    finally:
        agent.close()
