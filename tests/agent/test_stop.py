"""The self-stop ladder and the armed check against a real server on the loopback."""

from __future__ import annotations

import pytest

from pod_agent.pod import stop
from pod_agent.pod.armed import ArmedCheck, check
from pod_wire.runpod.graphql import GraphqlApi
from pod_wire.runpod.pods import PodsApi
from pod_wire.runpod.transport import StdlibTransport
from pod_wire.secrets import Secret
from pod_wire.status import SelfStop
from tests.fakes.clock import FakeClock
from tests.fakes.stop_server import StopServer


@pytest.fixture
def runpod():
    made = []

    def make(**answers):
        made.append(StopServer(**answers))
        return made[-1]

    yield make
    for server in made:
        server.close()


def apis(server, timeout_s=5.0, clock=None):
    key, wire = Secret("rpa_pod_key"), StdlibTransport()
    clock = clock or FakeClock()
    return (
        PodsApi(f"{server.url}/v2", key, wire, timeout_s, clock),
        GraphqlApi(f"{server.url}/graphql", key, wire, timeout_s, clock),
    )


def tool(folder, code):
    """A runpodctl that writes down how it was called."""
    program = folder / "runpodctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\necho refused >&2\nexit {code}\n')
    program.chmod(0o755)
    return program


def ladder(server, folder, clock, *, code=1, terminate=False, told=None):
    ways = stop.routes(
        "pod-a", *apis(server), terminate=terminate, environment={}, program=str(tool(folder, code))
    )
    return stop.StopLadder(ways, clock, (told if told is not None else []).append_round)


class Told(list):
    def append_round(self, rounds, error):
        self.append((rounds, error))


def climb(runpod, tmp_path, rounds, **answers):
    """So many rounds of the ladder; the server, what was told, the clock, the calls of the tool."""
    code, terminate = answers.pop("code", 1), answers.pop("terminate", False)
    server, clock, told = runpod(**answers), FakeClock(), Told()
    one = ladder(server, tmp_path, clock, code=code, terminate=terminate, told=told)
    one.run(lambda: len(told) >= rounds)
    calls = (tmp_path / "calls").read_text().splitlines() if (tmp_path / "calls").exists() else []
    return server, told, clock, calls


def test_the_first_route_is_v2(runpod, tmp_path):
    """A pod that may, stops itself by v2's action, with our User-Agent and nothing else asked."""
    server, told, _, calls = climb(runpod, tmp_path, 1)
    assert [(path, body) for _, path, _, body in server.stops] == [
        ("/v2/pods/pod-a/action", '{"action": "stop"}')
    ]
    assert server.stops[0][2].startswith("podkeep/")
    assert calls == []
    assert "yet we live" in told[0][1]


def test_every_route_is_tried_in_order(runpod, tmp_path):
    """Refused by v2: GraphQL; refused there: the tool in both spellings. All refusals are told."""
    server, told, _, calls = climb(runpod, tmp_path, 1, v2=403, graphql=403)
    assert [path for _, path, _, _ in server.stops] == ["/v2/pods/pod-a/action", "/graphql"]
    assert calls == ["pod stop pod-a", "stop pod pod-a"]
    assert told[0][1].count(";") == 3
    assert "refused" in told[0][1]


def test_an_answer_of_200_is_not_the_end(runpod, tmp_path):
    """While we live the ladder goes on, each round with the next route first."""
    server, _, clock, calls = climb(runpod, tmp_path, 4, code=0)
    assert [path for _, path, _, _ in server.stops] == ["/v2/pods/pod-a/action", "/graphql"]
    assert calls == ["pod stop pod-a", "stop pod pod-a"]
    assert clock.sleeps == [1, 2, 4, 8]


def test_a_route_that_fails_as_nobody_foresaw_ends_no_ladder():
    """A defect in one way to stop is a refusal like any other: the next way is tried, for ever."""
    asked = []

    def odd():
        raise ValueError("embedded null byte")

    ways = (stop.Route("odd", odd), stop.Route("way", lambda: asked.append(1)))
    told = Told()
    stop.StopLadder(ways, FakeClock(), told.append_round).run(lambda: len(told) >= 2)
    assert asked == [1, 1]


@pytest.mark.parametrize("part", ["tell", "before", "keep"])
def test_a_defect_beside_the_ladder_ends_no_ladder(part, caplog):
    """A receipt, a mark on the disk or a word that fails costs itself only: the stop is asked for, again and again."""
    asked = []

    def fails(*_):
        raise ValueError("a defect")

    parts = {"tell": lambda *_: None, "before": lambda: None, "keep": lambda _: None, part: fails}
    way = stop.Route("way", lambda: asked.append(1))
    stop.StopLadder((way,), FakeClock(), **parts).run(lambda: len(asked) >= 3)
    assert asked == [1, 1, 1]
    assert "a defect" in caplog.text


