"""Who is owed what before the agent goes. The clock is an argument."""

from __future__ import annotations

import dataclasses

import pytest

from pod_agent.api.followers import Follower, Followers
from pod_wire.status import LogPlace
from tests.agent.live_api import serving
from tests.live import wait_for


def test_a_final_status_nobody_asks_for_is_owed_for_three_seconds_only():
    """The clock is an argument: after the time is up the agent may go."""
    clock = [100.0]
    followers = Followers(lambda: clock[0])
    follower = Follower()
    assert not followers.owed()
    followers.add(follower)
    follower.owed = False
    assert not followers.owed()
    followers.finish()
    assert followers.owed()
    followers.remove(follower, completed=True)
    assert followers.owed()
    clock[0] += 3.1
    assert not followers.owed()


def test_who_polls_the_status_gets_the_last_one():
    """Somebody asked a second ago: the outcome is owed to them for three seconds, or until they have read it."""
    clock = [100.0]
    followers = Followers(lambda: clock[0])
    followers.status_was_read(final=False)
    clock[0] += 1
    followers.finish()
    assert followers.owed()
    clock[0] += 1
    followers.status_was_read(final=True)
    assert not followers.owed()


def test_who_has_stopped_polling_is_not_waited_for():
    """Nor is somebody who has read the outcome already, and nobody for longer than three seconds."""
    clock = [100.0]
    for final, later in ((False, 4.0), (True, 0.1)):
        followers = Followers(lambda: clock[0])
        followers.status_was_read(final=final)
        clock[0] += later
        followers.finish()
        assert not followers.owed()
    followers = Followers(lambda: clock[0])
    followers.status_was_read(final=False)
    followers.finish()
    clock[0] += 3.1
    assert not followers.owed()


def test_a_follower_that_was_cut_off_is_owed_no_status():
    """Only who got everything is about to ask how it ended."""
    followers = Followers(lambda: 100.0)
    follower = Follower()
    followers.add(follower)
    followers.remove(follower, completed=False)
    assert not followers.owed()


def cut_off(position, *, log="a"):
    """Somebody was cut off there; the clock, the followers."""
    clock = [100.0]
    followers = Followers(lambda: clock[0])
    follower = Follower(log, position)
    followers.add(follower)
    follower.owed = False
    followers.remove(follower, completed=False, cut=True)
    assert not followers.owed()
    return clock, followers


def test_who_was_cut_off_before_the_end_is_waited_for():
    """RunPod was away when the job ended, and its first answer is the stop: the client needs a second to be back."""
    clock, followers = cut_off(10)
    clock[0] += 600
    followers.finish("a", 20)
    assert followers.owed()
    back = Follower("a", 10)
    followers.add(back)
    back.owed = False
    followers.remove(back, completed=True)
    followers.status_was_read(final=True)
    assert not followers.owed()


def test_who_does_not_come_back_is_waited_for_once():
    """Three seconds; and after an hour nobody is expected."""
    clock, followers = cut_off(10)
    followers.finish("a", 20)
    clock[0] += 3.1
    assert not followers.owed()
    clock, followers = cut_off(10)
    clock[0] += 3601
    followers.finish("a", 20)
    assert not followers.owed()


def test_who_left_with_everything_is_not_expected():
    """Nor is the reader of another job's log."""
    for log, position in (("a", 20), ("b", 10)):
        _, followers = cut_off(position, log=log)
        followers.finish("a", 20)
        assert not followers.owed()


@pytest.mark.parametrize("grows", [True, False])
def test_a_connection_that_was_cut_is_remembered_with_its_place(tmp_path, grows):
    """Over real HTTP: what came after the cut is owed until the client is back and has it."""
    with serving(tmp_path) as api:
        api.log.append(b"a line\n")
        stream = api.open("GET", "/logs?follow=1")
        assert stream.read1(100) == b"a line\n"
        api.hang_up()
        stream.close()
        wait_for("the follower has gone", lambda: api.server.followers == 0)
        if grows:
            api.log.append(b"the end\n")
        place = LogPlace(api.log.id, api.log.size())
        api.status = dataclasses.replace(api.status, job=dataclasses.replace(api.status.job, log=place))
        api.live = False
        api.server.finish()
        assert api.server.owed() == grows
        assert api.get("/logs?follow=1&offset=7").body == (b"the end\n" if grows else b"")
        api.get("/status")
        wait_for("nothing is owed", lambda: not api.server.owed())
