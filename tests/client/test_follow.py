"""Following a log by offset, against a real HTTP server that cuts, buffers and loses."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from pod_client.agent_api import AgentApi
from pod_client.follow import Begin, Follower, Pace
from pod_client.session import RequestsTransport
from pod_wire import routes
from pod_wire.errors import BadInput, Refused
from pod_wire.secrets import Secret
from pod_wire.status import Outcome, Phase
from tests.fakes.agent_server import FakeAgent
from tests.live import PATIENCE_S

QUICK = Pace(
    status_s=0.05, silent_s=0.15, poll_s=0.02, backoff_first_s=0.005, backoff_most_s=0.05, ask_provider_s=0.05
)


class Collected:
    """A sink that keeps everything, and can be slow or broken."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.closed = False
        self.breaks_after: int | None = None

    def write(self, data: bytes) -> None:
        self.data += data
        if self.breaks_after is not None and len(self.data) > self.breaks_after:
            raise BrokenPipeError

    def close(self) -> None:
        self.closed = True


def follower(agent, sink, *, token=None, gone=lambda: None, said=None, stale=None, pace=QUICK):
    api = AgentApi(agent.url, Secret(token or agent.token), RequestsTransport())
    warn = said.append if said is not None else lambda _: None
    return Follower(api, "job", sink, warn, gone, stale_order=stale, pace=pace)


def lines(first, last):
    return b"".join(b"line %06d of many\n" % number for number in range(first, last))


def until(is_so, limit_s=PATIENCE_S):
    """Wait for a fact, and fail when it does not come."""
    end = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.005)


def asked_again(agent):
    """Wait until its status has been asked for twice more: what was known before has been judged by then."""

    def looks():
        return sum(path == routes.STATUS for _, path in agent.requests)

    known = looks()
    until(lambda: looks() >= known + 2)


def in_thread(act):
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_a_finished_log_is_read_to_its_end_and_following_ends():
    """What was written before is passed on whole, and following ends when the outcome and all bytes are there."""
    with FakeAgent() as agent:
        agent.write(lines(0, 1000))
        agent.finish()
        sink = Collected()
        ending = follower(agent, sink).run()
    assert bytes(sink.data) == lines(0, 1000)
    assert ending.complete
    assert ending.offset == len(sink.data)
    assert sink.closed


def test_two_hundred_cuts_lose_and_repeat_nothing():
    """Each answer is cut in the middle of a chunk; what is printed equals the log byte for byte."""
    with FakeAgent() as agent:
        agent.cut_after = [97 + 13 * (number % 31) for number in range(200)]
        sink = Collected()

        def job():
            for number in range(0, 6000, 20):
                agent.write(lines(number, number + 20))
                time.sleep(0.002)
            agent.finish()

        writer = in_thread(job)
        ending = follower(agent, sink).run()
        writer.join()
        offsets = agent.offsets
        end = len(agent.log)
    assert bytes(sink.data) == lines(0, 6000)
    assert ending.complete
    assert len(offsets) > 200
    assert sum(0 < offset < end for offset in offsets) >= 199


def test_a_body_shorter_than_its_content_length_counts_what_came():
    """A promised length that does not arrive is a cut like any other."""
    with FakeAgent() as agent:
        agent.truncate_with_length = True
        agent.cut_after = [5, 50, 500]
        agent.write(lines(0, 300))
        agent.finish()
        sink = Collected()
        assert follower(agent, sink).run().complete
    assert bytes(sink.data) == lines(0, 300)


def test_agents_that_come_and_go_on_one_port_are_waited_for():
    """Twenty restarts of the agent, with proxies' answers in between, lose and repeat nothing."""
    text = lines(0, 2000)
    sink = Collected()
    with FakeAgent() as first:
        port = int(first.url.rsplit(":", 1)[1])
        following = follower(first, sink)
        first.write(text[:100])
        running = in_thread(following.run)
        until(lambda: len(sink.data) >= 100)
    for number in range(20):
        again = FakeAgent(port=port)
        again.write(text[: 1000 + 500 * number])
        again.behind = 502 if number % 2 else 404
        with again:
            time.sleep(0.01)
            again.behind = None
            until(lambda now=again: len(sink.data) >= len(now.log))
    last = FakeAgent(port=port)
    last.write(text)
    last.finish()
    with last:
        running.join(PATIENCE_S)
    assert bytes(sink.data) == text


def test_another_log_is_said_and_read_from_its_start():
    """After the volume is lost the log has another id: the client says so and begins at 0."""
    said = []
    with FakeAgent() as agent:
        agent.write(b"old text that is longer than the new one\n")
        sink = Collected()
        running = in_thread(follower(agent, sink, said=said).run)
        until(lambda: sink.data)
        agent.lose_log(b"new text\n")
        agent.finish()
        running.join(PATIENCE_S)
    assert bytes(sink.data) == b"old text that is longer than the new one\nnew text\n"
    assert len(said) == 1
    assert "starting at 0" in said[0]


