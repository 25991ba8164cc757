"""Who may ask, what a bad request gets, and that none of it changes or echoes anything."""

from __future__ import annotations

import dataclasses
import gc
import hashlib
import http.client
import json
import socket
import statistics
import time
import tracemalloc

import pytest

from pod_wire.secrets import Secret, TokenRule
from tests.agent.live_api import TOKEN, serving

SECRET = "hf_abcdefghijkl"
ROUTES = [
    ("GET", "/status"),
    ("GET", "/jobs"),
    ("GET", "/jobs/j1"),
    ("GET", "/logs"),
    ("GET", "/jobs/j1/logs"),
    ("GET", "/events"),
    ("GET", "/metrics"),
    ("POST", "/jobs"),
    ("POST", "/jobs/j1/cancel"),
    ("POST", "/jobs/j1/restart"),
    ("POST", "/stop"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/no/such/route"),
    ("GET", "/"),
    ("DELETE", "/status"),
    ("HEAD", "/logs"),
    ("GET", "/healthz/"),
    ("GET", "//healthz"),
]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("border"), secrets=(SECRET,)) as running:
        running.log.create()
        yield running


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_the_token_every_route_is_401(api, method, path):
    """Also one that does not exist; the answer proves that it is the agent's."""
    api.asked.clear()
    for token in (None, "wrong", TOKEN[:-1], TOKEN + "x", ""):
        reply = api.ask(method, path, token=token)
        assert reply.status == 401
        assert reply.headers["podkeep-api"] == "1"
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.headers["content-type"] == "application/problem+json"
    assert api.asked == []


def test_healthz_is_open_and_tells_nothing_secret(api):
    """Four facts and a version of the format, with no token."""
    reply = api.get("/healthz", token=None)
    assert reply.status == 200
    assert reply.json() == {
        "alive": True,
        "phase": "running",
        "self_stop": "unknown",
        "version": "0.1.0",
        "format": 1,
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": TOKEN},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}, Bearer {TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
        {"X-Api-Key": TOKEN},
        {"Authorization": "Bearer \xff\xfe"},
    ],
)
def test_the_token_counts_only_as_a_bearer(api, headers):
    """No other header, scheme or spelling is a way in."""
    assert api.get("/status", token=None, headers=headers).status == 401


def test_the_token_in_the_address_is_no_way_in(api):
    """Addresses are logged on their way, so a query is never looked at."""
    assert api.get(f"/status?token={TOKEN}&access_token={TOKEN}", token=None).status == 401


def test_two_authorization_headers_are_refused(api):
    """A request that says two things is not believed, whichever comes first."""
    twice = f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer x\r\n"
    lines = f"GET /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{twice}\r\n"
    assert raw(api, lines.encode()).startswith(b"HTTP/1.1 401 ")


def test_only_a_hash_of_the_token_is_enough_for_the_pod(api):
    """The pod may know the hash only; the hash itself does not open it."""
    hashed = "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()
    rule = TokenRule(Secret(hashed))
    assert rule.accepts(TOKEN)
    assert not rule.accepts(hashed)
    assert not rule.accepts(hashed.removeprefix("sha256:"))


def test_a_wrong_token_is_refused_in_the_same_time_however_much_of_it_is_right():
    """Median times of a first-byte and a last-byte mistake are alike."""
    rule = TokenRule(Secret(TOKEN))

    def median(token):
        spans = []
        for _ in range(300):
            began = time.perf_counter()
            for _ in range(10):
                rule.accepts(token)
            spans.append(time.perf_counter() - began)
        return statistics.median(spans)

    early, late = median("X" + TOKEN[1:]), median(TOKEN[:-1] + "X")
    assert 0.5 < early / late < 2.0


