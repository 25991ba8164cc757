"""The log stream of v2 over real HTTP, held against what is published and known of it."""

from __future__ import annotations

import http.client
import json
import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests.live import PATIENCE_S, Simulator, wait_for
from tests.sim.conftest import ENTRYPOINT, Account

ID = re.compile(r"id: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/(\d{12})")
SAYS_THREE = ("bash", "-c", "for i in 1 2 3; do echo line $i; done; sleep 600")


class Stream:
    """An open answer; its events one by one."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.answer = answer

    def event(self) -> dict[str, Any]:
        """The next one, with its id."""
        lines = [self.answer.readline().decode() for _ in range(3)]
        found = ID.fullmatch(lines[0].rstrip("\n"))
        assert found, lines
        assert lines[1].startswith("data: ")
        assert lines[2] == "\n"
        data = json.loads(lines[1].removeprefix("data: "))
        assert data.keys() == {"ts", "source", "line"}
        assert data["ts"] == found[1]
        assert datetime.fromisoformat(data["ts"]).tzinfo
        return {**data, "id": f"{found[1]}/{found[2]}"}

    def until(self, line: str) -> list[dict[str, Any]]:
        """All events up to the one with this line."""
        seen = [self.event()]
        while seen[-1]["line"] != line:
            seen.append(self.event())
        return seen


@contextmanager
def asked(
    account: Account, pod: str, query: str = "", key: str = "", **headers: str
) -> Iterator[http.client.HTTPConnection]:
    """The question, sent; closing the connection is the reader's."""
    connection = http.client.HTTPConnection(urlsplit(account.simulator.url).netloc, timeout=PATIENCE_S)
    given = {"Authorization": f"Bearer {key or account.simulator.key}", "User-Agent": "t", **headers}
    try:
        connection.request("GET", f"/v2/pods/{pod}/logs{query}", headers=given)
        yield connection
    finally:
        connection.close()


@contextmanager
def logs(account: Account, pod: str, query: str = "", key: str = "", **headers: str) -> Iterator[Stream]:
    """The stream, once it has begun."""
    with asked(account, pod, query, key, **headers) as connection:
        yield Stream(connection.getresponse())


@pytest.fixture(scope="module")
def talker(account) -> Iterator[str]:
    """A pod that has said three lines and is silent since."""
    pod = account.running(*SAYS_THREE)
    account.says(pod, "line 3")
    yield pod
    account.act(pod, "terminate")


def test_a_stream_tells_what_the_host_did_and_what_the_container_said(account, talker):
    """Pull, create, start, then the container's lines, each with a time and a number that grows by one."""
    with logs(account, talker) as stream:
        headers = {name.lower(): value for name, value in stream.answer.getheaders()}
        seen = stream.until("line 3")
    assert stream.answer.status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert (headers["cache-control"], headers["connection"]) == ("no-cache", "keep-alive")
    assert headers["x-accel-buffering"] == "no"
    system = [event["line"] for event in seen if event["source"] == "system"]
    assert ["image" in system[0], system[1:]] == [
        True,
        ["create container local", "start container for local: begin"],
    ]
    assert [event["line"] for event in seen if event["source"] == "container"][-3:] == [
        "line 1",
        "line 2",
        "line 3",
    ]
    numbers = [int(event["id"].rpartition("/")[2]) for event in seen]
    assert numbers == list(range(1, len(seen) + 1))
    assert [event["ts"] for event in seen] == sorted(event["ts"] for event in seen)


def test_a_source_and_a_tail_choose(account, talker):
    """`source` leaves the other log out; `tail` is of each log."""
    with logs(account, talker, "?source=system&tail=1") as stream:
        assert stream.event()["line"].startswith("start container")
    with logs(account, talker, "?tail=1") as stream:
        assert [stream.event()["source"], stream.event()["line"]] == ["system", "line 3"]


def test_a_stream_can_be_taken_up_again(account, talker):
    """`Last-Event-ID` is exclusive and wins over all; `since` begins with that moment; a bare time will do."""
    with logs(account, talker) as stream:
        seen = stream.until("line 3")
    behind = {"Last-Event-ID": seen[-2]["id"]}
    with logs(account, talker, "?tail=0&since=1970-01-01T00:00:00Z", **behind) as stream:
        assert stream.event() == seen[-1]
    with logs(account, talker, f"?tail=0&since={quote(seen[0]['ts'])}") as stream:
        assert stream.until("line 3") == seen
    others = [event for event in seen if event["ts"] > seen[0]["ts"]]
    with logs(account, talker, **{"Last-Event-ID": seen[0]["ts"]}) as stream:
        assert stream.until("line 3") == others


