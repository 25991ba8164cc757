"""One value at a time: what is taken, what is refused, and that no refusal shows the value."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.contract import BY_NAME, VARIABLES
from pod_wire.texts import BadValue
from pod_wire.values import check, is_unset, unresolved_secret
from pod_wire.variable import COMMAND_LIMIT_BYTES, Kind


def _env(name, value):
    return check(BY_NAME[name], value, typed=False)


def _typed(name, value):
    return check(BY_NAME[name], value, typed=True)


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("POD_FRESH", "1", True),
        ("POD_FRESH", " Yes ", True),
        ("POD_FRESH", "true", True),
        ("POD_FRESH", "0", False),
        ("POD_FRESH", "NO", False),
        ("POD_FRESH", "false", False),
        ("POD_IDLE_MINUTES", "0", 0.0),
        ("POD_IDLE_MINUTES", "-0", 0.0),
        ("POD_IDLE_MINUTES", "2.5", 2.5),
        ("POD_MAX_HOURS", "0.01", 0.01),
        ("POD_MAX_RESTARTS", "0", 0),
        ("POD_MAX_RESTARTS", "7", 7),
        ("POD_PORT", "65535", 65535),
        ("POD_COMMAND", "\n\npython x.py\n", "python x.py"),
        ("POD_COMMAND", "x" * COMMAND_LIMIT_BYTES, "x" * COMMAND_LIMIT_BYTES),
        ("POD_RESUME", " --resume {checkpoint} ", "--resume {checkpoint}"),
    ],
)
def test_good_values_are_taken(name, value, meaning):
    """What is well-formed becomes the field's value."""
    assert _env(name, value) == meaning


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("POD_FRESH", "2", "0 or 1"),
        ("POD_FRESH", "on", "0 or 1"),
        ("POD_IDLE_MINUTES", "-1", "negative"),
        ("POD_IDLE_MINUTES", "nan", "finite"),
        ("POD_IDLE_MINUTES", "inf", "finite"),
        ("POD_IDLE_MINUTES", "-inf", "finite"),
        ("POD_IDLE_MINUTES", "1e400", "finite"),
        ("POD_IDLE_MINUTES", "9" * 5000, "finite"),
        ("POD_IDLE_MINUTES", "1e15", "at most"),
        ("POD_IDLE_MINUTES", "1_0", "number"),
        ("POD_IDLE_MINUTES", "15m", "number"),
        ("POD_MAX_HOURS", "0", "more than 0"),
        ("POD_MAX_HOURS", "10000", "at most"),
        ("POD_MAX_RESTARTS", "1.5", "whole"),
        ("POD_MAX_RESTARTS", "-1", "negative"),
        ("POD_MAX_RESTARTS", "1001", "at most"),
        ("POD_PRICE", "-0.1", "negative"),
        ("POD_PORT", "0", "65535"),
        ("POD_PORT", "65536", "65535"),
        ("POD_PORT", "80.5", "65535"),
        ("POD_PORT", "nan", "65535"),
        ("POD_COMMAND", "x" * (COMMAND_LIMIT_BYTES + 1), "65536"),
        ("POD_COMMAND", "\u00e9" * (COMMAND_LIMIT_BYTES // 2 + 1), "65536"),
        ("POD_COMMAND", "echo \0", "NUL"),
        ("POD_COMMAND", "echo \udcff", "UTF-8"),
        ("POD_RESUME", "a\nb", "one line"),
        ("POD_RESUME", "x" * 5000, "4096"),
    ],
)
def test_bad_values_are_refused(name, value, said):
    """What is not well-formed is refused in words that say why."""
    with pytest.raises(BadValue) as caught:
        _env(name, value)
    assert said in caught.value.problem


def _refusal(variable, value):
    try:
        check(variable, value, typed=False)
    except BadValue as error:
        return error.problem + error.remedy
    return ""


TEXT_KINDS = [v for v in VARIABLES if v.built]


@given(st.sampled_from(TEXT_KINDS), st.text(min_size=6, alphabet="@%!~\0\n:/ xyz\udcff", max_size=40))
def test_no_refusal_shows_the_value(variable, value):
    """Whatever the value, it is taken or refused by BadValue, and the refusal does not hold it."""
    assert value not in _refusal(variable, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POD_FRESH", 1),
        ("POD_FRESH", "true"),
        ("POD_IDLE_MINUTES", "15"),
        ("POD_IDLE_MINUTES", True),
        ("POD_IDLE_MINUTES", 10**400),
        ("POD_IDLE_MINUTES", math.nan),
        ("POD_IDLE_MINUTES", [1]),
        ("POD_MAX_RESTARTS", 1.0),
        ("POD_MAX_RESTARTS", True),
        ("POD_COMMAND", ["python", "x.py"]),
        ("POD_COMMAND", {"a": 1}),
        ("POD_SIGNAL", 15),
        ("POD_ON_FINISH", False),
        ("POD_JOB", 7),
    ],
)
def test_typed_sources_are_held_to_their_types(name, value):
    """TOML and JSON have types: a number in quotes, or true for a number, is a mistake."""
    with pytest.raises(BadValue):
        _typed(name, value)


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("POD_FRESH", True, True),
        ("POD_IDLE_MINUTES", 5, 5.0),
        ("POD_MAX_RESTARTS", 3, 3),
        ("POD_MAX_HOURS", 0.5, 0.5),
    ],
)
def test_typed_values_are_taken(name, value, meaning):
    """A number may be whole or not where a number is asked for."""
    found = _typed(name, value)
    assert found == meaning
    assert type(found) is type(meaning)


def test_empty_says_nothing_but_where_it_means_something():
    """Empty is "not set", but for POD_RESUME (put back only) and POD_REQUIREMENTS (install nothing)."""
    meaningful = {v.name for v in VARIABLES if v.built and not is_unset(v, "")}
    assert meaningful == {"POD_RESUME", "POD_REQUIREMENTS"}
    assert all(is_unset(v, None) for v in VARIABLES)


def test_a_secret_s_template_is_seen():
    """RunPod's template is known with and without spaces, wherever it stands."""
    assert unresolved_secret("{{ RUNPOD_SECRET_hf }}")
    assert unresolved_secret("x{{RUNPOD_SECRET_hf}}")
    assert not unresolved_secret("RUNPOD_SECRET_hf")
    assert not unresolved_secret(None)


def test_every_kind_is_checked():
    """No kind of value is without a check."""
    for variable in VARIABLES:
        if variable.built:
            with pytest.raises(BadValue):
                check(variable, object(), typed=True)
    assert {v.kind for v in VARIABLES if v.built} == set(Kind)
