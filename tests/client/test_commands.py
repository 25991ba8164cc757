"""The other commands as programs: logs, status, ps, cancel, restart, stop, start, rm."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pod_wire.status import Attempt, Outcome
from tests.client.conftest import UP
from tests.client.heard import Heard
from tests.client.test_up import ended, wait_for
from tests.live import PATIENCE_S


@pytest.fixture
def running(pod):
    """A pod that was started and left alone."""
    assert pod.run(*UP, "--detach")[0] == 0
    return pod


def test_logs_prints_bytes_as_they_are(running):
    """What is not UTF-8, has no newline and holds carriage returns comes out byte for byte."""
    data = bytes(range(256)) * 40 + b"10%\r20%\rno newline"
    running.agent.write(data)
    process = running.start("logs", "job")
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert out == data


def test_logs_by_id_name_or_job_and_the_last_lines(running):
    """A pod may be named in three ways; --tail counts lines."""
    running.agent.write(b"one\ntwo\nthree\n")
    name = str(running.runpod.pods["pod1"]["name"])
    for named in ("pod1", name, "job"):
        assert running.run("logs", named, "--tail", "1")[1] == "three\n"


def test_logs_of_a_pod_that_somebody_else_started(running):
    """With the token in POD_TOKEN or in a file a pod unknown here can be read; without, the way to it is named."""
    running.agent.write(b"hello\n")
    (running.home / ".config/podkeep/pods.json").unlink()
    code, _, err = running.run("logs", "pod1")
    assert code == 3
    assert "ssh" in err
    assert running.run("logs", "pod1", POD_TOKEN=running.agent.token)[1] == "hello\n"
    (running.home / "token").write_text(running.agent.token + "\n")
    assert running.run("logs", "pod1", "--token-file", "token")[1] == "hello\n"


def test_a_reader_that_leaves_ends_logs_quietly(running):
    """A broken pipe is no error: nothing on stderr, no trace."""
    running.agent.write(b"line\n" * 200_000)
    process = running.start("logs", "job")
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(PATIENCE_S) == 0
    assert process.stderr.read() == b""


def test_ctrl_c_leaves_a_followed_pod_alone(running):
    """logs -f ends with 130 and says that the pod is still billed, and how to end that."""
    process = running.start("logs", "-f", "job")
    seen = Heard(process)
    wait_for(lambda: any("follow=1" in path for _, path in running.agent.requests))
    process.send_signal(signal.SIGINT)
    assert "pod-client stop pod1" in seen.whole(130)


def test_logs_follow_ends_with_the_outcome(running):
    """The exit code is the job's."""
    ended(running.agent, Outcome.FAILED)
    code, out, err = running.run("logs", "-f", "job")
    assert (code, out) == (1, "step 1\nstep 2\n")
    assert "outcome     failed" in err


def test_status_says_how_it_is(running):
    """Phase, attempt and its pid, price; and the same as JSON with its format."""
    job = replace(running.agent.status.job, attempts=(Attempt(2, pid=77, started_at=1.0),))
    running.agent.status = replace(
        running.agent.status,
        job=job,
        cost=0.25,
        stops_at=running.agent.status.now + 60,
        stops_because="deadline",
    )
    code, out, _ = running.run("status", "job")
    assert code == 0
    for said in ("running, $0.50/h, still billed", "77", "proved", "$0.25 this boot", "(deadline)"):
        assert said in out
    document = json.loads(running.run("status", "job", "--json")[1])
    assert (document["format"], document["live"]) == (1, True)
    assert document["status"]["job"]["attempts"][0]["pid"] == 77
    assert "env" not in document["pod"]


def test_status_of_a_stopped_pod_is_its_last_words(running):
    """A pod that is off is described by what it said last, and that is said."""
    ended(running.agent)
    running.run("status", "job")
    running.runpod.set_status("pod1", "EXITED")
    code, out, err = running.run("status", "job")
    assert code == 0
    assert "exited" in out
    assert "as it was" in out
    assert "succeeded" in err


def test_ps_lists_our_pods_and_their_bill(running):
    """Ours are listed with phase and price, strangers' are not; the sum per hour is said."""
    running.runpod.pods["other"] = {"id": "other", "name": "mine", "status": "RUNNING", "cost": 9.0}
    code, out, err = running.run("ps")
    assert code == 0
    assert "pod1" in out
    assert "running" in out
    assert "other" not in out
    assert "together $0.50/h are billed" in err
    document = json.loads(running.run("ps", "--json")[1])
    assert [pod["id"] for pod in document["pods"]] == ["pod1"]


