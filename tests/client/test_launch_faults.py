"""Launches that are broken off where it hurts: nothing is left billed without its name and the command that ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from pod_wire.status import SelfStop
from tests.client.conftest import UP
from tests.client.heard import Heard
from tests.client.test_up import ended, wait_for
from tests.live import PATIENCE_S

OOPS = (500, {"detail": "oops"})
ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.executable, [sys.executable, '-m', 'pod_client.cli', *sys.argv[1:]])"
)


def stopped(pod):
    """A stopped pod of an earlier job."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.runpod.set_status("pod1", "EXITED")


def test_ctrl_c_while_a_create_of_unknown_fate_is_looked_up_names_the_pod(pod):
    """The pod may exist: the message says so and how to end it, and never that nothing is billed."""
    pod.runpod.faults |= {"create": [OOPS], "list": [OOPS] * 50}
    pod.runpod.makes_anyway = True
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: any("looking for" in line for line in seen))
    process.send_signal(signal.SIGINT)
    said = seen.whole(130)
    assert f"pod-client rm {pod.runpod.pods['pod1']['name']}" in said
    assert "nothing was created" not in said


def test_a_second_ctrl_c_while_looking_names_the_pod(pod):
    """Interrupted during the create, and again while it is looked up."""
    held = threading.Event()
    pod.runpod.on_create = lambda: held.wait(PATIENCE_S)
    pod.runpod.faults["list"] = [OOPS] * 50
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: pod.runpod.pods)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: any("looking whether" in line for line in seen))
    process.send_signal(signal.SIGINT)
    said = seen.whole(130)
    held.set()
    assert f"pod-client rm {pod.runpod.pods['pod1']['name']}" in said
    assert "nothing was created" not in said


def test_ctrl_c_during_the_create_removes_what_was_made(pod):
    """The answer never came, the pod is found by its name and removed."""
    held = threading.Event()
    pod.runpod.on_create = lambda: held.wait(PATIENCE_S)
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: pod.runpod.pods)
    process.send_signal(signal.SIGINT)
    said = seen.whole(130)
    held.set()
    assert pod.runpod.pods == {}
    assert "nothing of it is billed any more" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither terminals of this kind nor HUP")
def test_a_terminal_that_is_closed_leaves_no_pod(pod):
    """Nobody can be told any more, HUP comes twice, and the pod is removed all the same."""
    import pty  # noqa: PLC0415 - not on Windows

    pod.runpod.on_change = lambda _: None
    master, slave = pty.openpty()
    argv = [sys.executable, "-c", ON_A_TERMINAL, *UP]
    process = subprocess.Popen(argv, cwd=pod.home, env=pod.env, stdin=slave, stdout=slave, stderr=slave)
    pod.started.append(process)
    os.close(slave)
    wait_for(lambda: "get" in pod.runpod.calls)
    os.close(master)
    wait_for(lambda: "delete" in pod.runpod.calls or process.poll() is not None)
    if process.poll() is None:
        process.send_signal(signal.SIGHUP)
    assert process.wait(PATIENCE_S) == 130
    assert pod.runpod.pods == {}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no HUP")
