"""What strangers and broken clients get from a living agent, and that nothing of it leaves a trace."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pod_agent.api.app import build
from pod_agent.api.house import House
from pod_agent.api.parts import Parts
from pod_wire.errors import PodError
from pod_wire.routes import HEALTHZ
from pod_wire.secrets import Secret, TokenRule
from tests.live import wait_for
from tests.story.bare_agent import TOKEN, AskedAgent, BareAgent
from tests.story.conftest import BACKENDS
from tests.story.container_agent import PodAgent

pytestmark = pytest.mark.slow
JOB = "steady"
VARYING = {"now", "boot_s", "cost", "money", "gpus", "stall"}
LOOKED_AT = {"signs", "because"}  # of the idle brake: what it sees changes by itself
GROWN_MB = 4.0
BOMBS = {
    "deep lists": b"[" * 400_000 + b"]" * 400_000,
    "deep objects": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
    "many keys": b"{" + b",".join(b'"%d":1' % number for number in range(80_000)) + b"}",
    "a long number": b'{"max_hours":' + b"9" * 1_000_000 + b"}",
    "no end": b'{"command":"' + b"\\" * 1_000_000,
}


@pytest.fixture(scope="module", params=BACKENDS)
def agent(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AskedAgent]:
    """An agent in the middle of a job: a bare one, and that of a container."""
    made = (
        BareAgent(tmp_path_factory.mktemp("agent"))
        if request.param == "process"
        else PodAgent(request.getfixturevalue("container_simulator"))
    )
    with made as running:
        running.give(JOB, "echo steady; sleep 600")
        running.says(b"steady\n")
        wait_for(
            "the attempt in the journal", lambda: b"attempt_started" in running.call("GET", "/events")[1]
        )
        wait_for("the log's size in the status", lambda: knows_its_log(running))
        wait_for("what comes after HTTP", lambda: is_settled(running.status()))
        yield running


def knows_its_log(agent: AskedAgent) -> bool:
    return bool(agent.status()["job"]["log"]["size"] == agent.log_file(JOB).stat().st_size)


def is_settled(status: dict[str, Any]) -> bool:
    """Whether the pod can stop itself was found out, with its price and warnings, and no service is coming still."""
    services = {one["state"] for one in status["services"]}
    return bool(services) and "starting" not in services and status["self_stop"] != "unknown"


@pytest.fixture(autouse=True)
def unchanged(agent: AskedAgent) -> Iterator[None]:
    """Whatever a test does here: status, record and journal are afterwards as they were before."""
    before = trace(agent)
    yield
    assert trace(agent) == before


def trace(agent: AskedAgent) -> dict[str, object]:
    folder = agent.log_file(JOB).parent
    files = {name: (folder / name).read_bytes() for name in ("state.json", "journal.jsonl", "log")}
    told = {name: value for name, value in agent.status().items() if name not in VARYING}
    idle = {name: value for name, value in told.pop("idle").items() if name not in LOOKED_AT}
    return {**told, "idle": idle, **files}


def every_route() -> list[tuple[str, str]]:
    """Each method and path that the application serves, its own documentation included."""

    def refuse(*_: object) -> None:
        raise PodError("not asked here")

    parts = Parts(snapshot=refuse, ask=refuse, log=refuse, journal=refuse, token=TokenRule(Secret(TOKEN)))
    return [
        (method, route.path.replace("{job}", JOB).replace("{tree}", "0" * 64))
        for route in build(House(parts)).routes
        for method in sorted(route.methods)
    ]


def ask(agent: AskedAgent, method: str, path: str, headers: dict[str, str], body: object = None) -> int:
    """The status of the answer to one request, on a connection of its own."""
    host, port = agent.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_every_route_but_healthz_wants_the_token(agent):
    """Read from the application itself: without the token, or with another, each route is 401."""
    routes = every_route()
    assert len(routes) >= 14
    assert not [path for _, path in routes if "{" in path]
    strangers = ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {agent.token}"})
    for method, path in routes:
        expected = {200} if path == HEALTHZ else {401}
        assert {ask(agent, method, path, headers) for headers in strangers} == expected, (method, path)


def authorized(agent: AskedAgent, **more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {agent.token}", "Content-Type": "application/json", **more}


def test_ten_megabytes_are_413_on_every_route_that_takes_a_body(agent):
    """Announced, or in pieces without an announcement."""
    pieces = [b"x" * 65536] * 160
    for method, path in every_route():
        if method == "POST":
            assert ask(agent, method, path, authorized(agent), b"".join(pieces)) == 413
            assert ask(agent, method, path, authorized(agent), iter(pieces)) == 413


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_json_bomb_is_400_and_quick(agent, bomb):
    """What would cost a parser its memory or its time is refused before it is parsed."""
    before = computed_s(agent)
    assert ask(agent, "POST", "/jobs", authorized(agent), BOMBS[bomb]) == 400
    assert computed_s(agent) - before < 5  # a parser that builds it takes far longer


def computed_s(agent: AskedAgent) -> float:
    """What the agent has had of a core."""
    fields = Path(f"/proc/{agent.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(agent: AskedAgent) -> float:
    lines = Path(f"/proc/{agent.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def test_a_thousand_unknown_tokens_leave_nothing(agent):
    """Each is 401, the agent's memory has not grown, and the right token still works."""
    host, port = agent.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=60)

    def knock(number: int) -> int:
        connection.request("GET", "/status", headers={"Authorization": f"Bearer guess-{number:040d}"})
        answer = connection.getresponse()
        assert json.loads(answer.read())["status"] == 401
        return answer.status

    for number in range(50):
        knock(number)
    before = resident_mb(agent)
    assert {knock(number) for number in range(1000)} == {401}
    connection.close()
    assert resident_mb(agent) - before < GROWN_MB
    assert agent.call("GET", "/status")[0] == 200