@pytest.mark.parametrize("action", ["cancel", "restart"])
def test_cancel_and_restart_ask_the_agent(running, action):
    """One POST to the job's route; a refusal of the agent's is shown with its remedy."""
    assert running.run(action, "job")[0] == 0
    assert ("POST", f"/jobs/job/{action}") in running.agent.requests
    running.agent.refusal = (409, "the job has ended")
    code, _, err = running.run(action, "job")
    assert code == 3
    assert "the job has ended" in err
    assert "try later" in err


def test_stop_is_confirmed_and_twice_is_no_error(running):
    """stop waits for EXITED, says what the disk costs, and does the same on a stopped pod."""
    for _ in range(2):
        code, _, err = running.run("stop", "job")
        assert code == 0
        assert "its GPU is no longer billed" in err
        assert running.runpod.pods["pod1"]["status"] == "EXITED"


def test_start_waits_until_the_pod_can_stop_itself(running):
    """start lets go of a pod that is armed, and says its price."""
    running.run("stop", "job")
    code, _, err = running.run("start", "job")
    assert code == 0
    assert "$0.50/h" in err


def test_start_without_a_free_gpu_leaves_it_stopped(running):
    """RunPod's 400 is exit 4, with what to do."""
    running.run("stop", "job")
    running.runpod.faults["start"] = [(400, {"error": "not enough free GPUs on the host machine"})]
    code, _, err = running.run("start", "job")
    assert code == 4
    assert "--new-pod" in err
    assert running.runpod.pods["pod1"]["status"] == "EXITED"


def test_rm_spares_a_running_job_unless_forced(running):
    """A pod at work is removed only with --force; then it is gone from RunPod and from here."""
    code, _, err = running.run("rm", "job")
    assert code == 3
    assert "--force" in err
    assert running.run("rm", "job", "--force")[0] == 0
    assert running.runpod.pods == {}
    assert json.loads((running.home / ".config/podkeep/pods.json").read_text())["pods"] == {}


def test_without_a_key_the_remedy_is_named(pod):
    """No key: exit 3, and where to put one."""
    code, _, err = pod.run("ps", RUNPOD_API_KEY="")
    assert code == 3
    assert "RUNPOD_API_KEY" in err


def test_a_wrong_key_is_a_refusal(pod):
    """RunPod's 401 is exit 3; the key is not shown."""
    code, _, err = pod.run(*UP, RUNPOD_API_KEY="wrong-key-value")
    assert code == 3
    assert "wrong-key-value" not in err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /dev/full")
def test_a_full_disk_under_stdout_is_an_error_that_says_what_is_billed(running):
    """The log cannot be written: one message, no traceback, and that the pod goes on."""
    running.agent.write(b"line\n" * 100)
    for flags in ((), ("-f",)):
        with Path("/dev/full").open("wb") as full:
            process = subprocess.Popen(
                [sys.executable, "-m", "pod_client.cli", "logs", "job", *flags],
                cwd=running.home,
                env=running.env,
                stdout=full,
                stderr=subprocess.PIPE,
            )
            err = process.communicate(timeout=PATIENCE_S)[1].decode()
        assert process.returncode == 3
        assert "cannot write the log to stdout: No space left" in err
        assert "Traceback" not in err
    assert "is still billed" in err


def test_a_log_that_is_replaced_while_it_is_printed_is_said(running):
    """The second answer is of a shorter log: what was printed is called not whole, and the command ends."""
    running.agent.write(b"line\n" * 100_000)
    running.agent.shrinks = True
    process = running.start("logs", "job")
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert b"not whole" in err


def test_one_missing_read_does_not_make_a_pod_removed(running):
    """A single 404 while the pod is listed is no removal: the bill is not declared ended."""
    ended(running.agent)
    running.runpod.faults["get"] = [(404, {"detail": "no such pod"})]
    _, out, err = running.run("status", "job")
    assert "does not know" not in out + err
    assert "nothing of it is billed" not in out + err
    assert "$0.50/h" in out


def test_a_removed_pod_is_not_to_be_started(running):
    """Somebody removed it: its log is gone with its disk, and no command is named that cannot work."""
    running.runpod.pods.clear()
    running.agent.behind = 404
    code, _, err = running.run("logs", "job")
    assert code == 3
    assert "the pod was removed" in err
    assert "pod-client start" not in err
