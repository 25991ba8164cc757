"""Who may do what."""

from __future__ import annotations

import pytest

from pod_sim.keys import Caller, identify, is_blocked, new_account_key, new_pod_key
from pod_sim.problems import Problem
from pod_sim.record import Asked, PodRecord, PodStatus

POD = PodRecord("pod1", "pod-key", Asked("a", "i", 5), PodStatus.RUNNING, 0.0, "EU-RO-1", "0a")


def test_the_account_is_known_by_its_key():
    """The account's key makes a caller without a pod."""
    assert identify("Bearer account-key", "account-key", [POD]) == Caller()


def test_a_pod_is_known_by_its_key():
    """A pod's key makes a caller with its id."""
    assert identify("bearer pod-key", "account-key", [POD]) == Caller("pod1")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer nope", "Basic account-key", "account-key"]
)
def test_anything_else_is_401(header):
    """No key, a wrong one, or another scheme is 401."""
    with pytest.raises(Problem) as caught:
        identify(header, "account-key", [POD])
    assert caught.value.status == 401


def test_a_pods_key_is_for_that_pod():
    """With a pod's key, another pod and the account's own things are 403."""
    Caller("pod1").must_own("pod1")
    for refused in (lambda: Caller("pod1").must_own("pod2"), Caller("pod1").must_be_account):
        with pytest.raises(Problem) as caught:
            refused()
        assert caught.value.status == 403


def test_pythons_default_client_is_blocked():
    """The gateway turns Python-urllib away, whatever its version."""
    assert is_blocked("Python-urllib/3.11")
    assert not is_blocked("podkeep/0.1 (Python-urllib would be blocked)")


def test_keys_are_long_and_new():
    """Every key holds 20 random bytes."""
    assert new_account_key() != new_account_key()
    assert len(new_pod_key()) >= 40
