"""Recorded GPUs, second by second, through NVIDIA's own binding: health, trouble and absence."""

from __future__ import annotations

import pytest

from pod_agent.pod.vitals.gpu_watch import GpuWatch, Patience
from pod_agent.pod.vitals.sample import Gpus
from tests.agent.gpu_recordings import CALM
from tests.fakes.clock import FakeClock
from tests.fakes.nvml_replay import RECORDINGS

GIB = 1 << 30
SHORT = Patience(answer_s=0.02, stale_s=5.0, hung_s=60.0)


def after(watcher, replay, clock):
    """The next second of the recording, looked at."""
    replay.step()
    clock.advance(1.0)
    return watcher.look()


def test_a_training_gpu_is_seen_in_base_units(watch):
    """Ratios, bytes, watts, joules, hertz and degrees, as the driver's own units say."""
    watcher, replay, clock = watch("training")
    report = watcher.look()
    (gpu,) = report.found
    assert (report.state, report.driver) == (Gpus.SEEN, "550.54.15")
    assert (gpu.label, gpu.name, gpu.uuid) == ("0", "NVIDIA Fake", "GPU-fake-0")
    assert (gpu.utilization, gpu.memory_utilization) == (0.97, 0.41)
    assert (gpu.memory_bytes, gpu.memory_used_bytes) == (80 * GIB, 61 * GIB)
    assert (gpu.power_watts, gpu.power_limit_watts, gpu.energy_joules) == (648.21, 700.0, 912345.678)
    assert (gpu.sm_clock_hertz, gpu.sm_clock_most_hertz, gpu.memory_clock_hertz) == (1.755e9, 1.98e9, 2.619e9)
    assert (gpu.temperature_celsius, gpu.slowdowns) == (61.0, ("power_cap",))
    assert (gpu.ecc_corrected, gpu.ecc_uncorrected, gpu.xids) == (0, 0, ())
    assert (gpu.is_row_remap_pending, gpu.is_row_remap_failed) == (False, False)
    assert gpu.processes == 1
    assert after(watcher, replay, clock).found[0].utilization == 0.03
    assert after(watcher, replay, clock).found[0].utilization == 0.99


def test_what_a_card_does_not_have_is_not_available_and_never_0(watch):
    """No ECC, no limit, no energy, no events: None for each; the rest is there."""
    (gpu,) = watch("small_card")[0].look().found
    missing = (gpu.power_watts, gpu.power_limit_watts, gpu.energy_joules, gpu.ecc_corrected, gpu.slowdowns)
    assert missing == (None,) * 5
    assert (gpu.is_row_remap_pending, gpu.xids, gpu.memory_clock_hertz) == (None, None, None)
    assert (gpu.utilization, gpu.temperature_celsius) == (0.55, 70.0)


def test_slices_tell_their_memory_and_nothing_else(watch):
    """Two slices of one GPU have labels of their own, and no utilization that would be the whole GPU's."""
    found = watch("slices")[0].look().found
    assert [gpu.label for gpu in found] == ["0:0", "0:1"]
    assert [gpu.memory_used_bytes for gpu in found] == [25 * GIB, 1 << 20]
    assert [gpu.utilization for gpu in found] == [None, None]


def test_a_lost_gpu_says_so_and_the_others_go_on(watch):
    """It fell off the bus: no figure of it, its Xid, and the first GPU as before."""
    watcher, replay, clock = watch("lost")
    assert [gpu.fault for gpu in watcher.look().found] == [None, None]
    report = after(watcher, replay, clock)
    first, second = report.found
    assert report.state is Gpus.SEEN
    assert (first.utilization, first.xids) == (0.97, ())
    assert (second.fault, second.utilization, second.memory_used_bytes) == ("lost", None, None)
    assert second.xids == ((79, 1),)


def test_xids_are_counted_by_their_code(watch):
    """Two of one kind and one of another, over two seconds; when each was heard last is known."""
    watcher, replay, clock = watch("xids")
    assert watcher.look().found[0].xids == ()
    assert after(watcher, replay, clock).found[0].xids == ((31, 1),)
    found = after(watcher, replay, clock).found[0]
    assert found.xids == ((31, 2), (94, 1))
    assert found.xids_at == ((31, clock.monotonic()), (94, clock.monotonic()))


def test_figures_that_change_seldom_are_asked_each_tenth_time(watch):
    """Corrected errors come with the eleventh look at the latest, and are remembered in between."""
    watcher, replay, clock = watch("xids")
    for _ in range(2):
        assert after(watcher, replay, clock).found[0].ecc_corrected in {0, 12}
    clock.advance(1.0)
    seen = [watcher.look().found[0].ecc_corrected for _ in range(10)]
    assert seen[-1] == 12
    assert None not in seen


