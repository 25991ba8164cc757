"""Who is owed what before the agent goes. The clock is an argument."""

from __future__ import annotations

from pod_agent.api.followers import Follower, Followers
from pod_agent.api.readers import Readers


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


def test_who_looks_again_and_again_is_about_to_see_the_end():
    """Each by its own rhythm, and not once it has seen it; a single look is no rhythm."""
    clock = [100.0]
    followers = Followers(lambda: clock[0])
    followers.status_was_read(final=False, by="once")
    assert not followers.is_awaited()
    followers.status_was_read(final=False, by="watcher")
    clock[0] += 2
    followers.status_was_read(final=False, by="watcher")
    followers.status_was_read(final=False, by="follower")
    clock[0] += 1
    followers.status_was_read(final=True, by="follower")
    assert followers.is_awaited()
    clock[0] += 2.9
    assert followers.is_awaited()
    clock[0] += 0.2
    assert not followers.is_awaited()
    followers.status_was_read(final=True, by="watcher")
    assert not followers.is_awaited()


def test_readers_are_bounded():
    """Any number of marks costs little memory, and the newest are kept."""
    readers = Readers()
    for number in range(1000):
        readers.looked(str(number), float(number), final=False)
    assert readers.last() == 999.0
    readers.looked("999", 1000.0, final=False)
    assert readers.is_awaited(1001.0)
