"""The boot ladder: each rung alone, and all four ways in which a crash may look."""

from __future__ import annotations

import itertools

import pytest

from pod_agent.pod import boot
from pod_agent.pod.boot import Boot, Facts, Sign
from pod_agent.pod.record import PodRecord, PodRecords, with_order
from pod_agent.pod.scribe import Scribe
from pod_wire.job import JobSpec

SEEN = Boot("b1", 100.0, "host-1", ("22=1001",), "10:00")
SAME_PLACE = Facts("host-1", ("22=1001",), "10:00", "b1")


def verdict(facts, seen=SEEN, now=200.0):
    return boot.judge(facts, seen, now)[0]


@pytest.mark.parametrize(
    ("layer", "started_at"), [*itertools.product(("b1", None), ("10:00", "10:05", None))]
)
def test_a_crash_is_the_same_boot(layer, started_at):
    """The layer kept or wiped, startedAt kept, moved or unread: at an unchanged address it is the same boot."""
    assert verdict(Facts("host-1", ("22=1001",), started_at, layer)) is Sign.SAME


@pytest.mark.parametrize("started_at", ["11:00", None])
def test_a_start_is_a_new_boot(started_at):
    """New hostname, new ports, a wiped disk: another boot, whether or not RunPod lets us read startedAt."""
    assert verdict(Facts("host-2", ("22=2002",), started_at, None)) is Sign.DIFFERENT


def test_an_unchanged_started_at_outweighs_the_rest():
    """The first rung that knows decides: the same startedAt is the same boot, whatever else moved."""
    assert verdict(Facts("host-2", ("22=2002",), "10:00", None)) is Sign.SAME


def test_the_rungs_say_unknown_for_what_they_do_not_see():
    """Nothing is concluded from what is missing."""
    nothing = Facts()
    assert {rung(nothing, SEEN) for rung in (boot.by_started_at, boot.by_marker, boot.by_address)} == {
        Sign.UNKNOWN
    }


def test_no_earlier_boot_is_a_new_one():
    """The first life of a pod begins a boot."""
    assert verdict(SAME_PLACE, None) is Sign.DIFFERENT


def test_no_sign_at_all_is_new_but_not_for_ever():
    """All rungs unknown is a new boot; the third time within an hour it is a crash loop."""
    seen = Boot("b1", 100.0)
    names = []
    for now in (200.0, 300.0, 400.0):
        seen, same, _ = boot.settle(Facts(), seen, now)
        names.append((seen.id, same))
    assert [same for _, same in names] == [False, False, True]
    assert names[1][0] == names[2][0]
    assert boot.settle(Facts(), seen, 400.0 + 3700)[1] is False


@pytest.mark.parametrize("started_at", ["10:00", "10:05", None])
@pytest.mark.parametrize("marker", ["b1", None])
def test_runpod_is_asked_only_where_it_matters(started_at, marker):
    """At an unchanged address no answer of RunPod's changes the verdict, so that no time is spent on it."""
    unasked = Facts("host-1", ("22=1001",), None, marker)
    assert not boot.needs_started_at(unasked, SEEN)
    asked = Facts("host-1", ("22=1001",), started_at, marker)
    assert verdict(asked) is verdict(unasked)
    assert boot.needs_started_at(Facts("host-2"), SEEN)


def test_the_same_boot_keeps_its_beginning():
    """A container restart neither renames the boot nor moves its start."""
    again, same, _ = boot.settle(SAME_PLACE, SEEN, 5000.0)
    assert same
    assert (again.id, again.booted_at) == ("b1", 100.0)


def records(tmp_path):
    return PodRecords(tmp_path / "disk", tmp_path / "ws" / ".podkeep" / "pods" / "a.json", Scribe())


def test_a_record_is_found_in_either_place(tmp_path):
    """The disk's copy is the marker; with the disk wiped the workspace still knows, without a marker."""
    book = records(tmp_path)
    book.write(with_order(PodRecord(SEEN), JobSpec("j", "x"), "o1", "h1"))
    record, marker = book.read()
    assert marker == "b1"
    assert record.accepted.order == "o1"
    (tmp_path / "disk" / "boot.json").unlink()
    record, marker = book.read()
    assert marker is None
    assert record.boot == SEEN


def test_every_order_is_remembered(tmp_path):
    """Orders accepted before are known for good, each once."""
    record = PodRecord(SEEN)
    for order in ("o1", "o2", "o1"):
        record = with_order(record, JobSpec("j", "x"), order, "h")
    assert record.accepted.given == ("o1", "o2")


def test_a_workspace_that_takes_nothing_is_a_warning(tmp_path):
    """The record is kept on the disk, and the status will say that it is not in the workspace."""
    (tmp_path / "ws").write_text("no folder")
    book = records(tmp_path)
    book.write(PodRecord(SEEN))
    assert book.read()[0].boot == SEEN
    assert "workspace" in book.warnings[0]


def test_a_newer_record_is_named(tmp_path):
    """A record of a newer podkeep is not understood, and that is said."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "boot.json").write_text('{"format": 99}')
    book = records(tmp_path)
    assert book.read() == (None, None)
    assert "format is 99" in book.warnings[0]
    book.write(PodRecord(Boot("b", 1.0)))
    assert (tmp_path / "disk" / "boot.json").read_text() == '{"format": 99}'
