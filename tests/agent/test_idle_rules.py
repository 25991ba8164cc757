"""What holds for any history of signals: no stop while anybody was there, and always one once nobody is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.signs import HUMAN, LEAN_S, LEANING, UNKNOWN_S, Name, Reading, Sample, State
from tests.story.seen import dice

STEP_S = 60.0
WINDOW_S = 900.0
FIRM = [name for name in Name if name not in LEANING]


def window(name):
    return 2 * WINDOW_S if name in HUMAN else WINDOW_S


def history(random, states, length):
    """Signals that stay as they are for a while, then change."""
    now = dict.fromkeys(FIRM, State.IDLE)
    is_resting, found = True, []
    for _ in range(length):
        if random.random() < 0.02:
            is_resting = not is_resting
        for name in FIRM:
            if random.random() < (0.3 if now[name] is not State.IDLE else 0.01):
                now[name] = random.choice(states)
        found.append((is_resting, dict(now)))
    return found


def seen(at, gpu):
    """One look: all is idle but the GPU, perhaps."""
    readings = tuple(Reading(name, gpu if name is Name.GPU else State.IDLE, "") for name in Name)
    return Sample(at, is_resting=True, readings=readings)


def play(lines):
    """Each step's time, what holds by a second, simpler count, and the verdict."""
    memory, at, rest, busy = fresh(0.0), 0.0, 0.0, {}
    for place, (is_resting, states) in enumerate(lines):
        at += STEP_S
        rest = (rest if rest is not None else at) if is_resting else None
        readings = tuple(Reading(name, states.get(name, State.IDLE), "") for name in Name)
        memory = fold(memory, Sample(at, is_resting, readings), WINDOW_S)
        for name, state in states.items():
            if state is State.BUSY:
                busy[name] = at
        verdict = Brake(memory).verdict(rest, WINDOW_S / 60, at)
        yield place, at, rest, dict(busy), verdict


@pytest.mark.parametrize("part", range(20))
def test_no_stop_within_a_window_and_always_one_after_all(part):
    """Where everything is known: the pod is due exactly when the last window of all is over."""
    random = dice(f"idle history {part}")
    lines = history(random, [State.BUSY, State.IDLE, State.IDLE, State.ABSENT], 300)
    for _, at, rest, busy, verdict in play(lines):
        if rest is None:
            assert (verdict.stops_at, verdict.is_due) == (None, False)
            continue
        over = max([rest + WINDOW_S, *(seen + window(name) for name, seen in busy.items())])
        assert verdict.stops_at == over
        assert verdict.is_due == (at >= over)


@pytest.mark.parametrize("part", range(20))
def test_the_unknown_holds_for_an_hour_and_no_longer(part):
    """It never brings a stop nearer than what is known allows, nor puts one off for longer."""
    random = dice(f"unknown history {part}")
    lines = history(random, [State.BUSY, State.IDLE, State.UNKNOWN, State.UNKNOWN, State.ABSENT], 300)
    for _, _, rest, busy, verdict in play(lines):
        if rest is None:
            assert verdict.stops_at is None
            continue
        known = max([rest + WINDOW_S, *(seen + window(name) for name, seen in busy.items())])
        assert verdict.stops_at >= known
    quiet = [(True, {name: random.choice([State.IDLE, State.UNKNOWN]) for name in FIRM}) for _ in range(300)]
    assert end(lines, quiet) <= first_unknown(lines, quiet) + UNKNOWN_S + 2 * WINDOW_S


@pytest.mark.parametrize("part", range(40))
def test_no_signals_that_fail_now_and_then_keep_a_pod_for_ever(part):
    """However rarely, in whatever turns: one hour for all of them, and one of an open page that leans on it."""
    random = dice(f"now and then {part}")
    lines = history(random, [State.BUSY, State.IDLE, State.UNKNOWN, State.ABSENT], 60)
    how_often, page = random.choice([0.01, 0.02, 0.05, 0.2]), random.choice([State.BUSY, State.IDLE])
    quiet = [(True, dict.fromkeys(LEANING, page)) for _ in range(600)]
    for _, states in quiet:
        states.update({name: State.UNKNOWN for name in FIRM if random.random() < how_often})
    assert end(lines, quiet) <= first_unknown(lines, quiet) + UNKNOWN_S + LEAN_S + 2 * WINDOW_S


def end(lines, quiet):
    """When the pod is first due after those lines."""
    played = play([*lines, *quiet])
    return next(at for place, at, *_, verdict in played if place >= len(lines) and verdict.is_due)


def first_unknown(lines, quiet):
    """When anything is first unknown after those lines."""
    unknown = [place for place, (_, states) in enumerate(quiet) if State.UNKNOWN in states.values()]
    return (len(lines) + unknown[0] + 1) * STEP_S


@pytest.mark.parametrize("part", range(5))
def test_another_order_of_the_signals_changes_nothing(part):
    """A sample is a set."""
    random = dice(f"order {part}")
    lines = history(random, [State.BUSY, State.IDLE, State.UNKNOWN], 60)
    turned = [(is_resting, dict(reversed(states.items()))) for is_resting, states in lines]
    assert [line[-1] for line in play(lines)] == [line[-1] for line in play(turned)]


def test_a_first_look_stops_nothing():
    """It tells no rates: whoever computes is seen at the second."""
    old = fold(fresh(0.0), seen(10.0, State.IDLE), WINDOW_S)
    first = Sample(5000.0, is_resting=True, readings=(), is_whole=False)
    tracks = {name: replace(track, seen_at=4990.0) for name, track in old.tracks.items()}
    memory = fold(replace(old, tracks=tracks, sampled_at=4990.0), first, WINDOW_S)
    assert not Brake(memory).verdict(4096.0, 15.0, 5000.0).is_due
    whole = fold(memory, seen(5001.5, State.IDLE), WINDOW_S)
    assert Brake(whole).verdict(4096.0, 15.0, 5001.5).is_due


def test_a_stop_waits_for_a_fresh_look():
    """The moment is past, but nobody has looked since: due only once somebody has, or could not for a minute."""
    memory = fold(fresh(0.0), seen(10.0, State.IDLE), WINDOW_S)
    for at in range(20, 900, 10):
        memory = fold(memory, seen(float(at), State.IDLE), WINDOW_S)
    before = Brake(memory).verdict(0.0, 15.0, 905.0)
    assert (before.stops_at, before.is_due) == (900.0, False)
    again = Brake(fold(memory, seen(905.0, State.IDLE), WINDOW_S))
    assert again.verdict(0.0, 15.0, 905.0).is_due
    used = Brake(fold(memory, seen(905.0, State.BUSY), WINDOW_S))
    assert used.verdict(0.0, 15.0, 905.0).stops_at == 1805.0
