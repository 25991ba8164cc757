"""GraphQL as a second way to stop."""

import json

import pytest

from pod_wire.errors import Broken, NotFound, PodError, Refused
from pod_wire.runpod.graphql import GpuPrice, GraphqlApi, gpu_prices, graphql_url
from pod_wire.runpod.transport import StdlibTransport
from pod_wire.secrets import Secret


@pytest.fixture
def api(server, waited):
    return GraphqlApi(graphql_url(server.url + "/v2"), Secret("k" * 20), StdlibTransport(), 5.0, waited)


def test_its_address_is_beside_v2():
    """The origin is the same, with and without a port."""
    assert graphql_url("https://api.runpod.io/v2") == "https://api.runpod.io/graphql"
    assert graphql_url("http://127.0.0.1:81/x/v2/") == "http://127.0.0.1:81/graphql"


def test_stop_sends_the_id_as_a_variable(api, server, recorded):
    """An id with quotes in it cannot change the query."""
    server.play(recorded(200, b'{"data": {"podStop": {"id": "a", "desiredStatus": "EXITED"}}}'))
    api.stop('a"}) {')
    body = json.loads(server.asked[0].body)
    assert server.asked[0].path == "/graphql"
    assert body["variables"] == {"input": {"podId": 'a"}) {'}}
    assert "podStop" in body["query"]
    assert 'a"' not in body["query"]


def test_a_stop_of_nothing_is_not_found(api, server, recorded):
    """A null without errors means that there is no such pod."""
    server.play(recorded(200, b'{"data": {"podStop": null}}'))
    with pytest.raises(NotFound):
        api.stop("a")


def test_an_empty_terminate_is_a_success(api, server, recorded):
    """podTerminate answers null when it worked."""
    server.play(recorded(200, b'{"data": {"podTerminate": null}}'))
    api.terminate("a")


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors": [{"message": "Something went wrong. Please try again later"}], "data": null}',
        b'{"errors": [{}], "data": {"podStop": {"id": "a"}}}',
        b'{"errors": "odd"}',
        b'{"data": null}',
        b"[]",
        b"null",
    ],
)
def test_errors_inside_a_200_are_errors(api, server, recorded, body):
    """GraphQL fails with status 200."""
    server.play(recorded(200, body))
    with pytest.raises(Broken, match="cannot"):
        api.stop("a")
    with pytest.raises(Broken, match="cannot"):
        api.terminate("a")


def test_a_refusal_is_refused(api, server, recorded):
    """A 401 is one here too."""
    server.play(recorded(401, b'{"errors": [{"message": "Unauthorized"}]}'))
    with pytest.raises(Refused, match="Unauthorized"):
        api.stop("a")


def test_prices_are_asked_without_a_key(server, recorded):
    """The list tells what each GPU costs in either cloud; 0 and null are no price, odd entries are left out."""
    listed = [
        {"id": "NVIDIA L4", "displayName": "L4", "securePrice": 0.43, "communityPrice": 0},
        {"id": "NVIDIA B200", "displayName": None, "securePrice": None, "communityPrice": "dear"},
        {"displayName": "nameless", "securePrice": 1.0},
        "no object",
    ]
    server.play(recorded(200, json.dumps({"data": {"gpuTypes": listed}}).encode()))
    found = gpu_prices(graphql_url(server.url + "/v2"), StdlibTransport(), 5.0)
    assert found == (
        GpuPrice("NVIDIA L4", "L4", 0.43, None), GpuPrice("NVIDIA B200", "NVIDIA B200", None, None),
    )  # fmt: skip
    asked = server.asked[0]
    assert "authorization" not in {name.lower() for name in asked.headers}
    assert "gpuTypes" in json.loads(asked.body)["query"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b'{"errors": [{"message": "no"}]}'),
        (200, b'{"data": {"gpuTypes": null}}'),
        (200, b"[]"),
        (403, b"error code: 1010"),
        (503, b""),
    ],
)
def test_a_list_that_does_not_come_is_an_error(server, recorded, status, body):
    """Never an empty list, which would mean that RunPod has no GPU."""
    server.play(recorded(status, body))
    with pytest.raises(PodError, match="cannot read the prices"):
        gpu_prices(graphql_url(server.url + "/v2"), StdlibTransport(), 5.0)


@pytest.mark.parametrize(
    ("pod", "price"),
    [
        ({"id": "a", "costPerHr": 0.34}, 0.34),
        ({"id": "a", "costPerHr": 1}, 1.0),
        ({"id": "a"}, None),
        (None, None),
    ],
)
def test_the_price_where_it_is_said(api, server, recorded, pod, price):
    """Dollars per hour, or nothing."""
    server.play(recorded(200, json.dumps({"data": {"pod": pod}}).encode()))
    assert api.pod_cost("a") == price
