"""What a stranger meets first: no key, no network, a wrong address, a name that is none. Cause and remedy, no traceback."""

from __future__ import annotations

from tests.client.conftest import UP

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
