"""GraphQL documents as clients write them: which operation, which pod, which fields."""

from __future__ import annotations

import pytest

from pod_sim.graphql import Operation, parse

STOP = ("id", "desiredStatus")


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ('mutation { podStop(input: {podId: "p1"}) { id desiredStatus } }', {}),
        ("mutation S($id: String!) { podStop(input: {podId: $id}) { id desiredStatus } }", {"id": "p1"}),
        (
            "mutation S($input: PodStopInput!) { podStop(input: $input) { id desiredStatus } }",
            {"input": {"podId": "p1"}},
        ),
        ("mutation{podStop(input:{podId:$x}){id,desiredStatus}}", {"x": "p1"}),
    ],
)
def test_a_stop_is_understood_however_it_is_written(query, variables):
    """Literals, a variable for the id, and a variable for the whole input mean the same."""
    assert parse(query, variables) == Operation("podStop", "p1", STOP)


def test_a_nested_selection_counts_as_its_outer_name():
    """Only the outermost names are taken."""
    query = (
        'query { pod(input: {podId: "p"}) { costPerHr machine { podHostId } runtime { uptimeInSeconds } } }'
    )
    assert parse(query, {}) == Operation("pod", "p", ("costPerHr", "machine", "runtime"))


def test_a_quote_in_a_value_is_a_value():
    """A value with braces and quotes does not break the document."""
    assert parse('mutation { podStop(input: {podId: "a}\\"{b"}) { id } }', {}).selected == ("id",)


def test_an_operation_without_a_selection():
    """podTerminate returns nothing and selects nothing."""
    assert parse('mutation { podTerminate(input: {podId: "p"}) }', {}) == Operation("podTerminate", "p", ())


@pytest.mark.parametrize("query", ["", "nonsense", "{", "{ }", "query { 5 }"])
def test_what_is_no_operation_is_none(query):
    """Text that is no document is refused, not guessed at."""
    assert parse(query, {}) is None
