"""The job's record: written whole, read back the same, refused when it is newer; and where it lies."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from pod_agent.pod import scribe
from pod_agent.pod.brakes import Deadline
from pod_agent.pod.scribe import Hung, Scribe
from pod_agent.run import journal, state, timings
from pod_agent.run.folders import Folders
from pod_agent.run.situation import State
from pod_agent.run.state import Ending, Job
from pod_wire.errors import BadInput
from pod_wire.job import JobSpec
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase, PhaseTime
from tests.fakes.world import Lifetime, World

JOB = Job(
    JobSpec("digits", "python train.py", resume="--resume {checkpoint}", max_hours=2.0),
    "o1",
    run="r1",
    run_began_at=5.0,
    boot="b1",
    phase=Phase.DRAINING,
    attempts=(Attempt(1, 7, 6.0, 9.0, 137, "KILL", "killed"), Attempt(2)),
    tries=2,
    before=CheckpointPlace("/w/a", 3, 10, 7.0),
    checkpoint=CheckpointPlace("/w/b", None, 10, 8.0),
    phases=(PhaseTime(Phase.SYNCING, 5.0, 0.5), PhaseTime(Phase.RUNNING, 5.5)),
    ending=Ending(Outcome.FAILED, "why", "so"),
    warnings=("careful",),
    stop_because="asked",
    deadline=Deadline(9.0, "b1", "o1", 2.0),
    fresh_for="abc",
    revision=4,
)


def test_a_record_comes_back_as_it_was():
    """Every field survives the disk."""
    assert state.load(state.dump(JOB)) == JOB


def test_unknown_fields_are_tolerated():
    """A record with a field more, of the same format, is read."""
    data = state.dump(JOB).replace(b'"order":', b'"later":1,"order":')
    assert state.load(data) == JOB


def test_a_newer_format_is_refused_by_name():
    """A newer podkeep's record is not guessed at, even beside an older one that could be read."""
    newer = state.dump(JOB).replace(b'"format":1}\n', b'"format":2}\n')
    assert newer != state.dump(JOB)
    for documents in ((newer,), (state.dump(JOB), newer)):
        with pytest.raises(BadInput, match="format is 2"):
            state.newest(documents)


def test_the_higher_revision_is_the_newer():
    """Of the workspace's and the disk's record the later written one counts; a torn one is left out."""
    later = replace(JOB, revision=5, tries=3)
    assert state.newest((state.dump(later), state.dump(JOB))) == later
    assert state.newest((b'{"spec', state.dump(JOB))) == JOB
    assert state.newest(()) is None


def test_a_newer_record_is_left_untouched(tmp_path):
    """The job of a newer record fails, saying so; the record stays byte for byte as it was."""
    world = World(tmp_path)
    folder = tmp_path / "ws" / ".podkeep" / "jobs" / "digits"
    folder.mkdir(parents=True)
    newer = state.dump(JOB).replace(b'"format":1}\n', b'"format":2}\n')
    (folder / "state.json").write_bytes(newer)
    agent = Lifetime(world, JobSpec("digits", "x")).begin()
    assert agent.status.job.outcome is Outcome.FAILED
    assert "format is 2" in agent.status.job.reason
    assert (folder / "state.json").read_bytes() == newer
    assert not (folder / "journal.jsonl").exists()


def test_a_record_is_replaced_whole(tmp_path):
    """A write that fails leaves the earlier file and no draft."""
    path = tmp_path / "state.json"
    scribe.replace(path, b"one")
    (tmp_path / "state.json.d").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - whichever the system says
        scribe.replace(tmp_path / "state.json.d", b"two")
    scribe.replace(path, b"three")
    assert path.read_bytes() == b"three"
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["state.json", "state.json.d"]


