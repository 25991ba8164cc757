"""What begins once HTTP answers: one part that fails costs itself only, and is told of."""

from __future__ import annotations

from pod_agent.later import Each
from pod_agent.run import events as e


def test_a_part_that_cannot_begin_costs_itself_only():
    """Its place is empty, the status says what is missing, and the next part is begun."""
    posts = []
    each = Each(posts.append)

    def fails():
        raise RuntimeError("can't start new thread")

    assert each.begin("progress is not read", fails) is None
    assert each.begin("services are not started", lambda: "services") == "services"
    assert posts == [e.Warned('progress is not read: RuntimeError("can\'t start new thread")')]