@pytest.mark.parametrize(
    ("name", "words"), [("crash", "ended whoever asked it"), ("uninitialised", "Uninitialized")]
)
def test_a_driver_that_fails_amid_a_training_is_unknown_until_it_is_well(watch, name, words):
    """Nobody knows how the GPUs are; ten seconds later another watcher sees them again."""
    watcher, replay, clock = watch(name)
    assert watcher.look().state is Gpus.SEEN
    report = after(watcher, replay, clock)
    assert (report.state, report.found) == (Gpus.UNKNOWN, ())
    assert words in report.words
    assert after(watcher, replay, clock).state is Gpus.UNKNOWN
    clock.advance(10.0)
    assert watcher.look().state is Gpus.SEEN


def test_a_driver_that_hangs_holds_nobody_up(watch):
    """The last figures stand for five seconds, then nothing is known; after a minute another watcher asks."""
    watcher, replay, clock = watch("hang")
    assert watcher.look().state is Gpus.SEEN
    watcher._patience = SHORT
    assert after(watcher, replay, clock).state is Gpus.SEEN
    clock.advance(5.5)
    report = watcher.look()
    assert (report.state, report.words) == (Gpus.UNKNOWN, "NVIDIA's driver does not answer")
    replay.step()
    clock.advance(60.0)
    assert watcher.look().state is Gpus.UNKNOWN
    watcher._patience = CALM
    clock.advance(10.0)
    assert watcher.look().state is Gpus.SEEN


@pytest.mark.parametrize(("promised", "state"), [(None, Gpus.ABSENT), (0, Gpus.ABSENT), (1, Gpus.UNKNOWN)])
def test_a_pod_without_gpus_knows_it_for_certain_unless_it_is_billed_for_one(tmp_path, promised, state):
    """No library of the driver's is an absent GPU; where one was promised, nobody knows."""
    nothing = {"LD_LIBRARY_PATH": str(tmp_path)}
    watcher = GpuWatch(nothing, FakeClock(), promised=promised, devices=tmp_path, patience=CALM)
    assert watcher.look().state is state
    watcher.close()


def test_a_driver_without_gpus_is_as_good_as_none(driver, tmp_path):
    """It is loaded on the host, and shows this container nothing."""
    driver.say("driver 550.54.15")
    watcher = GpuWatch(driver.environment, FakeClock(), devices=tmp_path, patience=CALM)
    report = watcher.look()
    watcher.close()
    assert (report.state, report.driver) == (Gpus.ABSENT, "550.54.15")


def test_a_watcher_that_outlives_its_kill_is_not_followed_by_others(driver, tmp_path):
    """It hangs in the driver, where the next ones would hang too: no heap of them grows while a pod lives."""

    class Stuck:
        gone = False

        def is_gone(self):
            return self.gone

    stuck = Stuck()
    watcher = GpuWatch(driver.environment, FakeClock(), devices=tmp_path, patience=CALM)
    watcher._left.append(stuck)
    watcher.look()
    assert driver.looks() == 0
    stuck.gone = True
    watcher.look()
    watcher.close()
    assert driver.looks() == 1


def test_amds_gpus_are_unknown_and_not_absent(driver, tmp_path):
    """What is busy there nobody can say: so no pod is idle for it."""
    (tmp_path / "kfd").touch()
    driver.say("init 9")
    watcher = GpuWatch(driver.environment, FakeClock(), devices=tmp_path, patience=CALM)
    report = watcher.look()
    watcher.close()
    assert (report.state, report.words) == (Gpus.UNKNOWN, "AMD's GPUs are not watched")


@pytest.mark.slow
def test_an_absent_driver_is_asked_again_rarely(driver, tmp_path):
    """Once in five minutes; a broken one first after ten seconds, then each time later."""
    for fact, state, pauses in (("init 9", Gpus.ABSENT, (300,)), ("init 18", Gpus.UNKNOWN, (10, 20, 40))):
        driver.say(fact)
        clock = FakeClock()
        watcher = GpuWatch(driver.environment, clock, devices=tmp_path, patience=CALM)
        before = driver.looks()
        assert watcher.look().state is state
        for count, pause in enumerate(pauses, 1):
            clock.advance(pause - 1)
            watcher.look()
            assert driver.looks() - before == count
            clock.advance(1)
            watcher.look()
        watcher.close()


@pytest.mark.parametrize("name", sorted(RECORDINGS))
def test_every_recording_begins_with_gpus_that_are_seen(watch, name):
    """No recording is spelt so that the library does not understand it."""
    report = watch(name)[0].look()
    assert report.state is Gpus.SEEN
    assert all(gpu.memory_bytes for gpu in report.found)
