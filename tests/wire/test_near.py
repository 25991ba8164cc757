"""Which known name was probably meant."""

from hypothesis import given
from hypothesis import strategies as st

from pod_wire.contract import BY_NAME
from pod_wire.near import distance, nearest

WORDS = st.text(alphabet="ABCD_", max_size=8)


def _naive(left, right):
    """Optimal string alignment by its recursive definition."""
    if not left or not right:
        return len(left) + len(right)
    best = min(
        _naive(left[:-1], right) + 1,
        _naive(left, right[:-1]) + 1,
        _naive(left[:-1], right[:-1]) + (left[-1] != right[-1]),
    )
    if len(left) > 1 and len(right) > 1 and left[-1] == right[-2] and left[-2] == right[-1]:
        best = min(best, _naive(left[:-2], right[:-2]) + 1)
    return best


@given(st.text(alphabet="ABC", max_size=5), st.text(alphabet="ABC", max_size=5))
def test_distance_is_its_definition(left, right):
    """The table gives what the recursive definition gives."""
    assert distance(left, right) == _naive(left, right)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_zero_only_for_equals(left, right):
    """Distance does not depend on the order, and only equal words are at distance zero."""
    assert distance(left, right) == distance(right, left)
    assert (distance(left, right) == 0) == (left == right)


def test_a_swap_of_neighbours_is_one_edit():
    """Two swapped neighbours count as one slip."""
    assert distance("POD_COMMNAD", "POD_COMMAND") == 1


def test_one_edit_is_near_for_a_short_name():
    """A short name forgives one letter: POD_JBO, POD_JO and POD_JOBS mean POD_JOB."""
    assert {nearest(name, BY_NAME) for name in ("POD_JBO", "POD_JO", "POD_JOBS")} == {"POD_JOB"}


def test_two_edits_are_too_many_for_a_short_name():
    """Two letters off a name with fewer than six letters is another name."""
    assert nearest("POD_JOBAB", BY_NAME) is None
    assert nearest("POD_PRICY1", BY_NAME) is None


def test_two_edits_are_near_for_a_long_name():
    """Six or more letters after POD_ forgive two slips, but not three."""
    assert nearest("POD_COMAD", BY_NAME) == "POD_COMMAND"
    assert nearest("POD_RESME", BY_NAME) == "POD_RESUME"
    assert nearest("POD_RSME", BY_NAME) == "POD_RESUME"
    assert nearest("POD_COMA", BY_NAME) is None


def test_the_nearest_of_several_wins():
    """Where two names are near, the one with fewer edits is meant."""
    assert nearest("POD_ON_FINISHH", BY_NAME) == "POD_ON_FINISH"


def test_case_alone_is_a_slip():
    """A name in the wrong case is meant for the right one."""
    assert nearest("pod_command", BY_NAME) == "POD_COMMAND"


def test_another_world_s_names_are_left_alone():
    """What Kubernetes calls its variables is near to none of ours."""
    for name in ("POD_NAME", "POD_NAMESPACE", "POD_IP", "POD_UID", "POD_SERVICE_ACCOUNT", "POD_IPS"):
        assert nearest(name, BY_NAME) is None
