"""Values to JSON and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.secrets import Secret
from pod_wire.status import Attempt, JobStatus, LogPlace, Outcome, Phase, PhaseTime, SelfStop, Status


@dataclass(frozen=True, slots=True)
class Inner:
    number: int
    flag: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    inner: Inner
    some: tuple[Inner, ...] = ()
    pair: tuple[str, int] = ("a", 1)
    table: Mapping[str, int] | None = None
    amount: float | None = None
    either: int | float | str | None = None
    phase: Phase = Phase.WAITING
    format: int = 1


INNERS = st.builds(Inner, st.integers(), st.booleans())
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SAMPLES = st.builds(
    Sample,
    st.text(),
    INNERS,
    st.lists(INNERS, max_size=3).map(tuple),
    st.tuples(st.text(), st.integers()),
    st.none() | st.dictionaries(st.text(), st.integers(), max_size=3),
    st.none() | FLOATS,
    st.none() | st.integers() | st.text() | FLOATS,
    st.sampled_from(Phase),
    st.just(1),
)


@given(SAMPLES)
def test_what_is_written_is_read(sample):
    """A value comes back equal, and its text is one line of ASCII."""
    data = to_json(sample)
    assert from_json(Sample, data) == sample
    assert b"\n" not in data
    assert data.isascii()


def test_a_whole_status_comes_back():
    """The largest value of ours survives the way over the wire."""
    job = JobStatus(
        "digits",
        "0f",
        Phase.RUNNING,
        attempts=(Attempt(1, 12, 1.0, 2.0, None, "KILL", "killed"), Attempt(2)),
        phases=(PhaseTime(Phase.SYNCING, 1.0, 0.5), PhaseTime(Phase.RUNNING, 2.0)),
        log=LogPlace("ab", 12),
        outcome=Outcome.TIMED_OUT,
    )
    status = Status("0.1.0", 5.0, Phase.RUNNING, job=job, self_stop=SelfStop.UNPROVED, warnings=("x",))
    assert from_json(Status, to_json(status)) == status
    assert from_json(Status, json.loads(to_json(status))) == status


def test_unknown_keys_are_passed_over():
    """A newer peer may say more within the same format."""
    assert from_json(
        Sample, '{"name": "n", "inner": {"number": 1, "new": [1]}, "newer": {"a": 1}}'
    ) == Sample("n", Inner(1))


@pytest.mark.parametrize("version", [2, 99])
def test_a_newer_format_is_refused_and_named(version):
    """What this podkeep cannot know is not guessed at."""
    with pytest.raises(BadInput, match=f"its format is {version}"):
        from_json(Sample, {"name": "n", "inner": {"number": 1}, "format": version})


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": 3}, "name"),
        ({"name": None}, "name"),
        ({"inner": None}, "inner"),
        ({"inner": {}}, "inner.number"),
        ({"inner": {"number": True}}, "inner.number"),
        ({"inner": {"number": 1.0}}, "inner.number"),
        ({"inner": {"number": 1, "flag": 1}}, "inner.flag"),
        ({"some": {}}, "some"),
        ({"some": [{"number": 1}, 5]}, "some[1]"),
        ({"pair": ["a"]}, "pair"),
        ({"pair": ["a", "b"]}, "pair[1]"),
        ({"table": []}, "table"),
        ({"table": {"k": "v"}}, "table['k']"),
        ({"amount": "1"}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": 10**400}, "amount"),
        ({"phase": "dancing"}, "phase"),
        ({"phase": 1}, "phase"),
        ({"either": []}, "either"),
        ({"format": "1"}, None),
        ({"format": True}, None),
    ],
)
def test_wrong_types_are_refused_with_their_place(changes, where):
    """A field of another type is named by its path, and its value is not shown."""
    with pytest.raises(BadInput) as caught:
        from_json(Sample, {"name": "n", "inner": {"number": 1}, **changes})
    assert [mistake.field for mistake in caught.value.mistakes] == ([where] if where else [])


def test_a_whole_number_is_a_number():
    """JSON writes 5.0 as 5 where it likes; a field of seconds takes both."""
    found = from_json(Sample, '{"name": "n", "inner": {"number": 1}, "amount": 5}')
    assert found.amount == 5.0
    assert type(found.amount) is float


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, '"x"', b'{"name": "n"}']
)
def test_what_is_no_document_is_bad_input(data):
    """Torn, foreign, empty or nested beyond reason: one error, no crash."""
    with pytest.raises(BadInput, match="cannot read a Sample"):
        from_json(Sample, data)


@pytest.mark.parametrize("value", [{"a": Secret("x" * 9)}, (object(),), {1: 2}, b"bytes", {1, 2}])
def test_what_has_no_json_is_not_written(value):
    """A Secret least of all."""
    with pytest.raises(TypeError):
        to_json(value)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_odd_numbers_are_not_written(number):
    """NaN is no JSON."""
    with pytest.raises(ValueError, match="JSON"):
        to_json((number,))
