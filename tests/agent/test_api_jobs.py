"""Asking the run: what is posted, what is passed on, what is read back."""

from __future__ import annotations

import dataclasses
import json
import threading
import time

import pytest

from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop, Verdict
from pod_wire.codec import from_json
from pod_wire.status import Attempt, CheckpointPlace, JobStatus, LogPlace, Status
from tests.agent.live_api import serving


@pytest.fixture
def api(tmp_path):
    with serving(tmp_path) as running:
        yield running


def test_an_order_is_passed_on_as_a_spec(api):
    """202 names the job and its new order; the run got exactly the parsed spec."""
    reply = api.post("/jobs", {"name": "j2", "command": "python train.py", "max_restarts": 2})
    assert reply.status == 202
    (ask,) = api.asked
    assert isinstance(ask, GiveOrder)
    assert (ask.spec.name, ask.spec.command, ask.spec.max_restarts) == ("j2", "python train.py", 2)
    assert reply.json()["order"] == ask.order_id
    assert reply.json()["job"] == "j2"


def test_every_order_gets_an_id_of_its_own_unless_the_client_brings_one(api):
    """Asking twice with one id is one order; without one they differ."""
    for headers in ({}, {}, {"Podkeep-Order": "o-1"}):
        api.ask("POST", "/jobs", b'{"command":"true"}', {"Content-Type": "application/json", **headers})
    ids = [ask.order_id for ask in api.asked]
    assert ids[0] != ids[1]
    assert ids[2] == "o-1"


@pytest.mark.parametrize("order", ["", "a b", "x" * 65, "a/../b"])
def test_an_odd_order_id_is_refused(api, order):
    """It becomes part of names on disk, so only harmless characters pass; an empty one is none at all."""
    reply = api.ask(
        "POST", "/jobs", b'{"command":"true"}', {"Content-Type": "application/json", "Podkeep-Order": order}
    )
    assert reply.status == (202 if order == "" else 400)


@pytest.mark.parametrize(
    ("path", "ask"),
    [("/jobs/j1/cancel", Cancel("j1")), ("/jobs/j1/restart", Restart("j1")), ("/stop", Stop())],
)
def test_what_is_asked_is_passed_on_and_a_no_is_409_with_reason_and_remedy(api, path, ask):
    """202 or 409, as the run decides."""
    assert api.ask("POST", path).status == 202
    assert api.asked == [ask]
    api.verdict = Verdict(accepted=False, reason="cannot do it: wrong order", remedy="wait")
    reply = api.ask("POST", path)
    assert reply.status == 409
    assert reply.json()["detail"] == "cannot do it: wrong order"
    assert reply.json()["remedy"] == "wait"


def test_a_job_the_pod_does_not_have_is_404_and_not_asked_for(api):
    """Its routes all say so."""
    for method, path in (
        ("GET", "/jobs/other"),
        ("GET", "/jobs/other/logs"),
        ("POST", "/jobs/other/cancel"),
        ("POST", "/jobs/other/restart"),
    ):
        assert api.ask(method, path).status == 404
    assert api.asked == []


def test_without_a_job_reading_says_how_to_give_one(api):
    """Logs and events are 404 with a remedy, the list of jobs is empty, the status is there."""
    api.status = dataclasses.replace(api.status, job=None)
    for path in ("/logs", "/logs?follow=1", "/events"):
        reply = api.get(path)
        assert reply.status == 404
        assert "pod-client up" in reply.json()["remedy"]
    assert api.get("/jobs").json()["jobs"] == []
    assert from_json(Status, api.get("/status").body).job is None


def test_the_status_survives_the_wire(api):
    """What the client reads back is equal to what the run published."""
    attempt = Attempt(1, pid=42, started_at=1.5, resumed_step=100)
    place = CheckpointPlace("/w/c", 100, 5, 2.5)
    job = dataclasses.replace(
        api.status.job, attempts=(attempt,), checkpoint=place, warnings=("one",), log=LogPlace("id", 7)
    )
    api.status = dataclasses.replace(api.status, job=job)
    assert from_json(Status, api.get("/status").body) == api.status
    assert from_json(JobStatus, api.get("/jobs/j1").body) == job


