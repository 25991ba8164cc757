"""The proof rule, as a table: what may end how, and what goes with it."""

from __future__ import annotations

import itertools

import pytest

from pod_wire import proof
from pod_wire.proof import Estate, Keeps, Way
from pod_wire.status import CheckpointPlace

MADE = ("its checkpoints (step 5)", "its outputs", "its log")
DESTROYS = {
    (Way.STOP, Keeps.NOTHING),
    (Way.TERMINATE, Keeps.NOTHING),
    (Way.TERMINATE, Keeps.DISK),
    (Way.TERMINATE, Keeps.UNKNOWN),
}


@pytest.mark.parametrize(("way", "keeps"), list(itertools.product(Way, Keeps)))
def test_nothing_that_exists_only_here_is_destroyed(way, keeps):
    """Allowed is what destroys nothing, what made nothing, and what POD_EPHEMERAL gives up; nothing else."""
    destroys = (way, keeps) in DESTROYS
    made = proof.judge(way, Estate(keeps, MADE))
    assert made.allowed is not destroys
    assert made.lost == (MADE if destroys else ())
    assert proof.judge(way, Estate(keeps)).allowed
    given_up = proof.judge(way, Estate(keeps, MADE, may_be_lost=True))
    assert given_up.allowed
    assert given_up.lost == made.lost
    assert ("POD_EPHEMERAL" in given_up.because) is destroys


@pytest.mark.parametrize(("way", "keeps"), list(itertools.product(Way, Keeps)))
def test_what_others_left_is_not_this_job_s_to_give_up(way, keeps):
    """POD_EPHEMERAL speaks of its own job: what else would be destroyed forbids it, and is named."""
    others = ("what job 'b' made",)
    found = proof.judge(way, Estate(keeps, MADE, may_be_lost=True, others=others))
    assert found.allowed is ((way, keeps) not in DESTROYS)
    assert found.lost == (others if (way, keeps) in DESTROYS else ())
    if not found.allowed:
        assert found.because == "only this pod is known to have what job 'b' made"
        assert proof.judge(way, Estate(keeps, MADE, others=others)).lost == (*MADE, *others)


def test_what_is_not_allowed_says_what_would_be_lost():
    """The words name the things, so that a person can fetch them."""
    said = proof.judge(Way.TERMINATE, Estate(Keeps.DISK, MADE)).because
    assert said == "only this pod is known to have its checkpoints (step 5), its outputs and its log"


@pytest.mark.parametrize(
    ("attempts", "checkpoint", "made"),
    [
        (0, None, ()),
        (1, None, ("its outputs", "its log")),
        (1, CheckpointPlace("/w/c", 5, 1, 1.0), MADE),
        (2, CheckpointPlace("/w/c", None, 1, 1.0), ("its checkpoints", "its outputs", "its log")),
    ],
)
def test_what_a_job_has_made(attempts, checkpoint, made):
    """A job that never began has made nothing worth a bill."""
    assert proof.made(attempts, checkpoint) == made


@pytest.mark.parametrize(
    ("things", "words"), [(("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_things_are_listed_as_people_list_them(things, words):
    """One, two and three things."""
    assert proof.listed(things) == words
