"""Whose a process is, over tables as they are seen on pods."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle.rates import used
from pod_agent.pod.idle.raw import Process, Raw, Roles
from pod_agent.pod.idle.whose import Whose, sort

ROLES = Roles(agent=10, services=frozenset({20}), trainings=frozenset({31}))
TABLE = {
    1: (0, "tini", Whose.OURS),
    5: (1, "entrypoint.sh", Whose.OURS),
    6: (5, "sleep", Whose.WATCHER),
    10: (5, "python", Whose.OURS),
    11: (10, "git", Whose.OURS),
    12: (11, "git-remote-http", Whose.OURS),
    20: (10, "sshd", Whose.OURS),
    21: (20, "sshd-session", Whose.PEOPLE),
    22: (21, "bash", Whose.PEOPLE),
    23: (22, "python", Whose.PEOPLE),
    24: (22, "watch", Whose.WATCHER),
    25: (24, "nvidia-smi", Whose.WATCHER),
    26: (1, "tmux: server", Whose.PEOPLE),
    27: (26, "zsh", Whose.PEOPLE),
    28: (27, "node", Whose.PEOPLE),
    30: (10, "python", Whose.OURS),  # the keeper
    31: (30, "bash", Whose.JOB),
    32: (31, "python", Whose.JOB),
    33: (30, "daemon", Whose.JOB),  # left its parents, and the keeper got it
    40: (0, "bash", Whose.PEOPLE),  # RunPod's web terminal
    41: (40, "python", Whose.PEOPLE),
    50: (999, "lost", Whose.PEOPLE),
}


def table():
    return [Process(pid, parent, name, pid, 0) for pid, (parent, name, _) in TABLE.items()]


@pytest.mark.parametrize("pid", TABLE)
def test_owners(pid):
    """The first of its line whom we know decides."""
    assert sort(table(), ROLES)[pid] is TABLE[pid][2]


def test_an_agent_that_came_back_finds_the_same():
    """Keeper and sshd have the init for a parent then."""
    orphans = [Process(p.pid, 1 if p.pid in {20, 30} else p.parent, p.name, p.pid, 0) for p in table()]
    assert sort(orphans, ROLES) == sort(table(), ROLES)


def test_an_agent_that_is_the_init():
    """Whoever has lost its parents is its child then, and no less a person's."""
    found = sort([Process(1, 0, "python", 1, 0), Process(26, 1, "tmux: server", 2, 0)], Roles(agent=1))
    assert found == {1: Whose.OURS, 26: Whose.PEOPLE}


def test_a_circle_ends():
    """A table that was read while it changed may hold nonsense."""
    sort([Process(1, 2, "a", 1, 0), Process(2, 1, "b", 1, 0)], Roles(agent=2))
    assert sort([Process(7, 8, "a", 1, 0), Process(8, 7, "b", 1, 0)], Roles(agent=2))[7] is Whose.PEOPLE


def looks(before, now, seconds=10.0):
    empty = Raw(0.0, is_resting=True, roles=ROLES)
    return used(replace(empty, processes=tuple(before)), replace(empty, at=seconds, processes=tuple(now)))


def test_a_child_that_ends_is_counted_once():
    """Its parent takes over all that it ever used; only what is new of it counts."""
    before = [Process(22, 21, "bash", 5, 10, 0), Process(23, 22, "python", 6, 90_000, 0)]
    now = [Process(22, 21, "bash", 5, 10, 90_300)]
    assert looks(before, now)[Whose.PEOPLE].cores == pytest.approx(0.3)


def test_a_pid_that_is_used_again_is_another_process():
    """It has used what it used, and nothing is taken from it."""
    before = [Process(23, 22, "python", 6, 90_000)]
    assert looks(before, [Process(23, 22, "python", 7, 500)])[Whose.PEOPLE].cores == pytest.approx(0.5)


def test_what_cannot_be_read_of_a_process_is_not_zero():
    """Where no process says what it writes, that is said."""
    unread = looks([], [Process(23, 22, "python", 7, 500)])[Whose.PEOPLE]
    assert (unread.is_counted, unread.count) == (False, 1)
