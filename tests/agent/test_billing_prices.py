"""A budget and its price: told, asked for, late, unknown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.armed import Armed
from pod_agent.pod.preflight.verdict import Level
from pod_agent.pod.price import Asked, Price
from pod_wire.status import Outcome, Phase, SelfStop
from tests.agent.billed_pod import HOUR, JOB, Budgeted, Silent, boots_again
from tests.fakes.world import World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_price_that_comes_late_counts_from_the_beginning(world):
    """A network that was slow makes no hour free; the budget's end is moved to where it belongs."""
    pod = Budgeted(world, price=None).later(HOUR)
    assert (pod.status.budget_at, pod.search.begun > 0) == (None, True)
    pod.bill.learned(Armed(SelfStop.PROVED, price=2.0))
    pod.later(60)
    assert pod.spent.dollars == pytest.approx(2.03, abs=0.02)
    assert pod.status.budget_at - world.clock.now() == pytest.approx(4 * HOUR - 60, abs=2)
    assert (pod.status.price_per_hour, pod.status.price_source) == (2.0, "RunPod, of this pod")
    again = Budgeted(world, price=None)
    assert again.status.price_source == "RunPod, of this pod", "an earlier agent of this boot knew it"


def test_who_tells_the_price_wins_over_who_lists_it(world):
    """Told is told; RunPod's word of the pod replaces what its list had."""
    listed = Silent(Asked(Price(0.5, "RunPod's list, for 1 x NVIDIA L4")))
    pod = Budgeted(world, price=None, search=listed)
    assert pod.status.price_source == "RunPod's list, for 1 x NVIDIA L4"
    pod.bill.learned(Armed(SelfStop.PROVED, price=0.4))
    pod.later(1)
    assert (pod.status.price_per_hour, pod.status.price_source) == (0.4, "RunPod, of this pod")
    told = Budgeted(world, price=0.3, search=listed)
    told.bill.learned(Armed(SelfStop.PROVED, price=0.4))
    told.later(1)
    assert (told.status.price_per_hour, told.status.price_source) == (0.3, "POD_PRICE")


def test_a_cap_without_a_price_fails_with_the_remedy(world):
    """Before the training where the answer is there by then, and once nobody can know it also amid the run."""
    unknown = Asked(None, "reading the own pod was refused", is_final=True)
    pod = Budgeted(world, price=None)
    order = pod.agent.supervisor.state.job.order
    assert pod.bill.afford(order).level is Level.WARNING
    pod.search.latest = unknown
    found = pod.bill.afford(order)
    assert found.level is Level.FAILURE
    assert "POD_MAX_COST=10 cannot be kept" in found.reason
    assert "POD_PRICE" in found.remedy
    pod.agent.pump()
    assert (pod.status.job.outcome, pod.status.job.reason) == (Outcome.FAILED, found.reason)


def test_without_a_cap_nothing_is_refused(world):
    """An unknown price is unknown, and nothing more; a price of nothing at all never ends."""
    free = replace(JOB, max_cost=None)
    pod = Budgeted(world, free, price=None, search=Silent(Asked(None, "no", is_final=True))).later(50 * HOUR)
    assert pod.status.phase is Phase.RUNNING
    assert pod.spent.unpriced_s == pytest.approx(50 * HOUR, abs=60)
    assert pod.bill.afford(pod.agent.supervisor.state.job.order).level is Level.FINE
    gift = Budgeted(world, JOB, price=0.0, order="o2").later(HOUR)
    assert (gift.status.budget_at, gift.status.phase) == (None, Phase.RUNNING)


def test_hours_of_an_unknown_price_are_reckoned_at_the_dearest_one(world):
    """A run that began without a price gets no free hours once it has a cap."""
    Budgeted(world, replace(JOB, max_cost=None), price=None, order="o1").later(3 * HOUR)
    pod = boots_again(world, price=2.0, order="o2")
    assert pod.status.budget_at - world.clock.now() == pytest.approx(2 * HOUR, abs=120)
