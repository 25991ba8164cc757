"""Errors as problem+json, and answers that may be one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_wire.errors import BadInput, Conflict, Mistake, PodError
from pod_wire.problems import Problem, from_answer, to_problem


def test_a_problem_names_fields_and_remedies():
    """Every mistake is there with its field, its problem and its remedy."""
    mistakes = (Mistake("port", "must be a port", "use 8787"), Mistake("ref", "is odd"))
    document = json.loads(to_problem(BadInput("cannot read it: 2 settings are wrong", mistakes, "see docs")))
    assert document == {
        "title": "Bad Request",
        "status": 400,
        "detail": "cannot read it: 2 settings are wrong",
        "remedy": "see docs",
        "errors": [
            {"field": "port", "problem": "must be a port", "remedy": "use 8787"},
            {"field": "ref", "problem": "is odd", "remedy": ""},
        ],
    }


@given(
    st.text(min_size=1, max_size=50),
    st.text(max_size=50),
    st.lists(
        st.builds(Mistake, st.text(max_size=9), st.text(min_size=1, max_size=9), st.text(max_size=9)),
        max_size=3,
    ),
)
def test_every_problem_can_be_read_back(message, hint, mistakes):
    """What one side writes the other reads, whatever characters are in it."""
    found = from_answer(400, to_problem(BadInput(message, tuple(mistakes), hint)))
    assert found.status == 400
    assert len(found.mistakes) == len(mistakes)
    assert found.detail


def test_the_status_can_be_another():
    """A border may answer with a status of its own."""
    assert json.loads(to_problem(PodError("cannot x: y"), 413))["title"] in {
        "Request Entity Too Large",
        "Content Too Large",
    }
    assert json.loads(to_problem(Conflict("cannot x: y")))["status"] == 409
    assert json.loads(to_problem(PodError("cannot x: y"), 599))["title"] == "HTTP status 599"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"title": "T", "status": 400, "detail": "the detail"}', "the detail"),
        (b'{"error": "the error"}', "the error"),
        (b'{"error": {"message": "inside"}}', "inside"),
        (b'{"message": "the message"}', "the message"),
        (b'{"detail": "", "error": "second"}', "second"),
        (b'{"detail": 5, "message": "third"}', "third"),
        (b'{"errors": ["gpu: unknown", "disk: too small"]}', "gpu: unknown; disk: too small"),
        (b'{"errors": [{"message": "from GraphQL"}]}', "from GraphQL"),
        (b"<html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        (b"<h1>Sorry</h1> <p>gone</p>", "Sorry gone"),
        (b"error code: 1010", "error code: 1010"),
        (b'"just text"', "just text"),
        (b"", "Bad Gateway"),
        (b"[]", "Bad Gateway"),
        (b"{}", "Bad Gateway"),
        (b"\x00\x01\xff", "\ufffd"),
        (b"x" * 5000, "x" * 299 + "\u2026"),
    ],
)
def test_the_words_of_any_answer(body, detail):
    """detail, else error, else message, else the text, else the status: an answer always has words."""
    assert from_answer(502, body).detail == detail


def test_runpod_s_plain_errors_are_kept():
    """v2 lists its errors as plain texts."""
    found = from_answer(
        422, b'{"detail": "no", "errors": ["a", {"field": "f", "problem": "p", "remedy": "r"}, 3]}'
    )
    assert found == Problem(422, "no", (Mistake("", "a"), Mistake("f", "p", "r")))


@given(st.binary(max_size=100))
def test_no_answer_breaks_the_reading(body):
    """Any bytes have some words."""
    assert from_answer(500, body).detail
