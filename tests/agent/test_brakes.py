"""Deadlines and idleness: pure arithmetic with a boot's name on it."""

from __future__ import annotations

from pod_agent.pod import brakes
from pod_agent.pod.brakes import Deadline

SET = Deadline(100.0 + 2 * 3600, "b1", "o1", 2.0)


def test_hours_count_from_the_beginning_of_the_boot():
    """Two hours of POD_MAX_HOURS end two hours after what is given as the beginning."""
    assert brakes.deadline(None, "b1", "o1", 2.0, 100.0) == SET


def test_a_container_restart_keeps_the_moment():
    """The same boot and order keep the deadline that was set, however late it is asked for again."""
    assert brakes.deadline(SET, "b1", "o1", 2.0, 5000.0) is SET


def test_an_earlier_boot_s_deadline_stops_nothing():
    """Another boot sets its own."""
    fresh = brakes.deadline(SET, "b2", "o1", 2.0, 9000.0)
    assert fresh is not None
    assert fresh.at == 9000.0 + 7200


def test_a_new_order_gets_its_own_hours():
    """Hours belong to an order on a boot."""
    assert brakes.deadline(SET, "b1", "o2", 1.0, 9000.0) == Deadline(12600.0, "b1", "o2", 1.0)


def test_off_is_off():
    """Without hours there is no deadline, whatever was set before."""
    assert brakes.deadline(SET, "b1", "o1", None, 0.0) is None
    assert brakes.deadline_left(None, 1e12) is None


def test_a_deadline_survives_the_disk_and_a_broken_file_does_not_matter():
    """What was written is read back; what cannot be read is set anew."""
    assert brakes.load(brakes.dump(SET)) == SET
    assert brakes.load(b'{"at": ') is None
    assert brakes.load(b'{"format": 99}') is None
    assert brakes.load(b"") is None


def test_what_is_left_is_never_negative():
    """Past is past."""
    assert brakes.deadline_left(SET.at, SET.at + 5) == 0
    assert brakes.deadline_left(SET.at, SET.at - 5) == 5


def test_idleness_counts_from_when_it_began():
    """Fifteen minutes are nine hundred seconds of a clock that never jumps; zero minutes is off."""
    assert brakes.idle_left(1000.0, 15.0, 1000.0) == 900
    assert brakes.idle_left(1000.0, 15.0, 2000.0) == 0
    assert brakes.idle_left(1000.0, 0.0, 1e9) is None
    assert brakes.idle_left(None, 15.0, 1e9) is None
