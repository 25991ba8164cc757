"""A run's dollars as a brake: over boots, pods, agents and set clocks, in virtual time and on real folders."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pod_agent.pod.preflight.verdict import Level
from pod_wire.status import Outcome, Phase
from tests.agent.billed_pod import HOUR, JOB, YEAR, Budgeted, boots_again
from tests.fakes.world import World
from tests.story.seen import dice


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_dollars_end_a_job_and_stop_the_pod_whatever_the_policy(world):
    """Ten dollars at one an hour are ten hours: timed out, with the reason and how to go on."""
    pod = Budgeted(world).later(10 * HOUR - 60)
    assert pod.status.phase is Phase.RUNNING
    assert (pod.status.stops_because, pod.status.budget_at) == (
        "budget",
        pytest.approx(world.clock.now() + 60),
    )
    pod.later(61)
    assert pod.status.job.outcome is Outcome.TIMED_OUT
    assert pod.status.job.reason == "budget: POD_MAX_COST=10 is spent, at $1/h (POD_PRICE)"
    assert "--max-cost" in pod.status.job.remedy
    assert pod.status.phase is Phase.STOPPING


def test_boots_and_pods_share_one_budget(world):
    """What is off costs nothing; another pod goes on with its own price where the first one left the volume."""
    Budgeted(world).later(4 * HOUR)
    world.clock.advance(100 * HOUR)
    second = boots_again(world).later(2 * HOUR)
    assert second.spent.dollars == pytest.approx(6.0, abs=0.02)
    world.clock.advance(100 * HOUR)
    third = boots_again(world, hostname="h3", price=2.0)
    assert third.status.budget_at == pytest.approx(world.clock.now() + 2 * HOUR, abs=90)
    third.later(2 * HOUR + 60)
    assert third.status.phase is Phase.STOPPING
    assert third.spent.boots == 3


def test_a_spent_budget_ends_a_later_boot_before_its_training(world):
    """The job is timed out again, no attempt begins, and the pod stops; more dollars in a new order take it further."""
    Budgeted(world).later(10 * HOUR + 60)
    world.clock.advance(HOUR)
    again = boots_again(world)
    found = again.bill.afford(again.agent.supervisor.state.job.order)
    assert (found.level, "POD_MAX_COST=10 is spent" in found.reason) == (Level.FAILURE, True)
    again.agent.pump()
    assert again.status.job.outcome is Outcome.TIMED_OUT
    assert again.status.phase is Phase.STOPPING
    more = boots_again(world, replace(JOB, max_cost=12.0), hostname="h3", order="o9").later(HOUR)
    assert more.status.phase is Phase.RUNNING
    assert more.spent.dollars == pytest.approx(11.0, abs=0.1)


def test_a_fresh_run_counts_anew(world):
    """The dollars belong to the run; the boot's seconds go to whom they were for."""
    Budgeted(world, order="o1").later(9 * HOUR)
    fresh = Budgeted(world, replace(JOB, fresh=True), order="o2").later(60)
    assert fresh.spent.dollars < 0.1
    assert fresh.status.budget_at == pytest.approx(world.clock.now() + 10 * HOUR, abs=120)


def test_the_earlier_limit_wins_and_the_disk_knows_it(world):
    """Hours and dollars side by side: the status says which is first, the last resort finds it without an agent."""
    pod = Budgeted(world, replace(JOB, max_hours=3.0))
    assert pod.status.stops_because == "deadline"
    assert (pod.status.deadline_at, pod.kept["at"]) == (world.clock.now() + 3 * HOUR,) * 2
    dear = boots_again(world, replace(JOB, max_hours=3.0), price=10.0, order="o2")
    assert dear.status.stops_because == "budget"
    assert dear.kept["at"] == pytest.approx(world.clock.now() + HOUR, abs=2)
    assert dear.kept["boot"] == dear.status.boot
    copied = dear.agent.folders.of("digits").path / "deadline.json"
    assert json.loads(copied.read_text()) == dear.kept
    dear.later(HOUR + 60)
    assert dear.status.job.reason.startswith("budget:")


@pytest.mark.parametrize("jump", [-5 * HOUR, -YEAR, 5 * HOUR, 20 * YEAR])
def test_a_clock_that_is_set_while_the_agent_lives_moves_nothing(world, jump):
    """Neither hours nor dollars come sooner or later, and the disk is told the moment as the clock now reads it."""
    pod = Budgeted(world, replace(JOB, max_hours=12.0)).later(4 * HOUR)
    world.clock.jump(jump)
    pod.later(60)
    assert pod.status.phase is Phase.RUNNING
    assert pod.spent.dollars == pytest.approx(4 + 60 / HOUR, abs=0.02)
    assert pod.status.cost == pytest.approx(pod.spent.dollars, abs=0.02)
    assert pod.status.budget_at - world.clock.now() == pytest.approx(6 * HOUR - 60, abs=2)
    assert pod.status.deadline_at - world.clock.now() == pytest.approx(8 * HOUR - 60, abs=2)
    assert pod.kept["at"] == pytest.approx(pod.status.budget_at, abs=2)
    pod.later(6 * HOUR - 180)
    assert pod.status.phase is Phase.RUNNING
    pod.later(180)
    assert pod.status.phase is Phase.STOPPING


