"""What begins once HTTP answers: one part that fails costs itself only, and is told of."""

from __future__ import annotations

import gc
import subprocess
import sys

from pod_agent.later import Each, settled
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


def test_garbage_is_collected_once_all_is_loaded():
    """The agent's imports are not searched for garbage, then or later; what becomes garbage from then on is."""
    begins = "import pod_agent.__main__, gc; print(gc.isenabled())"
    assert (
        subprocess.run([sys.executable, "-I", "-c", begins], capture_output=True, check=True).stdout
        == b"False\n"
    )
    gc.disable()
    try:
        settled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()
