"""Hours as dollars and dollars as hours, before there is a pod and while it runs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pod_client import limits
from pod_wire.idle import IdleStatus
from pod_wire.job import JobSpec
from pod_wire.status import Money, Phase, Status
from tests.client.conftest import UP

SPEC = JobSpec("j", "c")
BOTH = replace(SPEC, max_hours=10.0, max_cost=4.0)


@pytest.mark.parametrize(
    ("spec", "price", "told", "said"),
    [
        (SPEC, 0.5, None, [limits.NONE]),
        (replace(SPEC, max_hours=10.0), 0.5, None, ["each boot stops after 10 h, $5.00 at most at $0.50/h"]),
        (replace(SPEC, max_hours=10.0), None, None, ["each boot stops after 10 h"]),
        (
            BOTH,
            0.5,
            None,
            [
                "each boot stops after 10 h, $5.00 at most at $0.50/h",
                "the run stops at $4.00 over all its boots and pods, 8 h 00 min at $0.50/h",
            ],
        ),
        (
            replace(SPEC, max_cost=4.0),
            0.5,
            2.0,
            ["the run stops at $4.00 over all its boots and pods, 2 h 00 min at $2.00/h"],
        ),
        (
            replace(SPEC, max_cost=4.0),
            0.5,
            0.0,
            ["the run stops at $4.00 over all its boots and pods, and costs nothing"],
        ),
    ],
)
def test_what_limits_mean(spec, price, told, said):
    """At the price told, else at the catalogue's; without one the hours stand alone."""
    assert limits.meant(spec, price, told) == said


def test_a_budget_without_a_price_is_said_before_it_is_refused():
    """The pod will refuse it, and what to do about it is at hand."""
    (line,) = limits.meant(replace(SPEC, max_cost=4.0), None)
    assert "nobody here knows the price" in line
    assert "POD_PRICE" in line


def test_the_dry_run_says_what_the_limits_mean(pod):
    """For people behind the prices; for programs as numbers."""
    code, _, err = pod.run(*UP, "--dry-run", "--max-hours", "10", "--max-cost", "4.4")
    assert code == 0, err
    assert "each boot stops after 10 h, $4.40 at most at $0.44/h" in err
    assert "the run stops at $4.40 over all its boots and pods, 10 h 00 min at $0.44/h" in err
    _, out, _ = pod.run(*UP, "--dry-run", "--max-cost", "4.4", "--json", "--env", "POD_PRICE=2.2")
    found = json.loads(out)
    assert found["limits"]["max_cost"] == 4.4
    assert set(found["limits"]["cost_hours"].values()) == {2.0}
    assert found["requests"][0]["env"]["POD_MAX_COST"] == "4.4"


@pytest.mark.parametrize(("given", "word"), [("0", "more than 0"), ("-1", "negative"), ("many", "number")])
def test_a_bad_budget_is_refused_before_anything_is_created(pod, given, word):
    """Exit 2, and the flag by its name."""
    code, _, err = pod.run(*UP, "--max-cost", given)
    assert (code, "--max-cost" in err, pod.runpod.calls) == (2, True, [])
    assert word in err


def test_status_and_why_show_the_budget(pod):
    """The next stop by the word budget; what is spent, at which price, who says so."""
    assert pod.run(*UP, "--detach")[0] == 0
    now = pod.agent.status.now
    pod.agent.status = replace(
        pod.agent.status,
        phase=Phase.RUNNING,
        stops_at=now + 3600,
        stops_because="budget",
        budget_at=now + 3600,
        deadline_at=now + 7200,
        price_per_hour=0.69,
        price_source="RunPod, of this pod",
        money=Money(price_per_hour=0.69, run=3.5, run_s=18000.0, cap=4.2),
        idle=IdleStatus(15.0, 30.0, "The job is running.", None, now, ()),
    )
    _, out, _ = pod.run("status", "pod1")
    assert "(budget)" in out
    said = "the run may cost $4.20; $3.50 of it are spent, at $0.69/h (RunPod, of this pod)"
    assert said in out
    code, out, err = pod.run("why", "pod1")
    assert (code, "(budget)" in err) == (0, True)
    rows = {line.split()[0]: line for line in out.splitlines()}
    assert "POD_MAX_COST ends it at" in rows["budget"]
    assert said in rows["budget"]
    assert "POD_MAX_HOURS" in rows["deadline"]
    document = json.loads(pod.run("why", "pod1", "--json")[1])
    assert (document["budget_at"], document["price_source"]) == (now + 3600, "RunPod, of this pod")


def test_keep_warns_of_a_budget_that_ends_sooner(pod):
    """A lease holds back idleness and no dollars."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.agent.status = replace(pod.agent.status, budget_at=pod.agent.status.now + 60)
    _, _, err = pod.run("keep", "pod1", "2h", "--because", "b")
    assert "its budget is spent before that" in err


@pytest.mark.parametrize(
    ("money", "said"),
    [
        (None, None),
        (Money(run=1.0), None),
        (Money(cap=4.0), "what is spent of it is unknown"),
        (Money(cap=4.0, run=1.0, unpriced_s=5.0), "at least $1.00 of it are spent"),
    ],
)
def test_what_is_unknown_is_no_zero(money, said):
    """Without a cap there is no line; an unknown sum is unknown."""
    line = limits.budget(Status("v", 0.0, Phase.RUNNING, money=money))
    assert (line is None) if said is None else (said in line and "the price is unknown" in line)