def test_who_is_leaving_asks_no_more():
    """After the TERM that our asking brought, another stop would hit the start of somebody who wants the pod again."""
    asked = []
    way = stop.Route("way", lambda: asked.append(len(asked)))
    stop.StopLadder((way,), FakeClock(), lambda *_: None, leaving=lambda: bool(asked)).run()
    assert asked == [0]


def test_pauses_double_up_to_a_minute(runpod, tmp_path):
    """For ever, and never more seldom than once a minute."""
    _, told, clock, _ = climb(runpod, tmp_path, 8, v2=409)
    assert clock.sleeps == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [rounds for rounds, _ in told] == list(range(1, 9))


def test_terminate_has_its_own_words(runpod, tmp_path):
    """Terminating asks every route for the end, not for a stop."""
    server, _, _, calls = climb(runpod, tmp_path, 1, v2=403, graphql=403, terminate=True)
    assert server.stops[0][3] == '{"action": "terminate"}'
    assert "podTerminate" in server.stops[1][3]
    assert calls == ["pod delete pod-a", "remove pod pod-a"]


def test_a_silent_server_holds_no_route_for_ever(runpod, tmp_path):
    """A route without an answer is given up after its timeout, and the next one is tried."""
    server = runpod(hang_s=0.6)
    pods, graphql = apis(server, timeout_s=0.2)
    ways = stop.routes(
        "pod-a", pods, graphql, terminate=False, environment={}, program=str(tool(tmp_path, 0))
    )
    found = stop.StopLadder(ways, FakeClock(), lambda *_: None).climb()
    assert found.accepted is not None
    assert found.accepted.endswith("pod stop")
    assert found.error is not None
    assert found.error.count("no answer within") == 2


def test_without_a_way_it_says_so_for_ever():
    """Outside RunPod nothing can be asked; every round says so."""
    told = Told()
    stop.StopLadder((), FakeClock(), told.append_round).run(lambda: len(told) >= 2)
    assert told == [(1, told[0][1]), (2, told[0][1])]
    assert "no pod id" in told[0][1]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({}, SelfStop.PROVED),
        ({"read": 403}, SelfStop.UNPROVED),
        ({"read": 401}, SelfStop.PROVED),
        ({"read": 401, "graphql": 403}, SelfStop.UNPROVED),
        ({"read": 401, "graphql": 401}, SelfStop.IMPOSSIBLE),
        ({"read": 500}, SelfStop.UNKNOWN),
    ],
)
def test_reading_oneself_tells_whether_one_can_stop(runpod, answers, expected):
    """A read that works proves it, 403 proves nothing, 401 everywhere rules it out."""
    assert check("pod-a", *apis(runpod(**answers))).self_stop is expected


def test_no_pod_is_impossible():
    """Without a pod id or a key there is nothing to stop."""
    assert check(None, None, None).self_stop is SelfStop.IMPOSSIBLE
    assert "RUNPOD_API_KEY" in check("pod-a", None, None).reason


def test_the_check_goes_on_until_it_knows(runpod):
    """An unreachable RunPod is asked again; the answer ends the asking."""
    server, clock, told = runpod(read=500), FakeClock(), []

    def look():
        if len(told) == 2:
            server.answers["read"] = 200
        return check("pod-a", *apis(server))

    ArmedCheck(look, clock, told.append, pytest.fail).run()
    assert [found.self_stop for found in told] == [SelfStop.UNKNOWN, SelfStop.UNKNOWN, SelfStop.PROVED]
    assert clock.sleeps == [1, 2]
    assert told[-1].pod.started_at == "2026-11-21T10:00:00Z"
    assert told[-1].price == 1.5


def test_a_check_that_fails_is_warned_of_and_made_again(runpod):
    """Whatever is wrong with one look or with who is told of it: a warning each, and the next one counts."""
    server, clock, told, warned, looks = runpod(), FakeClock(), [], [], []

    def look():
        looks.append(0)
        if len(looks) < 3:
            raise RuntimeError("no words for it")
        return check("pod-a", *apis(server))

    def tell(found):
        if len(looks) == 3:
            raise ValueError("nor for this")
        told.append(found)

    ArmedCheck(look, clock, tell, warned.append).run()
    assert [found.self_stop for found in told] == [SelfStop.PROVED]
    assert warned == [
        "self-stop is not checked: RuntimeError('no words for it')",
        "self-stop is not checked: ValueError('nor for this')",
    ]
    assert clock.sleeps == [1, 2, 4]
