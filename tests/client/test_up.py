"""`up` as a program: what it asks RunPod for, when it lets go, and what it leaves when it fails."""

from __future__ import annotations

import hashlib
import json
import signal
import time

import pytest

from pod_wire.status import Outcome, SelfStop
from tests.client.conftest import UP
from tests.client.heard import Heard
from tests.fakes.agent_server import FakeAgent
from tests.live import PATIENCE_S

NO_STOCK = (400, {"detail": "There are no longer any instances available with the requested specifications."})


def wait_for(is_so, limit_s=PATIENCE_S):
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def ended(agent: FakeAgent, outcome=Outcome.SUCCEEDED):
    agent.write(b"step 1\nstep 2\n")
    agent.finish(outcome)


def test_a_job_is_launched_followed_and_receipted(pod):
    """The log is on stdout byte for byte, the receipt on stderr, the outcome in the exit code."""
    ended(pod.agent)
    code, out, err = pod.run(*UP, "--on-finish", "keep")
    assert (code, out) == (0, "step 1\nstep 2\n")
    assert "outcome     succeeded" in err
    assert "still billed" in err
    assert "$0.50/h" in err


def test_a_failed_job_is_exit_code_one(pod):
    """A job that failed makes the command fail with 1."""
    ended(pod.agent, Outcome.FAILED)
    code, _, err = pod.run(*UP, "--on-failure", "keep")
    assert code == 1
    assert "outcome     failed" in err


def test_the_request_says_everything_that_runpod_might_guess(pod):
    """Mount, ports, disk, gpu.count and cloud are always sent; the token only as its hash."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep", "--env", "LR=0.1", "--detach")
    body = pod.runpod.bodies[0]
    assert body["mounts"] == {"persistent": {"size": 20, "path": "/workspace"}}
    assert body["ports"] == ["8787/http", "22/tcp"]
    assert (body["disk"], body["gpu"], body["cloud"]) == (40, {"id": "A", "count": 1}, "SECURE")
    assert body["name"].startswith("podkeep-job-")
    env = body["env"]
    assert env["POD_TOKEN"] == "sha256:" + hashlib.sha256(pod.agent.token.encode()).hexdigest()
    assert (env["POD_COMMAND"], env["POD_JOB"], env["LR"]) == ("train", "job", "0.1")
    assert env["POD_ORDER"]


def test_pods_json_is_for_its_owner_only(pod):
    """The file with the tokens is 0600 in a 0700 folder."""
    pod.run(*UP, "--detach")
    path = pod.home / ".config/podkeep/pods.json"
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_candidates_are_tried_in_their_order(pod):
    """A GPU without stock is followed by the next, one request each."""
    pod.runpod.faults["create"] = [NO_STOCK, NO_STOCK]
    code, _, err = pod.run(*UP, "--gpu", "B", "--gpu", "C", "--detach")
    assert code == 0
    assert pod.runpod.calls.count("create") == 3
    assert pod.runpod.bodies[0]["gpu"]["id"] == "C"
    assert "A: no machine is free; trying the next" in err


def test_no_stock_anywhere_is_exit_code_four_and_nothing_billed(pod):
    """When RunPod has none of them, the command says so, and that nothing is billed."""
    pod.runpod.faults["create"] = [NO_STOCK]
    code, _, err = pod.run(*UP)
    assert code == 4
    assert "nothing is billed" in err


def test_a_create_that_fails_with_the_pod_made_is_found_by_name(pod):
    """A 500 to the create is followed by a look for the name, not by a second request."""
    pod.runpod.faults["create"] = [(500, {"detail": "oops"})]
    pod.runpod.makes_anyway = True
    code, _, err = pod.run(*UP, "--detach")
    assert code == 0
    assert pod.runpod.calls.count("create") == 1
    assert "it exists: pod1" in err


@pytest.mark.slow
def test_a_create_of_unknown_fate_is_never_repeated(pod):
    """When no pod of that name is listed, the command gives up and names it."""
    pod.runpod.faults["create"] = [(502, {"detail": "bad gateway"})]
    code, _, err = pod.run(*UP)
    assert code == 3
    assert pod.runpod.calls.count("create") == 1
    assert "pod-client ps" in err


def test_a_pod_that_cannot_stop_itself_is_removed(pod):
    """`impossible` is a failed launch: the pod is removed, confirmed, and said to be."""
    pod.agent.status = type(pod.agent.status)(
        version="0", now=0.0, phase=pod.agent.status.phase, self_stop=SelfStop.IMPOSSIBLE
    )
    code, _, err = pod.run(*UP)
    assert code == 3
    assert pod.runpod.pods == {}
    assert "pod pod1 is removed; nothing of it is billed any more" in err
    assert "cannot stop itself" in err


@pytest.mark.slow
def test_a_pod_that_never_answers_is_given_up_and_removed(pod):
    """After its time the launch ends: the pod is removed and the message says why."""
    pod.runpod.on_change = lambda _: None
    code, _, err = pod.run(*UP, "--wait-minutes", "0.1")
    assert code == 3
    assert pod.runpod.pods == {}
    assert "has not said that it can stop the pod" in err


def test_ctrl_c_before_the_pod_is_armed_removes_it(pod):
    """Interrupted while waiting: what was made is removed, confirmed by RunPod, exit 130."""
    pod.runpod.on_change = lambda _: None
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: any("created pod" in line for line in seen))
    process.send_signal(signal.SIGINT)
    assert "nothing of it is billed" in seen.whole(130)
    assert pod.runpod.pods == {}


def test_a_removal_that_is_not_confirmed_names_the_pod_and_the_command(pod):
    """When RunPod does not confirm, the message names what may be billed and the command that ends it."""
    pod.runpod.on_change = lambda _: None
    pod.runpod.faults["delete"] = [(500, {"detail": "oops"})] * 200
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: any("created pod" in line for line in seen))
    process.send_signal(signal.SIGINT)
    wait_for(lambda: any("removing pod" in line for line in seen))
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert "may still be billed. End it with: pod-client rm pod1" in seen.whole(130)


def test_ctrl_c_while_following_detaches(pod):
    """The pod goes on; the message says how to come back and what is still billed."""
    pod.agent.write(b"step 1\n")
    process = pod.start(*UP)
    seen = Heard(process)
    wait_for(lambda: any("follow=1" in path for _, path in pod.agent.requests))
    process.send_signal(signal.SIGINT)
    text = seen.whole(130)
    assert "pod-client logs -f job" in text
    assert "still billed at $0.50/h" in text
    assert pod.runpod.pods["pod1"]["status"] == "RUNNING"


def test_a_stopped_pod_of_the_same_kind_is_reused(pod):
    """The environment is written whole while EXITED, then the pod is started: no second pod."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.runpod.set_status("pod1", "EXITED")
    pod.runpod.pods["pod1"]["env"]["PUBLIC_KEY"] = "ssh-ed25519 AAAA"
    code, out, err = pod.run(*UP, "--on-finish", "keep")
    assert code == 0
    assert out == ""  # what the first call showed is not shown again
    assert len(pod.runpod.pods) == 1
    env = pod.runpod.patches[0]["env"]
    assert env["POD_COMMAND"] == "train"
    assert env["PUBLIC_KEY"] == "ssh-ed25519 AAAA"
    assert env["POD_ORDER"] != pod.runpod.bodies[0]["env"]["POD_ORDER"]
    assert "is stopped: giving it the job" in err