def test_the_journal_is_served_from_an_offset_in_whole_lines(api):
    """A line that is still being written waits; the header tells the journal's size."""
    path = api.folder / "journal.jsonl"
    assert api.get("/events").body == b""
    path.write_bytes(b'{"n":1}\n{"n":2}\n{"n"')
    reply = api.get("/events")
    assert reply.body == b'{"n":1}\n{"n":2}\n'
    assert reply.headers["podkeep-events-end"] == "20"
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert api.get("/events?offset=8").body == b'{"n":2}\n'
    assert api.get("/events?offset=16").body == b""
    assert api.get("/events?offset=21").status == 416


def test_a_slow_answer_of_the_run_holds_nobody_else(api):
    """While the run takes its time to decide about more asks than there are threads, /healthz and /status answer."""
    api.hold.clear()
    waiting = [threading.Thread(target=api.ask, args=("POST", "/stop")) for _ in range(6)]
    for thread in waiting:
        thread.start()
    time.sleep(0.1)
    began = time.monotonic()
    assert api.get("/healthz").status == 200
    assert api.get("/status").status == 200
    assert time.monotonic() - began < 5  # the run answers when it is released
    api.hold.set()
    for thread in waiting:
        thread.join()
    assert api.asked == [Stop()] * 6


def test_metrics_are_the_status_in_base_units(api):
    """Every family has HELP and TYPE; what is unknown is absent, not 0."""
    text = api.get("/metrics").body.decode()
    assert 'podkeep_build_info{version="0.1.0"} 1.0' in text
    assert 'podkeep_phase{phase="running"} 1.0' in text
    assert 'podkeep_phase{phase="waiting"} 0.0' in text
    assert "podkeep_cost_dollars" not in text
    attempts = (Attempt(1), Attempt(2))
    job = dataclasses.replace(api.status.job, attempts=attempts, log=LogPlace("id", 12345))
    api.status = dataclasses.replace(api.status, job=job, booted_at=api.status.now - 60, cost=0.5)
    reply = api.get("/metrics")
    text = reply.body.decode()
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "podkeep_job_attempts 2.0" in text
    assert "podkeep_log_size_bytes 12345.0" in text
    assert "podkeep_uptime_seconds 60.0" in text
    assert "podkeep_cost_dollars 0.5" in text
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    described = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    samples = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert names == described
    assert samples <= names


def test_the_openapi_document_lists_our_routes_and_no_422(api):
    """FastAPI's own error, which echoes input, is not part of the contract."""
    document = json.loads(api.get("/openapi.json").body)
    assert {"/healthz", "/status", "/jobs", "/logs", "/events", "/metrics", "/stop"} <= document[
        "paths"
    ].keys()
    assert "422" not in json.dumps(document)


def test_the_page_of_the_routes_is_made_while_others_are_answered(api):
    """Page and document come to everybody who asks at once, after the token, and for GET alone."""
    answers = []
    asking = [
        threading.Thread(target=lambda path=path: answers.append(api.get(path)))
        for path in ("/docs", "/openapi.json", "/docs/oauth2-redirect", "/status") * 3
    ]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(60)
    assert [answer.status for answer in answers] == [200] * len(asking)
    assert api.get("/docs", token=None).status == 401
    assert api.ask("DELETE", "/docs").json()["status"] == 405
    assert b"swagger" in api.get("/docs").body


def test_whoever_asks_how_the_job_stands_is_noticed(tmp_path):
    """Its log is read then; graphs and probes are no reason to."""
    noticed = []
    with serving(tmp_path, asked=lambda: noticed.append(1)) as api:
        for path in ("/healthz", "/metrics", "/jobs"):
            assert api.get(path).status == 200
        assert not noticed
        for path in ("/status", "/jobs/j1"):
            assert api.get(path).status == 200
    assert noticed == [1, 1]