def test_a_buffering_proxy_is_noticed_and_offsets_are_polled():
    """A stream that stays silent while the status shows the log grown is left for polling by offset."""
    with FakeAgent() as agent:
        agent.buffered = True
        agent.write(lines(0, 50))
        sink = Collected()
        running = in_thread(follower(agent, sink).run)
        until(lambda: len(sink.data) >= len(agent.log))
        agent.write(lines(50, 60))
        agent.finish()
        running.join(PATIENCE_S)
        polled = [path for _, path in agent.requests if "limit=" in path]
    assert bytes(sink.data) == lines(0, 60)
    assert polled


def test_a_slow_reader_is_not_taken_for_a_buffering_proxy():
    """While our own stdout does not take the bytes, the stream is not silent."""
    pace = replace(QUICK, silent_s=0.6)

    class Slow(Collected):
        def write(self, data):
            super().write(data)
            if not agent.is_over():
                asked_again(agent)
                time.sleep(pace.silent_s)
                asked_again(agent)
                agent.write(lines(2000, 4000))
                agent.finish()

    with FakeAgent() as agent:
        agent.write(lines(0, 2000))
        sink = Slow()
        follower(agent, sink, pace=pace).run()
        polled = [path for _, path in agent.requests if "limit=" in path]
    assert bytes(sink.data) == lines(0, 4000)
    assert polled == []


def test_a_pod_that_is_gone_ends_the_following():
    """When the provider says that the pod has stopped, following ends, incomplete and with the reason."""
    sink = Collected()
    with FakeAgent() as agent:
        agent.write(b"half of it\n")
        following = follower(agent, sink, gone=lambda: "the pod has stopped")
        ending = []
        running = in_thread(lambda: ending.append(following.run()))
        until(lambda: sink.data)
    running.join(PATIENCE_S)
    assert not ending[0].complete
    assert ending[0].gone == "the pod has stopped"
    assert bytes(sink.data) == b"half of it\n"


def test_an_old_orders_outcome_does_not_end_the_following():
    """The outcome of the order before ours is not ours: following goes on until the new order's."""
    with FakeAgent() as agent:
        agent.write(b"first\n")
        agent.finish()
        sink = Collected()
        ended = []
        following = follower(agent, sink, stale="order-0")
        running = in_thread(lambda: ended.append(following.run()))
        asked_again(agent)
        time.sleep(0.1)
        assert not ended
        agent.write(b"second\n")
        agent.finish(order="order-1")
        running.join(PATIENCE_S)
    assert bytes(sink.data) == b"first\nsecond\n"


def test_a_wrong_token_ends_the_following_at_once():
    """A refused token is an error with the remedy, not something to try for ever."""
    with FakeAgent() as agent, pytest.raises(Refused, match="token"):
        follower(agent, Collected(), token="wrong").run()


def test_a_newer_pod_is_refused_and_named():
    """A status of a newer format is not guessed at: following ends with the remedy."""
    with FakeAgent() as agent:
        agent.status = replace(agent.status, format=2)
        with pytest.raises(BadInput, match="format is 2"):
            follower(agent, Collected()).run()


def test_a_broken_pipe_goes_up():
    """When nobody reads our stdout any more, following ends with that error and nothing hangs."""
    with FakeAgent() as agent:
        agent.write(lines(0, 100))
        sink = Collected()
        sink.breaks_after = 10
        with pytest.raises(BrokenPipeError):
            follower(agent, sink).run()


def test_following_begins_at_the_tail_and_goes_on_by_offset():
    """The first answer tells where the last lines begin; a cut after it is continued by offset."""
    with FakeAgent() as agent:
        agent.write(lines(0, 100))
        agent.cut_after = [30]
        sink = Collected()
        running = in_thread(lambda: follower(agent, sink).run(Begin(offset=None, tail=3)))
        until(lambda: len(sink.data) >= 60)
        agent.write(b"end\n")
        agent.finish()
        running.join(PATIENCE_S)
    assert bytes(sink.data) == lines(97, 100) + b"end\n"


@pytest.mark.parametrize("phase", [Phase.FINISHED, Phase.STOPPING, Phase.WAITING])
def test_any_ended_phase_with_an_outcome_ends_it(phase):
    """A pod that already stops, or already waits, has ended the job as well as one that is finished."""
    with FakeAgent() as agent:
        agent.write(b"x")
        agent.finish(Outcome.FAILED, phase)
        ending = follower(agent, Collected()).run()
    assert ending.complete
    assert ending.status.job.outcome is Outcome.FAILED