def test_a_torn_line_spoils_no_other(tmp_path):
    """A journal whose last line was cut by a death gets its line end before the next one."""
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"a":1}\n{"b"')
    scribe.append(path, b'{"c":1}\n')
    assert path.read_bytes() == b'{"a":1}\n{"b"\n{"c":1}\n'


def test_a_hung_place_costs_its_limit_once():
    """The first deed waits for the limit, the next ones not at all, until the place answers again."""
    quill, gate = Scribe(limit_s=0.05), threading.Event()
    with pytest.raises(Hung, match="no answer"):
        quill.do("write", gate.wait)
    with pytest.raises(Hung, match="still"):
        quill.do("write", lambda: 1)
    gate.set()
    for _ in range(100):
        if not quill.is_stuck:
            break
        threading.Event().wait(0.01)
    assert quill.do("write", lambda: 2) == 2


def test_a_hung_workspace_puts_the_record_on_the_disk(tmp_path):
    """What the workspace does not take in time is on the container's disk, and read from there."""
    quill, gate = Scribe(limit_s=0.05), threading.Event()
    folder = Folders(tmp_path / "ws", tmp_path / "disk", quill).of("j")
    folder.probe()
    folder.replace("state.json", b"old")
    with pytest.raises(Hung):
        quill.do("hang", gate.wait)
    folder.replace("state.json", b"new")
    assert (tmp_path / "disk" / "jobs" / "j" / "state.json").read_bytes() == b"new"
    assert b"old" not in (tmp_path / "disk" / "jobs" / "j" / "state.json").read_bytes()
    gate.set()
    while quill.is_stuck:
        threading.Event().wait(0.01)
    assert set(folder.read("state.json")) == {b"old", b"new"}
    folder.replace("state.json", b"newer")
    assert (folder.path / "state.json").read_bytes() == b"newer"


FULL_DISK = """
import sys
from pathlib import Path
from pod_agent.pod import scribe
disk = Path(sys.argv[1])
scribe.lay_ballast(disk / "ballast", 64 << 10)
with (disk / "filler").open("wb", buffering=0) as filler:
    try:
        while True:
            filler.write(bytes(4096))
    except OSError:
        print("full")
scribe.replace(disk / "state.json", b"the end", ballast=disk / "ballast")
scribe.append(disk / "journal.jsonl", b"line", ballast=disk / "ballast")
print((disk / "state.json").read_text(), (disk / "journal.jsonl").read_text(), (disk / "ballast").exists())
"""


def test_ballast_makes_room_on_a_full_disk(tmp_path):
    """On a disk that is really full the ballast is thrown off, and the last record and line find their place."""
    rights = "-m" if os.geteuid() == 0 else "-Urm"
    script = 'mount -t tmpfs -o size=256k podkeep-test "$0" && exec "$@"'
    command = ["unshare", rights, "sh", "-c", script, tmp_path, sys.executable, "-c", FULL_DISK, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["full", "the", "end", "line", "False"], done.stderr


def test_times_of_phases_add_up():
    """Entering a phase closes the one before; a clock set back counts nothing."""
    times = timings.enter((), Phase.SYNCING, 10.0)
    times = timings.enter(times, Phase.RUNNING, 12.5)
    times = timings.enter(times, Phase.DRAINING, 11.0)
    assert [time.seconds for time in times] == [2.5, 0.0, None]
    assert timings.close(timings.close(times, 12.0), 99.0)[-1].seconds == 1.0


def test_a_warning_is_said_once():
    """The same words twice are one warning."""
    assert state.warned(state.warned(JOB, "new", "careful"), "new").warnings == ("careful", "new")


def refused(words):
    """The rounds of a stop that the journal tells of, where the first one was refused in the first words, and so on."""
    told, before = [], State(phase=Phase.STOPPING, job=JOB, opening=False)
    for rounds, error in enumerate(words, 1):
        after = replace(before, stop_rounds=rounds, stop_error=error)
        told += [entry.fields["rounds"] for entry in journal.tell(before, after, 9.0)]
        before = after
    return told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["v2: 403; tool: no"] * 2000, [2**i for i in range(11)]),
        (["v2: 403; tool: no", "tool: no; v2: 403"] * 500, [2**i for i in range(10)]),
        (["v2 took the request, yet we live", "GraphQL took the request, yet we live"] * 8, [1, 2, 4, 8, 16]),
        (["v2: 403"] * 5 + ["v2: 500"] * 2 + ["v2 took the request, yet we live"], [1, 2, 4, 6, 8]),
        (["v2: 403"] * 6 + [None] * 3, [1, 2, 4, 7, 8]),
    ],
)
def test_a_stop_that_is_refused_for_days_fills_no_journal(words, told):
    """Doubling rounds and other words are told; routes that change places are no other words."""
    assert refused(words) == told
