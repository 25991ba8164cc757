"""Strict reading of bodies: each violation is said once, in RunPod's words, without the value."""

from __future__ import annotations

import pytest

from pod_sim.checks import Checker


def test_an_unknown_key_is_named_as_runpod_names_it():
    """An unknown key is `$: additional properties 'bogus' not allowed`."""
    check = Checker({"name": "a", "bogus": 1})
    check.only("name")
    assert check.errors == ["$: additional properties 'bogus' not allowed"]


def test_a_missing_key_is_named():
    """Missing keys are listed together."""
    check = Checker({})
    check.needs("name", "image")
    assert check.errors == ["$: missing properties 'name', 'image'"]


@pytest.mark.parametrize("value", [True, "3", 1.5, None, 2])
def test_whole_takes_integers_only(value):
    """Neither a boolean, nor text, nor a fraction, nor one below the minimum is a whole number."""
    check = Checker({"n": value})
    assert check.whole("n", minimum=3) is None
    assert len(check.errors) == 1


def test_whole_takes_what_json_schema_takes():
    """4.0 is an integer in JSON Schema."""
    assert Checker({"n": 4.0}).whole("n", minimum=3) == 4


@pytest.mark.parametrize("port", ["8787", "8787/udp", "0/http", "99999999/tcp", "80/HTTP", "/http"])
def test_a_port_has_a_number_and_a_kind(port):
    """Ports are PORT/http or PORT/tcp."""
    check = Checker({"ports": ["22/tcp", port]})
    check.ports("ports")
    assert check.errors == ["$.ports[1]: want PORT/http or PORT/tcp"]


def test_a_symmetrical_port_is_a_port():
    """RunPod takes ports above 70000 as a wish for the same number outside."""
    check = Checker({"ports": ["70000/tcp"]})
    assert check.ports("ports") == ("70000/tcp",)
    assert check.errors == []


def test_violations_never_hold_the_value():
    """A secret in the wrong place is not echoed."""
    check = Checker({"env": {"TOKEN": ["hunter2-hunter2"]}, "name": 5, "cloud": "hunter2-hunter2"})
    check.text_map("env")
    check.text("name")
    check.choice("cloud", "SECURE")
    assert len(check.errors) == 3
    assert "hunter2" not in " ".join(check.errors)