def test_an_idle_pod_takes_the_job_by_post(pod):
    """A pod that waits is given the job over HTTP, with an order id of ours; its old outcome does not end us."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    process = pod.start(*UP, "--on-finish", "keep")
    wait_for(lambda: pod.agent.bodies)
    assert pod.agent.bodies[0]["command"] == "train"
    pod.agent.write(b"second run\n")
    pod.agent.finish(order=pod.agent.orders[0])
    out, _ = process.communicate(timeout=PATIENCE_S)
    assert out == b"second run\n"
    assert len(pod.runpod.pods) == 1


def test_an_agent_that_is_just_starting_again_is_waited_for(pod):
    """The job's own pod, running, behind a 502: it gets the job a moment later, and no second pod is made."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.agent.behind, known = 502, len(pod.agent.requests)
    process = pod.start(*UP, "--on-finish", "keep")
    wait_for(lambda: len(pod.agent.requests) > known)
    pod.agent.behind = None
    wait_for(lambda: pod.agent.bodies)
    pod.agent.finish(order=pod.agent.orders[0])
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert len(pod.runpod.pods) == 1


@pytest.mark.parametrize("fault", ["refused", "no_gpu"])
def test_a_stopped_pod_without_a_free_gpu_is_said(pod, fault):
    """The job's own pod cannot start: exit 4, nothing created behind one's back, and the way out is named."""
    ended(pod.agent)
    pod.run(*UP, "--on-finish", "keep")
    pod.runpod.set_status("pod1", "EXITED")
    if fault == "refused":
        pod.runpod.faults["start"] = [(400, {"error": "There are not enough free GPUs on the host machine"})]
    else:
        pod.runpod.gpus_after_start = 0
    code, _, err = pod.run(*UP, "--on-finish", "keep")
    assert code == 4
    assert "--new-pod" in err
    assert len(pod.runpod.pods) == 1
    assert pod.runpod.pods["pod1"]["status"] == "EXITED"


def test_dry_run_creates_nothing_and_stars_secrets(pod):
    """What would be created is shown with its price; values of secrets are not."""
    code, out, err = pod.run(*UP, "--dry-run", "--env", "HF_TOKEN=hf_verysecret", "--env", "LR=0.1")
    assert code == 0
    assert pod.runpod.calls == []
    assert "hf_verysecret" not in out + err
    assert json.loads(out)["env"]["LR"] == "0.1"
    assert "A: $0.44/h" in err


def test_without_an_image_the_remedy_is_named(pod):
    """There is no default image: exit 2, every mistake at once."""
    code, _, err = pod.run("up", "--command", "train")
    assert code == 2
    assert "--image" in err
    assert "--gpu" in err
    assert "--local" in err


def test_json_is_one_document(pod):
    """--json prints one document and no log; nothing secret is in it."""
    ended(pod.agent)
    code, out, _ = pod.run(*UP, "--on-finish", "keep", "--json")
    document = json.loads(out)
    assert code == document["exit_code"] == 0
    assert document["format"] == 1
    assert document["status"]["job"]["outcome"] == "succeeded"
    assert pod.agent.token not in out


def test_no_secret_is_in_any_url_or_message(pod):
    """Neither the token nor the key is ever in a path or on the screen."""
    ended(pod.agent)
    _, out, err = pod.run(*UP, "--on-finish", "keep")
    for secret in (pod.agent.token, pod.runpod.key):
        assert secret not in out + err
        assert not any(secret in path for _, path in pod.agent.requests)