def test_a_thousand_wrong_tokens_change_nothing_and_leave_nothing(api):
    """No count, no lock-out, no memory; the right token still works."""

    def wrong(times):
        lines = b"GET /status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %d\r\n\r\n"
        with socket.create_connection(("127.0.0.1", api.server.port)) as connection:
            file = connection.makefile("rb")
            for number in range(times):
                connection.sendall(lines % number)
                assert file.readline().startswith(b"HTTP/1.1 401 ")
                length = 0
                while (line := file.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                file.read(length)

    wrong(50)
    gc.collect()
    tracemalloc.start()
    grown = []
    try:
        for _ in range(
            3
        ):  # what is kept of a request is kept every time; a library's first use of something is not
            before = tracemalloc.get_traced_memory()[0]
            wrong(1000)
            gc.collect()
            grown.append(tracemalloc.get_traced_memory()[0] - before)
    finally:
        tracemalloc.stop()
    assert min(grown) < 50_000
    assert api.asked == []
    assert api.get("/status").status == 200


def raw(api, data):
    """What the server says to these bytes before it closes."""
    with socket.create_connection(("127.0.0.1", api.server.port)) as connection:
        connection.settimeout(20)
        said = b""
        try:
            connection.sendall(data)
            while more := connection.recv(65536):
                said += more
        except (TimeoutError, ConnectionError):
            pass
        return said


def test_unknown_routes_and_methods_are_problems_too(api):
    """404 and 405 have the same shape as everything else."""
    for method, path, status in (("GET", "/nope", 404), ("PUT", "/status", 405), ("GET", "/stop", 405)):
        reply = api.ask(method, path)
        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["remedy"]


def test_small_answers_are_not_delayed(api):
    """Head and body do not wait for each other's receipt, which would cost each request on a connection 40 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", api.server.port)
    took = []
    for _ in range(20):
        began = time.monotonic()
        connection.request("GET", "/healthz")
        connection.getresponse().read()
        took.append(time.monotonic() - began)
    connection.close()
    assert min(took[1:]) < 0.03  # the best of them, whatever else the machine does


def test_every_get_route_answers_head(api):
    """The same headers, no body, and no waiting on a stream."""
    for path in (
        "/healthz",
        "/status",
        "/jobs",
        "/jobs/j1",
        "/logs",
        "/logs?follow=1",
        "/events",
        "/metrics",
    ):
        reply = api.ask("HEAD", path)
        assert (reply.status, reply.body) == (200, b"")
        assert reply.headers["podkeep-api"] == "1"


@pytest.mark.parametrize(
    "data", [b"nonsense\r\n\r\n", b"GET /%zz\xff HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"]
)
def test_what_is_no_http_is_400_with_our_header(api, data):
    """Even this is answered by the agent and says so."""
    said = raw(api, data)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"podkeep-api: 1" in said.lower()


def test_endless_headers_end_the_connection(api):
    """A stranger cannot make the agent keep headers for ever."""
    said = raw(api, b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"y" * 1000) for n in range(2000)))
    assert b"401" not in said
    assert said == b"" or said.startswith(b"HTTP/1.1 400 ")
    assert api.get("/healthz").status == 200


def test_a_secret_in_the_command_is_masked_in_the_status(api):
    """What is served besides the log goes through the same masker."""
    before = api.status
    job = dataclasses.replace(before.job, command=f"train --token {SECRET}", warnings=(f"saw {SECRET}",))
    api.status = dataclasses.replace(before, job=job)
    try:
        for path in ("/status", "/jobs", "/jobs/j1"):
            reply = api.get(path)
            assert SECRET.encode() not in reply.body
            assert b"train --token ***************" in reply.body
    finally:
        api.status = before


def test_a_mistake_of_ours_is_a_500_without_details(api):
    """What went wrong goes to the agent's log, not to whoever asked."""

    def broken():
        raise RuntimeError("internal sekret")

    served, api.status = api.status, property(broken)
    try:
        reply = api.get("/status")
    finally:
        api.status = served
    assert reply.status == 500
    assert reply.headers["podkeep-api"] == "1"
    assert json.loads(reply.body)["title"] == "Internal Server Error"
    assert b"sekret" not in reply.body
