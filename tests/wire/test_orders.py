"""When a job runs again: every outcome under every cause."""

import itertools

import pytest

from pod_wire.orders import TABLE, Cause, Past, Verdict, cause, decide, new_order_id
from pod_wire.status import Outcome

OUTCOMES = (None, *Outcome)
RUN, CONTINUE, WAIT = Verdict.RUN, Verdict.CONTINUE, Verdict.WAIT

EXPECTED = {
    Cause.NEW_ORDER: dict.fromkeys(OUTCOMES, RUN),
    Cause.NEW_SPEC: dict.fromkeys(OUTCOMES, RUN),
    Cause.SAME_BOOT: {
        None: CONTINUE,
        Outcome.SUCCEEDED: WAIT,
        Outcome.FAILED: WAIT,
        Outcome.CANCELLED: WAIT,
        Outcome.INTERRUPTED: CONTINUE,
        Outcome.TIMED_OUT: WAIT,
    },
    Cause.NEW_BOOT: {
        None: CONTINUE,
        Outcome.SUCCEEDED: WAIT,
        Outcome.FAILED: WAIT,
        Outcome.CANCELLED: WAIT,
        Outcome.INTERRUPTED: CONTINUE,
        Outcome.TIMED_OUT: CONTINUE,
    },
}


def _question(why, outcome):
    past = Past("a", "spec", outcome, same_boot=why is Cause.SAME_BOOT, accepted=("a",))
    order = "b" if why is Cause.NEW_ORDER else "a"
    return past, order, "other" if why is Cause.NEW_SPEC else "spec"


@pytest.mark.parametrize(("why", "outcome"), list(itertools.product(EXPECTED, OUTCOMES)))
def test_every_outcome_under_every_cause(why, outcome):
    """The verdict is the one that the design's rules give, with a reason."""
    past, order, spec = _question(why, outcome)
    assert cause(past, order, spec) is why
    verdict, reason = decide(past, order, spec)
    assert verdict is EXPECTED[why][outcome]
    assert reason


def test_the_table_has_every_pair_and_no_other():
    """No pair of cause and outcome is without an answer."""
    assert set(TABLE) == set(itertools.product(set(Cause) - {Cause.FIRST}, OUTCOMES))


@pytest.mark.parametrize("order", [None, "a"])
def test_the_first_look_runs_the_job(order):
    """A pod that knows of no earlier order runs what its environment says, order id or not."""
    assert decide(None, order, "spec")[0] is RUN


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("same_boot", [True, False])
def test_an_accepted_id_counts_as_none(outcome, same_boot):
    """An order id that was accepted once, even before another, gives the verdict of no id at all."""
    past = Past("newer", "spec", outcome, same_boot, accepted=("older", "newer"))
    without = decide(past, None, "spec")
    assert decide(past, "older", "spec") == without
    assert decide(past, "newer", "spec") == without


def test_an_order_that_came_by_post_stands():
    """After a POST the environment's old order id and unchanged spec do not win over the posted job."""
    past = Past("posted", "spec of the environment", None, same_boot=True, accepted=("env", "posted"))
    assert decide(past, "env", "spec of the environment")[0] is CONTINUE


def test_a_template_s_changed_spec_runs_without_an_id():
    """A template's environment has no order id; a changed spec is enough."""
    assert decide(Past(None, "spec", Outcome.SUCCEEDED, same_boot=False), None, "other")[0] is RUN


def test_waiting_says_how_to_run_again():
    """Every verdict to wait names the remedy."""
    assert all("new order" in reason for verdict, reason in TABLE.values() if verdict is WAIT)


def test_order_ids_are_new():
    """No id comes twice."""
    assert len({new_order_id() for _ in range(1000)}) == 1000
