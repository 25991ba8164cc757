"""Request heads through the proxy: taken apart, and put together again for the pod."""

from __future__ import annotations

import pytest

from pod_sim.proxy_heads import own_answer, read_head, rewrite_head

HEAD = b"GET /proxy/pod1/8787/logs?offset=5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\nConnection: keep-alive"


def test_the_pod_sees_its_own_path():
    """Only the prefix goes; the query and every header stay, Authorization too."""
    sent = rewrite_head(read_head(HEAD), "10.0.0.1")
    assert sent.startswith(b"GET /logs?offset=5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n")
    assert sent.endswith(b"Connection: close\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
    assert b"keep-alive" not in sent


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/proxy/p/80", b"/"),
        (b"/proxy/p/80/", b"/"),
        (b"/proxy/p/80?a=b", b"/?a=b"),
        (b"/proxy/p/80?a=/b", b"/?a=/b"),
        (b"/proxy/p/80//x/?a", b"//x/?a"),
    ],
)
def test_paths_are_kept_to_the_letter(target, path):
    """An empty path is /, a query stays a query, and nothing is tidied up."""
    assert read_head(b"GET %s HTTP/1.1" % target).path == path


@pytest.mark.parametrize(
    "head", [b"", b"GET", b"GET /proxy/p HTTP/1.1", b"GET /proxy//80/ HTTP/1.1", b"GET /proxy/p/x/ HTTP/1.1"]
)
def test_what_names_no_pod_and_port_is_refused(head):
    """A target without a pod or with a port that is no number is no request to the proxy."""
    assert read_head(head) is None


def test_an_upgrade_stays_an_upgrade():
    """A WebSocket's Connection header passes."""
    head = b"GET /proxy/p/80/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket"
    assert b"Connection: Upgrade" in rewrite_head(read_head(head), "a")


def test_the_proxys_own_404_is_not_the_agents():
    """What the proxy answers itself carries none of the agent's headers."""
    assert b"Podkeep" not in own_answer(404)
    assert own_answer(403).endswith(b"error code: 1010")
