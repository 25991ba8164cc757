"""The errors a person may see."""

import pytest

from pod_wire import errors
from pod_wire.errors import BadInput, Mistake, PodError, RateLimited, Refused

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PodError)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_words_hint_and_status(kind):
    """Whatever its kind, an error says what could not be done, what to do next, and has an HTTP status."""
    error = kind("cannot x: y", hint="do z")
    assert isinstance(error, PodError)
    assert "cannot x: y" in str(error)
    assert "do z" in str(error)
    assert 400 <= error.status < 600


def test_a_bad_input_lists_its_mistakes():
    """Each mistake has a line of its own, with its remedy."""
    error = BadInput("cannot x", (Mistake("a", "is odd", "make it even"), Mistake("", "is empty")))
    assert str(error).splitlines() == ["cannot x", "  a: is odd; make it even", "  is empty"]


def test_some_errors_carry_a_fact():
    """How long to wait, and which refusal it was."""
    assert RateLimited("x", retry_after_s=3.0).retry_after_s == 3.0
    assert RateLimited("x").retry_after_s is None
    assert Refused("x").status_seen == 403
    assert Refused("x", status_seen=401).status_seen == 401
