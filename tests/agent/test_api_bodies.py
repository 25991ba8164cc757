"""Bodies and queries nobody should send: each refused at once, named, and never echoed."""

from __future__ import annotations

import json
import time

import pytest

from tests.agent.live_api import serving

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("bodies")) as running:
        running.log.create()
        yield running


def chunked(size):
    for _ in range(size // 65536):
        yield b"x" * 65536


def test_a_body_over_a_megabyte_is_413_however_it_comes(api):
    """Announced or in chunks; the connection and the server live on."""
    for path in ("/jobs", "/jobs/j1/cancel", "/stop"):
        assert api.ask("POST", path, b"x" * (10 << 20), JSON).status == 413
        assert api.ask("POST", path, chunked(10 << 20), JSON).status == 413
    assert api.asked == []


def test_a_body_is_not_read_without_the_token(api):
    """Ten megabytes of a stranger are 401, not 413."""
    assert api.ask("POST", "/jobs", b"x" * (10 << 20), JSON, token="wrong").status == 401


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000 + b"]" * 500_000,
        b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
        b"{" + b",".join(b'"%d":1' % n for n in range(80_000)) + b"}",
        b'{"command":' + b"9" * 1_000_000 + b"}",
        b'{"max_hours":1e' + b"9" * 90 + b"}",
        b'{"max_hours":NaN}',
        b'{"max_hours":-Infinity}',
        b'{"command":"' + b'\\"' * 500_000,
        b'{"command":"' + b"\\" * 1_000_000,
        b'"' * 1_000_000,
        b'{"command":"true","command":"false"}',
        b'{"command":"\\ud800"}',
        b'{"command":"\xff"}',
        b"{}{}",
        b"[1]",
        b"null",
        b'"text"',
        b"",
        b"command=true",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:18]),
)
def test_a_json_bomb_is_400_and_quick(api, body):
    """Depth, keys, digits, twins and half characters are refused before anything is built of them."""
    api.asked.clear()
    began = time.monotonic()
    reply = api.ask("POST", "/jobs", body, JSON)
    assert reply.status == 400
    assert time.monotonic() - began < 5  # a parser that builds it takes far longer
    assert api.asked == []


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"]
)
def test_what_is_not_announced_as_json_is_415(api, kind):
    """Also a correct body, so that a browser's form can never give an order."""
    headers = {"Content-Type": kind} if kind else {}
    assert api.ask("POST", "/jobs", b'{"command":"true"}', headers).status == 415


def test_mistakes_are_all_named_and_never_echoed(api):
    """Every wrong field is in the problem with a remedy; no value of it is anywhere in the answer."""
    body = {"command": ["sekret-1"], "max_hours": "sekret-2", "on_finish": "sekret-3", "coomand": "sekret-4"}
    reply = api.post("/jobs", body)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert {"command", "max_hours", "on_finish", "coomand"} <= {error["field"] for error in problem["errors"]}
    assert b"sekret" not in reply.body


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1",
        "offset=sekret",
        "limit=1e3",
        "tail=x",
        "since=sekret",
        "follow=sekret",
        "sekret=1",
        "offset=1&offset=2",
        "offset=1&tail=2",
        "since=nan",
        "since=-5",
        "offset=" + "9" * 5000,
        "offset=%D9%A1",
    ],
)
def test_a_bad_query_is_400_and_not_echoed(api, query):
    """The parameter is named, what stood in it is not."""
    reply = api.get(f"/logs?{query}")
    assert reply.status == 400
    assert b"sekret" not in reply.body
    assert reply.json()["errors"][0]["remedy"]


def test_brackets_and_commas_in_a_text_are_no_bomb(api):
    """What stands between quotes is text: a long odd command is taken as it is."""
    api.asked.clear()
    command = "echo '" + '[{,"\\\\' * 3000 + "'" + " 1234567890" * 20
    reply = api.ask("POST", "/jobs", json.dumps({"command": command}), JSON)
    assert reply.status == 202
    assert api.asked[0].spec.command == command
