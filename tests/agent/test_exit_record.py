"""Claims and exit records: what two processes, one of them dying, may rely on."""

from __future__ import annotations

import signal
import threading

import pytest

from pod_agent.run import exit_record
from pod_agent.run.exit_record import ExitRecord, RecordFile, read_record


def judged(status, *, ending="", spawn_failed=False, oom_killed=False):
    record = ExitRecord()
    record.ending = ending
    exit_record.judge(status, record, spawn_failed=spawn_failed, oom_killed=oom_killed)
    return record.exit_code, record.signal, record.reason


def exited(code):
    return code << 8


def test_a_record_survives_packing():
    """What is packed is what is unpacked, in exactly the fixed size, also with odd words in it."""
    record = ExitRecord()
    record.state, record.pid, record.exit_code, record.ended_at = "ended", 4711, -1, 1.25
    record.detail = "one\ntwo = \u2028 drei " + "ü" * 400
    data = record.pack()
    again = ExitRecord.unpack(data)
    assert len(data) == exit_record.RECORD_SIZE
    assert again is not None
    assert (again.state, again.pid, again.exit_code, again.ended_at) == ("ended", 4711, -1, 1.25)
    assert again.detail.startswith("one two = \u2028 drei ü")
    assert again.pack() == data


def test_the_longest_record_fits():
    """A record with every field at its largest still has the fixed size."""
    record = ExitRecord()
    for name in ExitRecord.__slots__:
        value = getattr(record, name)
        setattr(record, name, "s" * 40 if isinstance(value, str) else type(value)(2**53))
    record.detail = "x" * 10_000
    assert len(record.pack()) == exit_record.RECORD_SIZE


@pytest.mark.parametrize(
    "data", [b"", b"podkeep 1 0000000001\nstate=ended\n", ExitRecord().pack()[:-20] + b"x" * 20]
)
def test_a_torn_record_is_none(data):
    """Bytes whose sum is wrong are not believed."""
    assert ExitRecord.unpack(data) is None


def test_a_record_is_written_in_place(tmp_path):
    """Writing again changes the same file, of the same size; a reader in between always sees a whole one."""
    record = ExitRecord()
    file = RecordFile(str(tmp_path), record)
    inode = (tmp_path / "exit").stat().st_ino
    stop, seen = threading.Event(), set()

    def read():
        while not stop.is_set():
            seen.add(read_record(str(tmp_path)) is not None)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(2000):
        record.pid, record.detail = number, "x" * (number % 300)
        file.write()
    stop.set()
    reader.join()
    assert seen == {True}
    assert (tmp_path / "exit").stat().st_ino == inode
    assert (tmp_path / "exit").stat().st_size == exit_record.RECORD_SIZE


def test_only_one_of_many_claims_wins(tmp_path):
    """Of sixteen who claim the same generation at once, one gets it, and no draft is left."""
    won = []
    start = threading.Barrier(16)

    def claim(pid):
        start.wait()
        won.append(pid) if exit_record.take_claim(str(tmp_path), 1, pid, 7) else None

    claimants = [threading.Thread(target=claim, args=(pid,)) for pid in range(1, 17)]
    for claimant in claimants:
        claimant.start()
    for claimant in claimants:
        claimant.join()
    claim = exit_record.newest_claim(str(tmp_path))
    assert [claim.pid] == won
    assert [path.name for path in tmp_path.iterdir()] == ["claim.1"]


def test_the_newest_claim_counts(tmp_path):
    """Claims are compared as numbers: the tenth follows the ninth."""
    for generation in range(1, 11):
        assert exit_record.take_claim(str(tmp_path), generation, 100 + generation, 7)
    assert exit_record.newest_claim(str(tmp_path)).pid == 110


def test_no_folder_is_no_claim(tmp_path):
    """A folder that is not there, or empty, holds neither claim nor record."""
    assert exit_record.newest_claim(str(tmp_path / "none")) is None
    assert exit_record.newest_claim(str(tmp_path)) is None
    assert read_record(str(tmp_path)) is None


def test_items_survive_packing_and_halves_are_noticed():
    """Any bytes come out as they went in; every shorter beginning is refused."""
    items = [b"", b"a,b:3", b"1:x,.", bytes(range(256))]
    data = exit_record.pack(items)
    assert exit_record.unpack(data) == items
    assert all(exit_record.unpack(data[:size]) is None for size in range(len(data)))


@pytest.mark.parametrize(
    ("status", "others", "verdict"),
    [
        (exited(0), {}, (0, "", "exited")),
        (exited(1), {}, (1, "", "exited")),
        (exited(255), {}, (255, "", "exited")),
        (signal.SIGKILL, {}, (137, "KILL", "signalled")),
        (signal.SIGSEGV | 0x80, {}, (139, "SEGV", "signalled")),
        (signal.SIGRTMIN, {}, (162, "SIG34", "signalled")),
        (exited(137), {}, (137, "KILL", "signalled")),
        (exited(128), {}, (128, "", "exited")),
        (signal.SIGKILL, {"oom_killed": True}, (137, "KILL", "oom")),
        (exited(1), {"oom_killed": True}, (1, "", "oom")),
        (exited(0), {"oom_killed": True}, (0, "", "exited")),
        (signal.SIGKILL, {"oom_killed": True, "ending": "cancel"}, (137, "KILL", "signalled")),
        (signal.SIGTERM, {"ending": "full"}, (143, "TERM", "disk_full")),
        (exited(127), {"spawn_failed": True}, (127, "", "spawn_failed")),
        (None, {}, (-1, "", "unknown")),
        (None, {"ending": "full"}, (-1, "", "disk_full")),
    ],
)
def test_how_an_end_is_judged(status, others, verdict):
    """Exit status, what we did to it and what the kernel counted make code, signal and reason."""
    assert judged(status, **others) == verdict


def test_the_record_exists_before_the_job_runs(bench):
    """The job itself can read the record that names it: it is there, filled, before the command begins."""
    plan = bench.plan("true")
    ended = bench.run(f"cat {plan.folder}/exit; echo pid=$$")
    assert ended.exit_code == 0
    output = bench.output()
    told = ExitRecord.unpack(output[: exit_record.RECORD_SIZE])
    assert told is not None
    assert told.state == "running"
    assert output[exit_record.RECORD_SIZE :] == b"pid=%d\n" % told.pid
