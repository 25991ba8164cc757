"""POST /keep: who may, what it takes, what it answers."""

from __future__ import annotations

import dataclasses

import pytest

from pod_wire.codec import from_json
from pod_wire.idle import IdleStatus, Keep, KeepAnswer, KeepAsk, Sign
from pod_wire.status import Phase, Status
from tests.agent.live_api import serving

SECRET = "hf_abcdefghijklmnop"


@pytest.fixture
def asked():
    return []


@pytest.fixture
def api(tmp_path, asked):
    def keep(ask):
        asked.append(ask)
        return KeepAnswer((Keep(7200.0, 0.0, ask.because),))

    with serving(tmp_path, keep=keep, secrets=(SECRET,)) as running:
        yield running


def test_a_lease_is_passed_on(api, asked):
    """The answer names every lease that stands."""
    reply = api.post("/keep", {"hours": 2, "because": "evaluation"})
    assert reply.status == 200
    assert asked == [KeepAsk(7200.0, "evaluation")]
    assert from_json(KeepAnswer, reply.body).keeps == (Keep(7200.0, 0.0, "evaluation"),)


def test_without_the_token_nothing_is_kept(api, asked):
    """401, and nobody is asked."""
    assert api.post("/keep", {"hours": 2}, token=None).status == 401
    assert api.post("/keep", {"hours": 2}, token="wrong").status == 401
    assert asked == []


@pytest.mark.parametrize(
    "body", [{}, {"hours": -1}, {"hours": 1, "seconds": 1}, {"hourz": 1}, {"hours": 1e9}]
)
def test_a_bad_body_is_400_and_names_the_field(api, asked, body):
    """Nothing of it is echoed."""
    reply = api.post("/keep", body)
    assert reply.status == 400
    assert reply.json()["errors"][0]["field"]
    assert asked == []


def test_what_is_no_json_is_refused(api, asked):
    """As on every route."""
    assert api.ask("POST", "/keep", b"hours=2").status == 415
    assert api.ask("POST", "/keep", b"{", {"Content-Type": "application/json"}).status == 400
    assert api.get("/keep").status == 405
    assert asked == []


def test_a_pod_that_is_stopping_is_not_kept(api, asked):
    """409 with what to do instead."""
    api.enter(Phase.STOPPING)
    reply = api.post("/keep", {"hours": 2})
    assert (reply.status, asked) == (409, [])
    assert "start" in reply.json()["remedy"]


def test_a_secret_in_a_reason_is_masked(api):
    """In the answer and in the status, where everybody with the token reads it."""
    reply = api.post("/keep", {"hours": 1, "because": f"with {SECRET}"})
    assert SECRET.encode() not in reply.body
    idle = IdleStatus(15.0, 30.0, "idle", keeps=(Keep(1.0, 0.0, SECRET),))
    api.status = dataclasses.replace(api.status, idle=idle)
    assert SECRET.encode() not in api.get("/status").body


def test_the_signals_survive_the_wire(api):
    """What the client reads back is what was published."""
    sign = Sign("GPU", "not available", "This pod has no GPU.", None, None, 1.0, None)
    idle = IdleStatus(15.0, 30.0, "why", 5.0, 4.0, (sign,), (Keep(9.0, 1.0, "because"),))
    api.status = dataclasses.replace(api.status, idle=idle)
    assert from_json(Status, api.get("/status").body) == api.status