def test_headers_wait_for_the_first_line(account):
    """Nothing is answered while there is nothing to tell; the first line brings the answer."""
    waits = "echo ready; until [ -e /run/go ]; do sleep 0.05; done; echo one; sleep 600"
    pod = account.running("bash", "-c", waits)
    with logs(account, pod) as stream:
        last = stream.until("ready")[-1]["id"]
    with asked(account, pod, **{"Last-Event-ID": last}) as connection:
        assert select.select([connection.sock], [], [], 0.5)[0] == []
        (account.simulator.state / "pods" / pod / "disk" / "run" / "go").touch()
        assert Stream(connection.getresponse()).event()["line"] == "one"
    account.act(pod, "terminate")


def test_a_stream_is_live(account):
    """Lines arrive as they are written, over the container's end and its next start."""
    ends_once = "echo hello; [ ! -e /podkeep/x ] || sleep 600; touch /podkeep/x; sleep 0.5; echo bye"
    pod = account.running("bash", "-c", ends_once)
    with logs(account, pod) as stream:
        stream.until("bye")
        again = stream.until("hello")
        assert [event["line"] for event in again if event["source"] == "system"] == [
            "start container for local: begin"
        ]
        assert account.act(pod, "stop") == 200
        stream.until("stop container for local")
        stream.until("remove container for local")
    account.act(pod, "terminate")


def test_history_outlives_a_stop_but_not_the_pod(account):
    """EXITED, the pod's lines are still told; terminated, there is no such pod."""
    pod = account.running(*SAYS_THREE)
    account.says(pod, "line 3")
    account.act(pod, "stop")
    account.until_down(pod)
    with logs(account, pod) as stream:
        stream.until("line 3")
        stream.until("remove container for local")
    account.act(pod, "terminate")
    wait_for("it is gone", lambda: account.call("GET", f"/v2/pods/{pod}/logs")[0] == 404)


@pytest.mark.parametrize(
    "query", ["tail=5001", "tail=-1", "tail=x", "source=both", "since=yesterday", "since=2026-01-31T12:00:00"]
)
def test_a_bad_question_is_422(account, talker, query):
    """What the published parameters do not allow is named."""
    status, problem = account.call("GET", f"/v2/pods/{talker}/logs?{query}")
    assert status == 422
    assert problem["errors"][0].startswith(query.partition("=")[0])


def test_a_bad_cursor_is_422(account, talker):
    """A `Last-Event-ID` that is neither an id nor a time."""
    with logs(account, talker, **{"Last-Event-ID": "the last one"}) as stream:
        assert stream.answer.status == 422


def test_who_may_read(account, talker):
    """The account and the pod's own key may; another pod's may not, nor nobody; an unknown pod is 404."""
    other = account.create()
    with logs(account, talker, key=account.key_of(talker)) as stream:
        assert stream.answer.status == 200
    assert account.call("GET", f"/v2/pods/{talker}/logs", key=account.key_of(other))[0] == 403
    assert account.call("GET", f"/v2/pods/{talker}/logs", key="nobody")[0] == 401
    assert account.call("GET", "/v2/pods/nothing/logs")[0] == 404
    account.sim(talker, "faults", refuse_read=True)
    assert account.call("GET", f"/v2/pods/{talker}/logs", key=account.key_of(talker))[0] == 403
    account.sim(talker, "faults", refuse_read=False)
    account.act(other, "terminate")


def test_a_pod_that_never_comes_up_tells_why(account):
    """A pod stuck before its container has no container's line; one that cannot start says what failed."""
    account.call("POST", "/sim/faults", {"create": ["error"]})
    pod = account.create()
    with logs(account, pod, "?source=system") as stream:
        assert stream.event()["line"].startswith("error: cannot place a container")
    account.act(pod, "terminate")


def test_a_reader_does_not_hold_the_simulator(clean_environment, tmp_path):
    """It ends at once under an open stream, and the next one counts on."""
    options = ("--entrypoint", str(ENTRYPOINT))
    with Simulator.running(tmp_path / "state", clean_environment, *options) as simulator:
        account = Account(simulator)
        pod = account.running(*SAYS_THREE)
        account.says(pod, "line 3")
        with logs(account, pod) as stream:
            seen = stream.until("line 3")
            simulator.call("POST", "/sim/shutdown")
            assert stream.answer.read() == b""
        wait_for("the simulator has gone", lambda: not (tmp_path / "state" / "server.json").exists())
    with (
        Simulator.running(tmp_path / "state", clean_environment, *options) as simulator,
        logs(Account(simulator), pod) as stream,
    ):
        assert stream.until("line 3") == seen
