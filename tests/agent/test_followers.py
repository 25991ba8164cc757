"""Who is owed what before the agent goes. The clock is an argument."""

from __future__ import annotations

from pod_agent.api.followers import Follower, Followers


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


def test_who_follows_now_or_did_a_moment_ago():
    """Following, having followed to the end, and asking for the status count; each from its moment on."""
    clock = [100.0]
    followers = Followers(lambda: clock[0])
    assert not followers.followed_since(0.0)
    follower = Follower()
    followers.add(follower)
    assert followers.followed_since(99.0)
    followers.remove(follower, completed=False)  # cut: it told nothing
    assert not followers.followed_since(99.0)
    followers.status_was_read(final=False)
    assert followers.followed_since(100.0)
    assert not followers.followed_since(100.1)
    clock[0] = 200.0
    followers.add(follower)
    followers.remove(follower, completed=True)
    assert followers.followed_since(200.0)