@pytest.mark.parametrize("jump", [-5 * HOUR, -YEAR, 5 * HOUR, 20 * YEAR])
def test_a_clock_that_is_set_between_two_agents_moves_nothing(world, jump):
    """The next agent of the boot has what was left, by hours and by dollars."""
    job = replace(JOB, max_hours=12.0)
    Budgeted(world, job).later(4 * HOUR)
    world.clock.jump(jump)
    world.clock.advance(300)
    again = Budgeted(world, job)
    assert again.status.phase is Phase.RUNNING
    assert again.spent.dollars == pytest.approx(4 + 300 / HOUR, abs=0.02)
    assert again.status.budget_at - world.clock.now() == pytest.approx(6 * HOUR - 300, abs=2)
    assert again.status.deadline_at - world.clock.now() == pytest.approx(8 * HOUR - 300, abs=2)
    assert again.kept["at"] == pytest.approx(again.status.budget_at, abs=2)


@pytest.mark.parametrize("jump", [-5 * HOUR, -YEAR, 20 * YEAR])
def test_a_clock_that_is_set_between_two_boots_makes_nothing_dearer_or_cheaper(world, jump):
    """What was paid stays what it was; the new boot gets its own hours."""
    job = replace(JOB, max_hours=12.0)
    Budgeted(world, job).later(4 * HOUR)
    world.clock.jump(jump)
    again = boots_again(world, job).later(HOUR)
    assert again.spent.dollars == pytest.approx(5.0, abs=0.02)
    assert again.status.deadline_at - world.clock.now() == pytest.approx(11 * HOUR, abs=2)


def test_an_agent_that_dies_again_and_again_pays_for_all_of_it(world):
    """Also for the time in which none lived; never less by more than a minute."""
    for _ in range(8):
        Budgeted(world).later(100)
        world.clock.advance(HOUR)
    last = Budgeted(world)
    assert last.spent.seconds == pytest.approx(8 * (HOUR + 100), abs=60)


def test_a_boot_that_ends_without_a_word_lost_less_than_a_minute(world):
    """The pod was killed: what is on the workspace is at most as old as the last save."""
    Budgeted(world).later(997, pace=1.0)
    assert boots_again(world).spent.seconds >= 997 - 60


def test_four_fifths_are_said_once(world):
    """In the status, in the journal and in the log; not again by the next agent; anew for another limit."""
    pod = Budgeted(world, replace(JOB, max_hours=9.0)).later(7 * HOUR)
    assert pod.status.job.warnings == ()
    pod.later(HOUR, pace=120)
    hours, dollars = pod.status.job.warnings
    assert hours.startswith("80 % of POD_MAX_HOURS=9 is over: the pod stops in 10")
    assert dollars.startswith("80 % of POD_MAX_COST=10 is spent ($8.0")
    assert "at $1/h (POD_PRICE)" in dollars
    assert [text for text in pod.texts() if text.startswith("80 %")] == [hours, dollars]
    assert f"podkeep: {dollars}" in [getattr(one, "text", "") for one in world.done]
    again = Budgeted(world, replace(JOB, max_hours=9.0)).later(120)
    assert sum(text.startswith("80 %") for text in again.texts()) == 2
    raised = Budgeted(world, replace(JOB, max_cost=10.05), order="o2").later(120)
    assert raised.status.job.warnings[-1].startswith("80 % of POD_MAX_COST=10.05")


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_no_minute_goes_unpaid(world, seed):
    """Random boots, pods, prices, deaths of agents, kills of pods and set clocks: the bill is what was really paid."""
    rng = dice(f"billing {seed}")
    job = replace(JOB, max_cost=1e6)
    pod, paid, boots = Budgeted(world, job), 0.0, 1
    for _ in range(14):
        seconds = rng.uniform(20, 2 * HOUR)
        pod.later(seconds, pace=min(600.0, max(7.0, seconds / 5)))
        paid += seconds
        if seconds > 600:  # then a look within the last quarter of a minute, as there is one each second
            pod.later(16, pace=4.0)
            paid += 16
        match rng.choice(["agent", "boot", "jump", "away"]):
            case "agent":
                pod = Budgeted(world, job, hostname=f"h{boots}")
            case "boot":
                world.clock.advance(rng.uniform(0, 9 * HOUR))
                boots += 1
                pod = boots_again(world, job, hostname=f"h{boots}")
            case "jump":
                world.clock.jump(rng.choice([-YEAR, -HOUR, 60.0, 3 * HOUR, 30 * YEAR]))
            case "away":
                gone = rng.uniform(1, 300)
                world.clock.advance(gone)
                paid += gone
                pod = Budgeted(world, job, hostname=f"h{boots}")
    pod.bill.tick()
    assert paid - 60 <= pod.spent.seconds <= paid + 20 * boots, (paid, pod.spent, boots)
    assert pod.spent.boots == boots


def test_the_boot_s_length_is_of_the_clock_that_never_jumps(world):
    """Status says how long this boot has lasted, also after somebody has set the wall clock a day ahead."""
    pod = Budgeted(world).later(HOUR)
    world.clock.jump(24 * HOUR)
    assert pod.later(60).status.boot_s == pytest.approx(HOUR + 60, abs=60)
