"""A bell between threads: heard once it has rung, until it is silenced, with a descriptor and without."""

from __future__ import annotations

import select
import threading

import pytest

from pod_wire.bell import Bell, eventfd


@pytest.fixture(params=[eventfd, lambda: None], ids=["eventfd", "none to be had"])
def bell(request):
    """One that is closed at the end."""
    made = Bell(number=request.param)
    yield made
    made.close()


def test_it_is_heard_until_it_is_silenced(bell):
    """Before the wait or during it, once or twice."""
    assert not bell.wait(0.0)
    bell.ring()
    bell.ring()
    assert bell.wait(0.0)
    assert bell.wait(10.0)
    bell.silence()
    assert not bell.wait(0.0)


def test_it_wakes_who_waits(bell):
    """From another thread."""
    heard = []
    waiting = threading.Thread(target=lambda: heard.append(bell.wait(10.0)))
    waiting.start()
    bell.ring()
    waiting.join(10.0)
    assert heard == [True]


def test_silenced_where_it_did_not_ring(bell):
    """Nothing happens, and the next ring is heard."""
    bell.silence()
    bell.ring()
    assert bell.wait(0.0)


def test_others_may_ring_when_it_is_closed():
    """Its number may be another's by then, and is not written to."""
    bell = Bell()
    bell.close()
    bell.ring()
    assert bell.fileno() is None
    assert bell.wait(0.0)


def test_it_is_waited_for_beside_other_descriptors():
    """Its number is readable from the ring on, until it is silenced."""
    bell = Bell()
    try:
        poll = select.poll()
        poll.register(bell.fileno(), select.POLLIN)
        assert not poll.poll(0)
        bell.ring()
        assert poll.poll(0)
        bell.silence()
        assert not poll.poll(0)
    finally:
        bell.close()