def test_a_launch_that_nohup_protects_is_not_ended_by_hup(pod):
    """HUP that is ignored from the beginning stays ignored."""
    pod.runpod.on_change = lambda _: None
    argv = ["nohup", sys.executable, "-m", "pod_client.cli", *UP]
    process = subprocess.Popen(
        argv,
        cwd=pod.home,
        env=pod.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    pod.started.append(process)
    wait_for(lambda: "get" in pod.runpod.calls)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None
    assert "pod1" in pod.runpod.pods


def test_damaged_memory_of_pods_ends_a_launch_without_a_pod(pod):
    """pods.json holds half an entry: an error with its remedy, no traceback, and the pod that was made is removed."""
    folder = pod.home / ".config/podkeep"
    folder.mkdir(parents=True)
    (folder / "pods.json").write_text(json.dumps({"format": 1, "pods": {"x": {"id": "x"}}}))
    code, _, err = pod.run(*UP, "--new-pod")
    assert code == 3
    assert "is damaged" in err
    assert "Traceback" not in err
    assert pod.runpod.pods == {}


def test_ctrl_c_after_an_idle_pod_took_the_job_says_that_it_bills(pod):
    """A pod that was running is not ours to remove; that it goes on, and how to end it, is said."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.agent.status = replace(pod.agent.status, self_stop=SelfStop.UNKNOWN)
    process = pod.start(*UP, "--on-finish", "keep")
    seen = Heard(process)
    wait_for(lambda: any("waiting for its agent" in line for line in seen))
    process.send_signal(signal.SIGINT)
    said = seen.whole(130)
    assert "still billed" in said
    assert "pod-client stop pod1" in said
    assert pod.runpod.pods["pod1"]["status"] == "RUNNING"


def test_an_order_whose_answer_is_lost_is_given_again_under_its_id(pod):
    """The idle pod may have taken it: no second pod is made, and two requests are one order."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.agent.answers_lost = 1
    code, _, _ = pod.run(*UP, "--on-finish", "keep", "--detach")
    assert code == 0
    assert len(pod.runpod.pods) == 1
    assert len(pod.agent.orders) == 2
    assert len(set(pod.agent.orders)) == 1


def test_an_order_of_unknown_fate_makes_no_second_pod(pod):
    """When the answer stays lost, the command ends and names the pod that may run the job."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.agent.answers_lost = 9
    code, _, err = pod.run(*UP, "--on-finish", "keep")
    assert code == 3
    assert "pod-client status pod1" in err
    assert "still billed" in err
    assert len(pod.runpod.pods) == 1


def test_a_woken_pod_that_fails_gets_its_environment_back(pod):
    """Started, never ready: it is stopped again, and a later start would not run our job."""
    stopped(pod)
    before = dict(pod.runpod.pods["pod1"]["env"])
    pod.agent.status = replace(pod.agent.status, self_stop=SelfStop.IMPOSSIBLE)
    code, _, err = pod.run(*UP, "--on-finish", "keep")
    assert code == 3
    assert pod.runpod.pods["pod1"]["status"] == "EXITED"
    assert pod.runpod.pods["pod1"]["env"] == before
    assert "its GPU is no longer billed" in err


def test_a_pod_that_turns_out_to_have_no_gpu_is_stopped(pod):
    """RunPod's first answer still shows the old count; the wait sees the zero."""
    stopped(pod)

    def changed(status):
        if status == "RUNNING":
            pod.runpod.pods["pod1"]["gpu"] = {"id": "A", "count": 0}

    pod.runpod.on_change = changed
    pod.agent.behind = 502
    code, _, err = pod.run("start", "pod1")
    assert code == 4
    assert "no GPU" in err
    assert pod.runpod.pods["pod1"]["status"] == "EXITED"


def test_an_agent_that_answers_early_hides_no_missing_gpu(pod):
    """The agent may be up while RunPod still says STARTING: without a GPU the pod is stopped all the same."""
    stopped(pod)
    before = dict(pod.runpod.pods["pod1"])
    starting = before | {"status": "STARTING"}

    def changed(status):
        pod.agent.behind = None
        if status == "RUNNING":
            pod.runpod.pods["pod1"]["gpu"] = {"id": "A", "count": 0}

    pod.runpod.on_change = changed
    pod.runpod.faults["get"] = [(200, before), (200, starting)]
    code, _, err = pod.run("start", "pod1")
    assert code == 4
    assert "no GPU" in err
    assert pod.runpod.pods["pod1"]["status"] == "EXITED"


def test_start_leaves_a_running_pod_alone(pod):
    """A pod that runs is not started, and above all not stopped when RunPod fails at the moment."""
    pod.run(*UP, "--detach")
    pod.runpod.faults["start"] = [OOPS] * 5
    code, _, err = pod.run("start", "pod1")
    assert code == 3
    assert "it is running" in err
    assert "stop" not in pod.runpod.calls


def test_a_locked_pod_is_said_to_be_locked(pod):
    """It cannot be stopped: said at once, with the remedy, and that it is billed."""
    pod.run(*UP, "--detach")
    pod.runpod.pods["pod1"]["locked"] = True
    pod.runpod.faults["stop"] = [(409, {"detail": "pod is locked"})] * 9
    code, _, err = pod.run("stop", "pod1")
    assert code == 3
    assert "it is locked" in err
    assert "may still be billed" in err


def test_a_key_that_runpod_does_not_know_ends_stop_at_once(pod):
    """No minute of asking with a wrong key: what may be billed, and why, is said."""
    pod.run(*UP, "--detach")
    code, _, err = pod.run("stop", "pod1", RUNPOD_API_KEY="wrong")
    assert code == 3
    assert "does not know this key" in err
    assert "may still be billed" in err


@pytest.mark.slow
def test_a_new_pod_that_reads_missing_for_a_while_is_removed(pod):
    """RunPod answers 404 and lists nothing for some seconds: that is no proof, and the pod is found and removed."""
    hidden = {}
    pod.runpod.on_change = lambda _: None
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: any("created pod" in line for line in seen))
    hidden |= pod.runpod.pods
    pod.runpod.pods.clear()
    known = len(pod.runpod.calls)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "list" in pod.runpod.calls[known:])
    time.sleep(3)
    pod.runpod.pods |= hidden
    said = seen.whole(130)
    assert "nothing of it is billed any more" in said
    assert pod.runpod.pods == {}


def test_ctrl_c_while_following_with_json_is_a_document(pod):
    """A script that asked for JSON gets it, with the pod that goes on and the exit code."""
    process = pod.start(*UP, "--json")
    wait_for(lambda: any("follow=1" in path for _, path in pod.agent.requests))
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE_S)
    document = json.loads(out)
    assert (process.returncode, document["exit_code"], document["pod"]["id"]) == (130, 130, "pod1")


@pytest.mark.slow
def test_the_agent_is_asked_oftener_than_runpod(pod):
    """A short job's pod may be up for seconds only: between two looks at RunPod the agent is asked more than once."""
    pod.agent.status = replace(pod.agent.status, self_stop=SelfStop.UNKNOWN)
    pod.start(*UP)

    def health() -> int:
        return sum(path == "/healthz" for _, path in pod.agent.requests)

    wait_for(lambda: pod.runpod.calls.count("get") < health() and health() > 12)
