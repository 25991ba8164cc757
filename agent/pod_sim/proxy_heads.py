"""Heads of requests and answers as the proxy reads and writes them. Pure: bytes in, bytes out."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pod_sim.keys import BLOCKED_BODY

PREFIX = b"/proxy/"
TARGET = re.compile(rb"/proxy/([^/?]+)/([0-9]{1,5})((?:[/?].*)?)", re.DOTALL)
HEAD_END = b"\r\n\r\n"
REASONS = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    502: "Bad Gateway",
    524: "A Timeout Occurred",
}
HOP_HEADERS = (b"connection", b"keep-alive", b"proxy-connection")
REQUEST_LINE_WORDS = 3
BLOCKED = 403


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request to the proxy, taken apart."""

    method: bytes
    pod_id: str
    port: int
    path: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    user_agent: str


def read_head(head: bytes) -> Request | None:
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ")
    target = TARGET.fullmatch(words[1]) if len(words) == REQUEST_LINE_WORDS else None
    if target is None:
        return None
    pod_id, port, path = target.groups()
    headers = tuple(
        (name.strip(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)
    )
    agent = next((value for name, value in headers if name.lower() == b"user-agent"), b"")
    return Request(
        words[0],
        pod_id.decode("latin-1"),
        int(port),
        b"/" + path.removeprefix(b"/"),
        headers,
        agent.decode("latin-1"),
    )


def rewrite_head(request: Request, client: str) -> bytes:
    """The same request as the pod sees it: its own path, one request per connection, who asked."""
    lines = [b"%s %s HTTP/1.1" % (request.method, request.path)]
    upgrades = any(name.lower() == b"upgrade" for name, _ in request.headers)
    for name, value in request.headers:
        if upgrades or name.lower() not in HOP_HEADERS:
            lines.append(b"%s: %s" % (name, value))
    if not upgrades:
        lines.append(b"Connection: close")
    lines.append(b"X-Forwarded-For: " + client.encode())
    return b"\r\n".join(lines) + HEAD_END


def own_answer(status: int) -> bytes:
    """What the proxy itself says: a page of its own, without the agent's headers."""
    body = (
        BLOCKED_BODY
        if status == BLOCKED
        else f"<html><body>{status} {REASONS[status]}</body></html>".encode()
    )
    kind = b"text/plain" if body is BLOCKED_BODY else b"text/html"
    head = b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\nServer: proxy\r\n\r\n"
    return head % (status, REASONS[status].encode(), kind, len(body)) + body
