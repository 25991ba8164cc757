"""What a stranger meets first: no key, no network, a wrong address or name. Cause and remedy, and no traceback."""

from __future__ import annotations

import pytest

from pod_client.plan import Wishes, make_plan
from pod_wire.errors import BadInput
from tests.client.conftest import UP

NO_STOCK = "There are no longer any instances available with the requested specifications."
NOBODY = "http://127.0.0.1:9"  # the discard port: nobody listens there


def test_without_a_key_an_unknown_name_is_not_taken_for_a_pod(pod):
    """A typo is told from a pod whose token lacks, and both remedies are named."""
    code, _, err = pod.run("logs", "nosuch", RUNPOD_API_KEY="")
    assert code == 3
    assert "cannot find pod 'nosuch'" in err
    assert "RUNPOD_API_KEY" in err
    assert "--token-file" in err


def test_a_create_that_never_left_the_machine_is_no_riddle(pod):
    """Without a network nobody was asked for a pod, so none is looked for and nothing is said to be unclear."""
    code, _, err = pod.run(*UP, POD_RUNPOD_URL=f"{NOBODY}/v2")
    assert code == 3
    assert "nothing is billed" in err
    assert "unclear" not in err
    assert "pod-client rm" not in err
    assert "check this machine's network" in err


def test_an_address_that_is_none_is_wrong_usage(pod):
    """An FTP address is named as the mistake it is, with the settings that hold it."""
    code, _, err = pod.run("ps", POD_RUNPOD_URL="ftp://somewhere")
    assert code == 2
    assert "POD_RUNPOD_URL" in err
    assert "Traceback" not in err


def test_a_gpu_that_runpod_does_not_have_is_told_from_one_that_is_taken(pod):
    """RunPod answers both alike; its catalogue tells them apart, and what was meant."""
    pod.runpod.faults["create"] = [(400, {"detail": NO_STOCK})]
    pod.runpod.gpus = ["NVIDIA GeForce RTX 4090", "NVIDIA L4"]
    code, _, err = pod.run("up", "--image", "img", "--gpu", "4090", "--command", "train")
    assert code == 2
    assert "RunPod has no GPU '4090'" in err
    assert "did you mean NVIDIA GeForce RTX 4090?" in err
    assert "nothing is billed" in err


def mistakes(toml=None, contract=None, *, local=True):
    """What is wrong with a wish, as a person reads it."""
    with pytest.raises(BadInput) as caught:
        make_plan(Wishes(None, toml, contract or {}, {}, {}, is_local=local))
    return str(caught.value)


def test_mistakes_of_a_job_and_of_its_pod_are_told_together():
    """A file is corrected once, not table by table."""
    said = mistakes('[pod]\nimge = "x"\n[job.train]\ncomand = "x"\n')
    assert "did you mean image?" in said
    assert "did you mean command?" in said


def test_a_flag_is_called_as_it_was_typed():
    """Whoever wrote --max-hours reads of --max-hours, not of a variable."""
    said = mistakes(contract={"POD_COMMAND": "x", "POD_MAX_HOURS": "soon"})
    assert "--max-hours: must be a number" in said


@pytest.mark.parametrize("repo", [".", "~/code", "/"])
def test_a_folder_is_no_repository_for_a_paid_pod(repo):
    """A pod elsewhere cannot see this machine's folders; that is said before it costs anything."""
    said = mistakes(contract={"POD_COMMAND": "x", "POD_REPO": repo}, local=False)
    assert "a pod cannot see it" in said


def test_a_local_folder_without_git_is_said_before_a_pod_is_made(tmp_path, monkeypatch):
    """The remedy is two git commands, not a pod's log."""
    monkeypatch.chdir(tmp_path)
    assert "git init" in mistakes(contract={"POD_COMMAND": "x", "POD_REPO": "."})


def test_a_local_folder_of_the_file_is_told_to_the_pod_whole(tmp_path, monkeypatch):
    """`repo = "."` in pod.toml is the folder here, as with --repo."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = make_plan(Wishes(None, '[job.a]\nrepo = "."\ncommand = "x"\n', {}, {}, {}, is_local=True))
    assert plan.spec.repo == str(tmp_path)


def test_a_job_that_runs_is_not_begun_twice(pod):
    """A second `up` of the same job names the pod that works on it; a second pod would be a second bill."""
    pod.run(*UP, "--detach")
    code, _, err = pod.run(*UP, "--detach")
    assert code == 3
    assert "it runs already, on pod pod1" in err
    assert "pod-client logs -f pod1" in err
    assert pod.runpod.calls.count("create") == 1


@pytest.mark.parametrize("command", ["cancel", "restart", "logs", "checkpoints"])
def test_a_stopped_pod_is_called_so(pod, command):
    """Not the proxy's number is said, but that the pod is off, and how to get at what it left."""
    pod.run(*UP, "--detach")
    pod.run("stop", "job")
    code, _, err = pod.run(command, "job")
    assert code == 3
    assert "cannot ask pod pod1: the pod has stopped" in err
    assert "pod-client start pod1" in err


def test_a_job_whose_pod_is_only_coming_is_not_begun_twice(pod):
    """An image may take minutes to arrive; whoever asks again meanwhile is told of the pod that comes."""
    pod.run(*UP, "--detach")
    pod.runpod.set_status("pod1", "STARTING")
    code, _, err = pod.run(*UP, "--detach")
    assert code == 3
    assert "pod pod1 is starting for it" in err
    assert pod.runpod.calls.count("create") == 1
