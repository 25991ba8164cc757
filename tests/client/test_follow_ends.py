"""How following ends, or says why it goes on: the pod refuses, is silent, is full, or the mistake is our own."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pod_client.ending import gone_reason
from pod_client.follow import Follower
from pod_wire.errors import Refused, Unreachable
from tests.client.test_follow import QUICK, Collected, asked_again, follower, in_thread, lines, until
from tests.fakes.agent_server import FakeAgent
from tests.live import PATIENCE_S


def test_a_log_that_too_many_follow_is_polled():
    """429 to a stream: ranges are served all the same, and the log is shown whole."""
    with FakeAgent() as agent:
        agent.full = True
        agent.write(lines(0, 500))
        sink = Collected()
        writer = in_thread(lambda: (time.sleep(0.2), agent.write(lines(500, 900)), agent.finish()))
        ending = follower(agent, sink).run()
        writer.join()
    assert bytes(sink.data) == lines(0, 900)
    assert ending.complete


def test_a_token_refused_while_nothing_is_read_is_an_error():
    """The refusal comes between two answers: it is raised, and not taken for an end without a reason."""
    with FakeAgent() as agent:
        agent.behind = 502
        following = follower(agent, Collected(), pace=replace(QUICK, backoff_most_s=5.0, backoff_first_s=5.0))
        changed = in_thread(
            lambda: (time.sleep(0.3), setattr(agent, "token", "x" * 43), setattr(agent, "behind", None))
        )
        with pytest.raises(Refused):
            following.run()
        changed.join()


def test_a_pod_that_does_not_answer_is_spoken_of():
    """Silence is said with its length and reason, and not every time it is asked."""
    said: list[str] = []
    with FakeAgent() as agent:
        agent.behind = 502
        following = follower(agent, Collected(), said=said, pace=replace(QUICK, say_s=0.7))
        running = in_thread(following.run)
        until(lambda: said)
        asked_again(agent)  # the next words are due in seven seconds
        agent.behind = None
        agent.finish()
        running.join(PATIENCE_S)
    assert len(said) == 1
    assert "has not answered for" in said[0]
    assert "502" in said[0]


def test_what_breaks_in_the_second_thread_ends_following():
    """A mistake of ours where the status is read is raised; nobody is left following for ever."""

    class Broken:
        def status_for(self, _):
            raise ZeroDivisionError

        def open_log(self, *_, **__):
            raise Unreachable("cannot reach it")

    following = Follower(Broken(), "job", Collected(), lambda _: None, lambda: None, pace=QUICK)
    with pytest.raises(ZeroDivisionError):
        following.run()


def test_without_a_key_only_long_silence_says_that_a_pod_is_gone():
    """Nobody can be asked: minutes of silence are borne, ten are not."""
    assert gone_reason(None, "pod1", 599.0) is None
    assert "10 min" in gone_reason(None, "pod1", 605.0) or "605" in gone_reason(None, "pod1", 605.0)
