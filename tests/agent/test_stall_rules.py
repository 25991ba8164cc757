"""The stall brake's verdict as a table, in virtual time; and how it counts over agents and odd clocks."""

from __future__ import annotations

import pytest

from pod_agent.pod.stall import kept
from tests.agent.stall_pod import DRIVER_SILENT, SPINS, Spell, StallPod
from tests.agent.stall_situations import ALONE, STALLS, still, trains
from tests.story.seen import dice

SITUATIONS = STALLS | ALONE
ROUGH = 2.6  # minutes: looks are half a minute apart, and one that comes late counts as two and a half


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_verdict(name, tmp_path):
    """A job that is dead is found in its time, and one that lives is left alone."""
    spells, minute = SITUATIONS[name]
    pod = StallPod(tmp_path).play(*spells)
    if minute is None:
        assert pod.acted is None, pod.acted
    else:
        assert pod.acted is not None, pod.statuses[-1]
        assert pod.acted[0] == pytest.approx(minute, abs=ROUGH), pod.acted


def test_off_means_off(tmp_path):
    """POD_STALL_MINUTES=0: nothing is looked at, nothing is said, nobody is ended."""
    pod = StallPod(tmp_path, minutes=0).play(Spell(0.1))
    pod.watch.look(pod.subject())
    assert (pod.acted, pod.statuses) == (None, [])


def test_an_agent_that_comes_back_goes_on_counting(tmp_path):
    """Killed every ten minutes it still finds the stall: what an earlier agent saw counts, the time between not."""
    pod = StallPod(tmp_path, keeps=True).play(trains(10))
    for _ in range(40):
        pod.play(Spell(10, steps=False), Spell(3, steps=False, away=True))
        if pod.acted is not None:
            break
        pod.new_agent()
    assert pod.acted is not None
    looked_at = pod.acted[0] - 10
    assert 60 <= looked_at <= 60 * 1.3 + 10, pod.acted


def test_an_agent_that_comes_back_sees_what_has_moved_meanwhile(tmp_path):
    """The log grew while no agent lived: the silence begins anew."""
    pod = StallPod(tmp_path, keeps=True).play(trains(5), Spell(50, steps=False))
    pod.play(Spell(1, steps=False, logs=True, away=True))
    pod.new_agent()
    pod.play(still())
    assert pod.acted[0] == pytest.approx(56 + 60, abs=ROUGH)


def test_another_machine_s_memory_is_no_memory(tmp_path):
    """What lies there of another boot, or of a clock ahead of ours, is not gone on with."""
    pod = StallPod(tmp_path, keeps=True).play(Spell(30))
    now = pod.clock.monotonic()
    assert kept.read(tmp_path, "b1", "r-1", now).memory.silent_s > 1500
    assert kept.read(tmp_path, "b2", "r-1", now) is None
    assert kept.read(tmp_path, "b1", "r-2", now) is None
    assert kept.read(tmp_path, "b1", "r-1", now - 3600) is None
    (tmp_path / kept.FILE).write_bytes(b'{"format": 1, "boot"')
    assert kept.read(tmp_path, "b1", "r-1", now) is None


def test_a_clock_that_jumps_changes_nothing(tmp_path):
    """The wall clock is set back and forth by hours: the stall comes in its time."""
    pod = StallPod(tmp_path)
    for hours in (-30, 500, -2):
        pod.play(Spell(15, steps=False))
        pod.clock.jump(hours * 3600)
    pod.play(still())
    assert pod.acted[0] == pytest.approx(60, abs=ROUGH)


def test_what_is_said_of_it(tmp_path):
    """Which signs are silent, which the job does not have, and how sure that is, in words."""
    pod = StallPod(tmp_path).play(trains(5), still())
    assert (
        pod.acted[1]
        == "stalled: no sign of life for 1 h 00 min: step, log, files, CPU silent; GPU not available"
    )
    pod = StallPod(tmp_path).play(trains(5), still(gpu=SPINS, cores=1.0))
    assert pod.acted[1].endswith(
        "step, log, files silent; the GPU is busy at little power, as when ranks wait for each other (NCCL)"
    )
    pod = StallPod(tmp_path).play(trains(5), Spell(20, steps=False, gpu=DRIVER_SILENT))
    assert "GPU cannot be read: not counted as silence" in pod.statuses[-1].because
    assert pod.statuses[-1].acts_at is None


def test_the_clock_is_shown(tmp_path):
    """The status says what is silent since when, and when the attempt would be ended."""
    pod = StallPod(tmp_path).play(trains(5), Spell(20, steps=False))
    told = pod.statuses[-1]
    assert told.silent_s == pytest.approx(1200, abs=60)
    assert told.acts_at - pod.clock.now() == pytest.approx(2400, abs=60)
    signs = {sign.name: sign for sign in told.signs}
    assert signs["log"].state == "silent"
    assert pod.clock.now() - signs["log"].since == pytest.approx(1200, abs=60)
    assert signs["GPU"].state == "not available"
    pod.play(trains(1))
    assert pod.statuses[-1].because == "The job is alive: step, log, GPU, CPU."
    assert (pod.statuses[-1].acts_at, pod.statuses[-1].silent_s) == (None, 0)


def test_no_history_ends_a_job_that_lives(tmp_path):
    """Random spells: an hour without any sign is always found, and a sign in every half hour always saves."""
    rng = dice("stall histories")
    for round_ in range(6):
        pod = StallPod(tmp_path / str(round_))
        pod.folder.mkdir()
        for _ in range(rng.randrange(1, 8)):
            sign = rng.choice([{"logs": True}, {"cores": 1.0}, {"steps": True}, {"writes": 1e6}])
            pod.play(
                Spell(rng.uniform(1, 55), steps=False), Spell(rng.uniform(1, 5), **{"steps": False, **sign})
            )
            assert pod.acted is None, pod.acted
        at = (pod.clock.monotonic() - pod.began) / 60
        pod.play(still())
        assert pod.acted[0] == pytest.approx(at + 60, abs=ROUGH)
