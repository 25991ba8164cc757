"""What an answer means in the error tree."""

import json

import pytest

from pod_wire.errors import (
    BadInput,
    Broken,
    Conflict,
    NoCapacity,
    NotFound,
    RateLimited,
    Refused,
    Unfunded,
)
from pod_wire.runpod.answers import error_of, is_good
from pod_wire.runpod.transport import Answer

NO_MACHINE = (
    "There are no longer any instances available with the requested specifications. "
    "Please refresh and try again."
)


def _error(status, body=b"", **headers):
    return error_of("create pod 'x'", Answer(status, headers, body))


def _problem(status, detail):
    return json.dumps({"title": "T", "status": status, "detail": detail}).encode()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadInput),
        (401, Refused),
        (402, Unfunded),
        (403, Refused),
        (404, NotFound),
        (409, Conflict),
        (413, BadInput),
        (422, BadInput),
        (429, RateLimited),
        (500, Broken),
        (502, Broken),
        (524, Broken),
        (302, Broken),
        (418, Broken),
    ],
)
def test_every_status_has_its_error(status, kind):
    """The tree of errors follows from the status, and the words are RunPod's."""
    error = _error(status, _problem(status, "the words"))
    assert type(error) is kind
    assert "the words" in error.message
    assert error.message.startswith("cannot ")


@pytest.mark.parametrize("status", [401, 403])
def test_refusals_can_be_told_apart(status):
    """401 and 403 prove different things, so the error keeps which it was."""
    error = _error(status)
    assert isinstance(error, Refused)
    assert error.status_seen == status


@pytest.mark.parametrize(
    "text",
    [
        NO_MACHINE,
        NO_MACHINE.upper(),
        "not enough free GPUs on the host machine to start this pod",
        "This machine does not have the resources to deploy your pod. Please try a different machine",
        "Something went wrong. Please try again later or contact support.",
    ],
)
@pytest.mark.parametrize("shape", ["detail", "error", "message", "errors"])
def test_no_machine_is_known_by_its_words(text, shape):
    """A 400 with one of RunPod's capacity texts is no mistake of the request's, in whichever shape it comes."""
    body = json.dumps({shape: [text] if shape == "errors" else text}).encode()
    assert type(_error(400, body)) is NoCapacity
    assert type(_error(422, body)) is BadInput


def test_a_bot_wall_is_not_a_missing_right():
    """Cloudflare's 1010 says nothing about the key."""
    assert "bot filter" in _error(403, b"error code: 1010").hint
    assert "key" in _error(403, _problem(403, "scope")).hint


def test_the_fields_of_a_422_are_kept():
    """What RunPod lists is handed on as mistakes."""
    error = _error(422, b'{"detail": "no", "errors": ["gpu.count: must be positive"]}')
    assert isinstance(error, BadInput)
    assert "gpu.count" in str(error)


def test_the_request_s_id_is_handed_on():
    """Support asks for it."""
    assert "req-7" in _error(500, b"", **{"x-request-id": "req-7"}).hint


def test_good_is_two_hundred_something():
    """204 is good, 304 is not."""
    assert [is_good(status) for status in (199, 200, 201, 204, 299, 300, 304, 404)] == [
        False,
        True,
        True,
        True,
        True,
        False,
        False,
        False,
    ]
