"""Retries: what is asked again, after how long, and what never is."""

import pytest

from pod_wire.errors import Broken, RateLimited, Refused, Unreachable
from pod_wire.runpod.calls import LONGEST_WAIT_S, TRIES, Caller
from pod_wire.runpod.transport import Answer, StdlibTransport
from pod_wire.secrets import Secret

KEY = "rpa_the-account-key"


class Always:
    """A transport that has one answer."""

    def __init__(self, answer):
        self.answer = answer

    def send(self, *_args):
        return self.answer


def _caller(waited):
    return Caller(Secret(KEY), StdlibTransport(), 5.0, waited)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_429_is_asked_again_on_any_method(server, waited, recorded, method):
    """Too often asked means that nothing was done, so it is asked again after what RunPod says."""
    server.play(recorded(429, b"", {"Retry-After": "7"}), recorded(429), recorded(200, b'{"a": 1}'))
    assert _caller(waited).call("do it", method, server.url) == {"a": 1}
    assert waited.slept == [7.0, 2.0]
    assert [asked.method for asked in server.asked] == [method] * 3


def test_5xx_is_asked_again_on_get_only(server, waited, recorded):
    """A read may be repeated."""
    server.play(recorded(502, b"<html><title>502 Bad Gateway</title>"), recorded(200, b"{}"))
    assert _caller(waited).call("read it", "GET", server.url) == {}
    assert waited.slept == [1.0]


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_change_of_unknown_fate_is_never_repeated(server, waited, recorded, method, status):
    """A 5xx to a change may have done it: once is once."""
    server.play(recorded(status), recorded(200, b"{}"))
    with pytest.raises(Broken):
        _caller(waited).call("change it", method, server.url)
    assert len(server.asked) == 1
    assert waited.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_clear_no_is_not_asked_again(server, waited, recorded, status):
    """What cannot change by asking is asked once."""
    server.play(recorded(status))
    with pytest.raises(Exception, match="cannot read it"):
        _caller(waited).call("read it", "GET", server.url)
    assert len(server.asked) == 1


def test_patience_ends(server, waited, recorded):
    """After a few tries the last error is the answer, and carries what RunPod asked for."""
    server.play(recorded(429, b"", {"Retry-After": "3"}))
    with pytest.raises(RateLimited) as caught:
        _caller(waited).call("do it", "GET", server.url)
    assert caught.value.retry_after_s == 3.0
    assert len(server.asked) == TRIES
    assert waited.slept == [3.0] * (TRIES - 1)


def test_a_long_wait_is_left_to_the_caller(server, waited, recorded):
    """Nobody sleeps an hour inside a call."""
    server.play(recorded(429, b"", {"Retry-After": str(int(LONGEST_WAIT_S) + 1)}))
    with pytest.raises(RateLimited) as caught:
        _caller(waited).call("do it", "POST", server.url)
    assert caught.value.retry_after_s == LONGEST_WAIT_S + 1
    assert waited.slept == []


def test_retry_after_may_be_a_date(server, waited, recorded):
    """The header's other spelling is counted from the clock that was passed in."""
    server.play(recorded(429, b"", {"Retry-After": "Tue, 14 Nov 2023 22:13:30 GMT"}), recorded(200, b"{}"))
    _caller(waited).call("do it", "GET", server.url)
    assert waited.slept == [10.0]


@pytest.mark.parametrize("odd", ["", "soon", "-5", "1.5", "\u0663"])
def test_an_odd_retry_after_is_no_wish(waited, odd):
    """What cannot be read is answered by our own back-off."""
    with pytest.raises(RateLimited):
        Caller(Secret(KEY), Always(Answer(429, {"retry-after": odd}, b"")), 5.0, waited).call(
            "do it", "GET", "http://x"
        )
    assert waited.slept == [1.0, 2.0, 4.0]


def test_the_key_travels_as_a_bearer_and_nowhere_else(server, waited, recorded):
    """The key is in one header, and in no error."""
    server.play(recorded(403, b'{"detail": "no"}'))
    with pytest.raises(Exception, match="no") as caught:
        _caller(waited).call("read it", "GET", server.url, {"a": 1})
    (asked,) = server.asked
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert KEY not in str(caught.value)
    assert KEY not in asked.path


@pytest.mark.parametrize("body", [b"<html>ok</html>", b"{", b"\xff", b"[" * 100_000])
def test_a_good_status_without_json_is_broken(server, waited, recorded, body):
    """A page from something in front of RunPod is not taken for an answer."""
    server.play(recorded(200, body))
    with pytest.raises(Broken, match="not JSON"):
        _caller(waited).call("read it", "GET", server.url)


def test_no_body_is_none(server, waited, recorded):
    """204 and an empty 200 hold nothing."""
    server.play(recorded(204))
    assert _caller(waited).call("delete it", "DELETE", server.url) is None
    server.play(recorded(200, b" \n"))
    assert _caller(waited).call("delete it", "DELETE", server.url) is None


def test_nobody_there_is_not_asked_again(waited):
    """Whether an unreachable RunPod is tried again is the caller's decision."""
    with pytest.raises(Unreachable):
        _caller(waited).call("read it", "GET", "http://127.0.0.1:9/")
    assert waited.slept == []


@pytest.mark.parametrize("key", ["", " ", "hidden\nkey", "hidden key", "hidd\u00e9n"])
def test_a_key_that_cannot_be_one_is_refused_unseen(waited, key):
    """A key with a line end inside is said to be wrong, without being shown."""
    with pytest.raises(Refused, match="API key") as caught:
        Caller(Secret(key), StdlibTransport(), 5.0, waited).call("read it", "GET", "http://127.0.0.1:9/")
    assert "hidd" not in str(caught.value)


def test_a_key_read_from_a_file_may_end_in_a_line_end(server, waited, recorded):
    """Space around the key is not part of it."""
    server.play(recorded(200, b"{}"))
    Caller(Secret(KEY + "\n"), StdlibTransport(), 5.0, waited).call("read it", "GET", server.url)
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
