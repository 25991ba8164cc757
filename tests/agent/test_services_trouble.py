"""Services that do what no service should, and defects of ours: none is felt by another, or by the agent."""

from __future__ import annotations

import os
import threading

import pytest

from pod_agent.pod.services import Off
from pod_agent.pod.services_care import Care
from pod_agent.pod.services_process import Place
from pod_wire.bell import Bell
from pod_wire.clock import RealClock
from tests.agent.service_house import QUICK, House, Row
from tests.live import wait_for


def test_one_that_raises_takes_nobody_along(house, tmp_path):
    """A defect in one row is that row's failure; a hanging one delays no other."""

    class Broken(Row):
        def prepare(self):
            raise ZeroDivisionError("a defect")

    over = threading.Event()

    class Hanging(Row):
        def prepare(self):
            over.wait(600)
            return Off("")

    here = house(
        Broken(tmp_path, ""), Hanging(tmp_path, "", name="hangs"), Row(tmp_path, "sleep 600", name="third")
    )
    assert "ZeroDivisionError: a defect" in here.until("failed").words
    here.until("running", "third")
    here.services.leave(0.2)
    over.set()


def test_one_that_writes_without_end_fills_no_disk(house, tmp_path):
    """Its log begins anew again and again, it runs on, and the service beside it does too."""
    here = house(
        Row(tmp_path, "exec yes 'a line that says nothing'"), Row(tmp_path, "sleep 600", name="other")
    )
    here.until("running")
    log = tmp_path / "services" / "echo.log"
    kept = log.with_name("echo.log.1")
    first = wait_for("its log is bounded", lambda: kept.exists() and kept.stat().st_mtime_ns)
    wait_for("and again", lambda: kept.stat().st_mtime_ns != first)
    assert kept.stat().st_size <= 1 << 20
    assert here.until("running", "other").restarts == 0
    assert here.told["echo"].restarts == 0


def test_a_defect_while_one_runs_begins_no_second(house, tmp_path):
    """The looking after fails, the service lives: it is gone on with."""
    log = tmp_path / "services" / "echo.log"

    class Odd(Place):
        def bound_log(self, *_):
            if log.exists() and log.read_text() == "begun\n" and not (tmp_path / "failed").exists():
                (tmp_path / "failed").touch()
                raise ZeroDivisionError("a defect")
            return False

    here = House.__new__(House)
    here.told, here.seen = {}, []
    care = Care(
        Row(tmp_path, "echo begun; sleep 600"),
        Odd(tmp_path / "services", "echo"),
        RealClock(),
        lambda status: here.tell((status,)),
        QUICK,
    )
    thread = threading.Thread(target=care.run)
    thread.start()
    try:
        first = here.until("running")
        wait_for("a defect", (tmp_path / "failed").exists)
        again = wait_for(
            "it goes on", lambda: (now := here.told["echo"]).state == "running" and now.words and now
        )
        assert again.pid == first.pid
        assert log.read_text() == "begun\n"
    finally:
        care.leave()
        thread.join()


@pytest.mark.slow
def test_where_no_descriptor_is_left_a_service_is_still_woken_and_ended(tmp_path):
    """Its files are looked at within the second after a wake, and it ends with us."""
    row, told = Row(tmp_path, "exec sleep 600"), []
    care = Care(row, Place(tmp_path, "echo"), RealClock(), told.append, QUICK)
    care._bell = Bell(lambda: None)
    thread = threading.Thread(target=care.run)
    thread.start()
    try:
        wait_for("it runs", lambda: [one for one in told if one.state == "running"])
        wait_for("a first look", lambda: row.looks)
        looks = row.looks
        care.wake()
        wait_for("another look", lambda: row.looks > looks)
    finally:
        care.leave()
        thread.join(20)
    assert told[-1].state == "ended"


def test_an_agent_that_dies_before_its_record_is_written_leaves_no_service(tmp_path):
    """The gate holds the program back until the record is there; without it nothing runs."""
    folder = tmp_path / "services"
    (folder / "echo.json").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        Place(folder, "echo").begin(Row(tmp_path, "touch ran").prepare(), 0.0, 0)
    assert not (tmp_path / "ran").exists()


def test_a_log_stays_bounded(tmp_path):
    """Its last half lies beside it, and the writer goes on at the beginning."""
    place = Place(tmp_path, "echo")
    os.mkfifo(tmp_path / "go")
    mine = place.begin(Row(tmp_path, "yes line | head -c 300000; read x < go; echo after").prepare(), 0.0, 0)
    wait_for("it wrote", lambda: place.log.stat().st_size == 300000)
    assert place.bound_log(200000)
    assert not place.bound_log(200000)
    assert (tmp_path / "echo.log.1").stat().st_size == 100000
    (tmp_path / "go").write_text("x\n")
    wait_for("it ended", lambda: mine.has_ended)
    mine.end(1)
    assert place.log.read_text() == "after\n"
