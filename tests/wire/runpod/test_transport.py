"""The standard library's transport, against a real server."""

import socket

import pytest

from pod_wire.errors import BadInput, Unreachable
from pod_wire.runpod.transport import ANSWER_LIMIT_BYTES, StdlibTransport
from tests.live import PATIENCE_S


def _get(url, timeout_s=PATIENCE_S):
    return StdlibTransport().send("GET", url, {"X-One": "1"}, None, timeout_s)


def test_the_answer_comes_whole(server, recorded):
    """Status, lower-case header names and body are as they were sent; a good User-Agent is always ours."""
    server.play(recorded(200, b"hello", {"X-Request-Id": "r1"}))
    answer = _get(server.url + "/v2/pods?cursor=a%20b")
    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, b"hello", "r1")
    (asked,) = server.asked
    assert asked.path == "/v2/pods?cursor=a%20b"
    assert asked.headers["user-agent"].startswith("podkeep/")
    assert asked.headers["x-one"] == "1"


def test_a_body_is_sent(server, recorded):
    """A POST's bytes arrive as they are."""
    server.play(recorded(201, b"{}"))
    StdlibTransport("mine/1").send("POST", server.url, {}, b'{"a":1}', PATIENCE_S)
    assert server.asked[0].body == b'{"a":1}'
    assert server.asked[0].headers["user-agent"] == "mine/1"


@pytest.mark.parametrize("status", [204, 301, 404, 502])
def test_every_status_is_an_answer(server, recorded, status):
    """No status raises here, and a redirect is not followed."""
    server.play(recorded(status, b"", {"Location": "http://127.0.0.1:1/"}))
    assert _get(server.url).status == status
    assert len(server.asked) == 1


def test_nobody_listening_is_unreachable():
    """A refused connection names host and port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port}: connection refused"):
            _get(f"http://127.0.0.1:{port}/")


def test_an_unknown_host_is_unreachable():
    """A name that nobody knows is no crash."""
    with pytest.raises(Unreachable, match=r"cannot reach nobody\.invalid"):
        _get("http://nobody.invalid/")


def test_silence_is_unreachable_in_time(server, recorded):
    """A server that accepts and says nothing is given up after the timeout, while it is still silent."""
    server.play(recorded(0))
    with pytest.raises(Unreachable, match=r"no answer within 0\.2 s"):
        _get(server.url, 0.2)
    assert not server.release.is_set()


def test_a_body_cut_short_is_unreachable(server, recorded):
    """Half an answer is not an answer."""
    server.play(recorded(200, raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    with pytest.raises(Unreachable, match="ended early"):
        _get(server.url)


def test_what_is_no_http_is_unreachable(server, recorded):
    """Something else on that port is no crash."""
    server.play(recorded(200, raw=b"SSH-2.0-OpenSSH_9.2\r\n"))
    with pytest.raises(Unreachable):
        _get(server.url)


def test_a_chunked_body_is_read(server, recorded):
    """A streamed answer is read to its end."""
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    server.play(recorded(200, raw=raw))
    assert _get(server.url).body == b"abcde"


def test_an_endless_answer_is_given_up(server, recorded):
    """An answer larger than anything RunPod says does not fill our memory."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {ANSWER_LIMIT_BYTES + 70_000}\r\n\r\n".encode()
    server.play(recorded(200, raw=head + bytes(ANSWER_LIMIT_BYTES + 70_000)))
    with pytest.raises(Unreachable, match="larger than"):
        _get(server.url)


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "http://", "http://[x/", "x"])
def test_other_urls_are_refused(url):
    """Only http and https are spoken."""
    with pytest.raises(BadInput, match="cannot send a request"):
        _get(url)


def test_https_checks_the_certificate(server, recorded):
    """Plain HTTP on an https port is not accepted."""
    server.play(recorded(200, b"x"))
    with pytest.raises(Unreachable):
        _get(server.url.replace("http:", "https:"))
