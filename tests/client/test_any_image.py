"""`up --image ANY`: what RunPod is asked for, and how the agent comes to a pod whose image has none."""

from __future__ import annotations

import json

import pytest

from pod_client.bare.bundle import make_bundle
from pod_client.bare.start_command import start_command
from pod_client.plan import Wishes, make_plan
from pod_wire.errors import BadInput
from tests.client.conftest import UP
from tests.client.test_up import ended
from tests.live import Simulator

MACHINE = {"image": "debian:12", "gpus": ("A",)}


def body_of(toml=None, *, is_local=False, **machine):
    plan = make_plan(Wishes(None, toml, {"POD_COMMAND": "x"}, {}, MACHINE | machine, is_local=is_local))
    return plan.new_pod("name", "A", {}).to_body()


def test_a_pod_of_any_image_is_started_by_our_start_command():
    """Entrypoint and command are both ours, so that nothing of the image's own runs."""
    body = body_of()
    start = start_command()
    assert (body["entrypoint"], body["cmd"]) == (list(start["entrypoint"]), list(start["cmd"]))


@pytest.mark.parametrize(
    "wish", [{"agent": "image"}, {"toml": '[pod]\nagent = "image"\n'}, {"is_local": True}], ids=str
)
def test_an_image_that_has_the_agent_starts_as_it_says(wish):
    """By flag, by pod.toml, and for local pods: nothing is sent but the environment."""
    body = body_of(**wish)
    assert not {"entrypoint", "cmd"} & body.keys()


def test_another_word_for_where_the_agent_is_gets_a_mistake():
    """The two that there are are named."""
    with pytest.raises(BadInput, match="must be send or image"):
        body_of('[pod]\nagent = "none"\n')


def test_the_agent_is_sent_to_the_pod_that_waits_for_it(pod):
    """Through the proxy, with the pod's token, once it arrives; and the job is followed as ever."""
    pod.agent.wants = make_bundle().digest
    pod.agent.loses_agents = 1
    ended(pod.agent)
    code, out, err = pod.run(*UP, "--on-finish", "keep")
    assert (code, out) == (0, "step 1\nstep 2\n"), err
    assert pod.agent.brought == [(f"/agent/{make_bundle().digest}", make_bundle().data)]
    assert "the image has no agent: sending it" in err
    assert "trying again" in err
    assert pod.runpod.bodies[0]["cmd"][3] == make_bundle().digest


def test_a_pod_of_another_podkeep_is_not_sent_ours(pod):
    """It would refuse it; what was made is removed, and the way out is named."""
    pod.agent.wants = "0" * 64
    code, _, err = pod.run(*UP)
    assert code != 0
    assert "it was made by another podkeep" in err
    assert "--new-pod" in err
    assert pod.agent.brought == []


def test_a_question_to_a_pod_without_an_agent_says_what_it_waits_for(pod):
    """`status` meanwhile names the reason, and sends nothing."""
    pod.agent.wants = make_bundle().digest
    pod.agent.behind = None
    _, _, err = pod.run("status", "pod1", POD_TOKEN=pod.agent.token, RUNPOD_API_KEY="")
    assert "waits for its agent" in err
    assert pod.agent.brought == []


@pytest.mark.slow
def test_local_pods_made_of_this_machine_s_files_take_no_agent(pod):
    """They would install it on this very machine."""
    code, _, err = pod.run("up", "--local", "--agent", "send", "--command", "true")
    simulator = Simulator.at(pod.home / ".local" / "state" / "podkeep" / "sim")
    assert simulator is not None
    simulator.end()
    assert code == 2, err
    assert "docs/simulator.md" in err


def test_a_dry_run_shows_a_person_the_request_without_our_programs(pod):
    """Their size is told; --json has every word."""
    _, out, err = pod.run(*UP, "--dry-run")
    assert "characters: --json shows them" in out + err
    assert "set -u" not in out + err
    _, document, _ = pod.run(*UP, "--dry-run", "--json")
    assert json.loads(document)["requests"][0]["cmd"][1] == start_command()["cmd"][1]


def test_a_runpod_that_takes_no_start_command_is_told_apart(pod):
    """Its refusal names our keys: the way out is an image with the agent. Other refusals stay as they are."""
    said = "body: additional properties 'cmd', 'entrypoint' not allowed"
    refusal = {"title": "no", "detail": "the body is wrong", "errors": [said]}
    pod.runpod.faults["create"] = [(422, refusal), (422, refusal | {"errors": ["body.disk: is too small"]})]
    code, _, err = pod.run(*UP)
    assert (code, "--agent image" in err) == (2, True), err
    code, _, err = pod.run(*UP)
    assert (code, "--agent image" in err) == (2, False), err


def test_a_launch_that_died_before_it_sent_the_agent_is_gone_on_with(pod):
    """The same `up` again finds the pod that waits, and makes no second one; with other settings it says what to do."""
    pod.run(*UP, "--detach")
    pod.agent.wants = make_bundle().digest
    code, _, err = pod.run(*UP, "--env", "LR=0.1")
    assert code != 0
    assert "waits for its agent" in err
    assert "pod-client rm" in err
    ended(pod.agent)
    code, out, err = pod.run(*UP)
    assert (code, out) == (0, "step 1\nstep 2\n"), err
    assert [path for path, _ in pod.agent.brought] == [f"/agent/{make_bundle().digest}"]
    assert len(pod.runpod.bodies) == 1
