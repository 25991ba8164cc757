"""GET /jobs/{id}/receipt: behind the token, of this job only, described like every route."""

from __future__ import annotations

import pytest

from pod_wire.codec import from_json
from pod_wire.receipt import Receipt
from pod_wire.status import Outcome, Phase
from tests.agent.live_api import LiveApi
from tests.live import wait_for

TOLD = Receipt(
    5.0, "j1", Phase.FINISHED, outcome=Outcome.SUCCEEDED, reason="exit code 0", command="hush-hush-hush"
)


@pytest.fixture
def live(tmp_path):
    api = LiveApi(tmp_path, ("hush-hush-hush",), receipt=lambda job: TOLD if job == "j1" else None)
    api.server.start()
    yield api
    api.server.stop()


def test_a_receipt_is_served(live):
    """As it crosses the wire, without secrets; without the token there is no answer."""
    reply = live.get("/jobs/j1/receipt")
    told = from_json(Receipt, reply.body)
    assert (reply.status, told.outcome, told.reason) == (200, Outcome.SUCCEEDED, "exit code 0")
    assert b"hush-hush" not in reply.body
    assert live.get("/jobs/j1/receipt", token=None).status == 401


def test_another_job_has_none_here(live):
    """404 with what to ask instead."""
    reply = live.get("/jobs/other/receipt")
    assert reply.status == 404
    assert "GET /jobs" in reply.json()["remedy"]


def test_it_is_described(live):
    """The API's own page knows it."""
    paths = live.get("/openapi.json").json()["paths"]
    assert "boots, phases, attempts" in paths["/jobs/{job}/receipt"]["get"]["description"]


def test_who_asks_for_the_status_is_known_by_a_mark(live):
    """One that asks again and again is about to see the end, however many others ask once."""

    def looks():
        live.get("/status", headers={"Podkeep-Reader": "a"})
        return live.server.is_awaited()

    live.get("/status", headers={"Podkeep-Reader": "b"})
    wait_for("its second look", looks)
