"""Which pod goes on with a sending that broke off: one that was made for this very code, however far it has come."""

from __future__ import annotations

import pytest

from pod_client.known_pods import KnownPod
from pod_client.plan import Wishes, make_plan
from pod_client.reuse import AlreadyRuns, candidates
from pod_wire.runpod.models import Pod
from pod_wire.source import tree_text

TREE, OTHER = tree_text("ab" * 32), tree_text("cd" * 32)


def plan(repo):
    contract = {"POD_COMMAND": "train", "POD_REPO": repo, "POD_JOB": "job"}
    return make_plan(Wishes(None, None, contract, {}, {"image": "i", "gpus": ("A",)}))


def known(pod):
    return KnownPod(pod.id, pod.name, "job", "token", "https://x/v2", 8787, is_local=False, created_at=0.0)


def making(status, repo, pod_id="p1"):
    return Pod(pod_id, "podkeep-job", status, env={"POD_REPO": repo, "POD_ORDER": "o1"})


@pytest.mark.parametrize("status", ["PROVISIONING", "STARTING"])
def test_a_pod_that_starts_for_this_code_is_gone_on_with(status):
    """The client that made it was killed: nobody else will send the code."""
    pod = making(status, TREE)
    assert candidates([pod], [known(pod)], plan(TREE)) == [(pod, known(pod))]


@pytest.mark.parametrize("repo", [OTHER, "https://host.invalid/r"])
def test_a_pod_that_starts_for_other_code_is_not_ours_to_take(repo):
    """It runs the job already, with code that somebody else sends or that it fetches: no second pod for it."""
    pod = making("STARTING", repo)
    with pytest.raises(AlreadyRuns):
        candidates([pod], [known(pod)], plan(TREE))
    same = making("STARTING", "https://host.invalid/r")
    with pytest.raises(AlreadyRuns):
        candidates([same], [known(same)], plan("https://host.invalid/r"))


def test_a_pod_whose_token_is_not_here_is_left_alone():
    """Nothing could be sent to it."""
    assert candidates([making("STARTING", TREE)], [], plan(TREE)) == []
