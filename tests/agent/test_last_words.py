"""What the idle brake leaves behind: its last message in the job's log and journal, leases in the journal."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pod_agent.pod.idle.brake import Brake
from pod_agent.pod.idle.fold import fold
from pod_agent.pod.idle.leases import Lease
from pod_agent.pod.idle.memory import fresh
from pod_agent.pod.idle.signs import Name, Reading, Sample, State
from pod_agent.pod.scribe import Hung
from pod_agent.run.last_words import LastWords
from pod_wire.idle import KeepAsk
from pod_wire.job import ExitPolicy, JobSpec
from tests.fakes.world import Act, Lifetime, World

JOB = JobSpec("digits", "python train.py", on_finish=ExitPolicy.KEEP)
TEXT = "podkeep: stopping in 60 s because the pod is idle: no job for 15 minutes. To keep it: …"


class Pod:
    """An agent whose signals were just looked at, and its brake's last words."""

    def __init__(self, world, job=JOB):
        self.world = world
        self.agent = Lifetime(world, job).begin()
        at = world.clock.monotonic()
        readings = [Reading(name, State.IDLE, "Nobody.", "none", "any") for name in Name]
        readings[0] = Reading(Name.GPU, State.IDLE, "It computes nothing.", "0%", "5%")
        sample = Sample(at, is_resting=True, readings=tuple(readings))
        brake = Brake(fold(fresh(at), sample, 900.0))
        self.agent.supervisor.update(lambda facts: replace(facts, brake=brake))
        self.words = LastWords(self.agent.supervisor, self.agent.folders, world.clock)

    def log(self):
        path = self.agent.folders.of("digits").path / "log"
        return path.read_text() if path.exists() else ""

    def journal(self):
        """What the loop has written down since."""
        self.agent.pump()
        while not self.agent.supervisor._mailbox.empty():
            self.agent.supervisor.turn(self.agent.supervisor._mailbox.get())
        return self.agent.journal_kinds("digits")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_last_message_is_in_the_log_with_every_signal(world):
    """A line that says why, and one for each signal as `why` shows it; an event in the journal."""
    pod = Pod(world)
    pod.words.notice(60.0, TEXT)
    lines = pod.log().splitlines()
    at = lines.index(TEXT)
    told = lines[at + 1 :]
    assert [line.split()[1] for line in told] == ["signal", *(name.split()[0] for name in Name)]
    assert "0%" in told[1]
    assert told[1].endswith("It computes nothing.")
    entry = pod.journal()[-1]
    assert (entry["kind"], entry["seconds"]) == ("idle_notice", 60.0)
    assert "GPU idle 0%" in entry["signs"]
    assert entry["because"].startswith("idle: ")


def test_a_torn_last_line_is_closed_first(world):
    """The message begins at the beginning of a line."""
    pod = Pod(world)
    log = pod.agent.folders.of("digits").path / "log"
    log.write_bytes(b"half a li")
    pod.words.stays("In use now: ssh.")
    assert log.read_bytes() == b"half a li\npodkeep: the pod stays. In use now: ssh.\n"
    assert pod.journal()[-1]["kind"] == "idle_over"


def test_a_log_that_a_keeper_writes_is_left_alone(world):
    """An order came while the message was being made: not a byte of ours between the training's."""
    world.acts = [Act(lasts=True)]
    pod = Pod(world)
    path = pod.agent.folders.of("digits").path / "log"
    before = path.read_bytes() if path.exists() else b""
    pod.words.notice(60.0, TEXT)
    assert (path.read_bytes() if path.exists() else b"") == before


def test_a_lease_is_in_the_journal(world):
    """Given with its reason and its end, and let go."""
    pod = Pod(world)
    now, mono = world.clock.now(), world.clock.monotonic()
    pod.words.kept(
        KeepAsk(7200.0, "evaluation"), (Lease(now + 7200, mono + 7200, 7200.0, now, "evaluation"),)
    )
    pod.words.kept(KeepAsk(0.0), ())
    given, ended = pod.journal()[-2:]
    assert (given["kind"], given["seconds"], given["until"]) == ("keep", 7200.0, now + 7200)
    assert given["because"] == "evaluation"
    assert (ended["kind"], ended["seconds"], ended["until"]) == ("keep", 0.0, None)


def test_a_folder_that_may_be_another_pod_s_is_not_written_in(world):
    """While a job's folder is being opened nothing is noted in it."""
    pod = Pod(world)
    pod.journal()
    before = pod.agent.journal_kinds("digits")
    state = pod.agent.supervisor.state
    pod.agent.supervisor.state = replace(state, opening=True)
    pod.words.kept(KeepAsk(60.0), ())
    pod.words.notice(60.0, TEXT)
    assert pod.journal() == before
    assert TEXT not in pod.log()


def test_without_a_job_there_is_nothing_to_write_into(world):
    """The console and the terminals have it; nothing fails."""
    pod = Pod(world, job=None)
    pod.words.notice(60.0, TEXT)
    pod.words.kept(KeepAsk(60.0), ())
    pod.agent.pump()
    assert not (world.root / "workspace" / ".podkeep" / "jobs").exists() or not list(
        (world.root / "workspace" / ".podkeep" / "jobs").glob("*/log")
    )


def test_a_workspace_that_hangs_holds_the_brake_for_a_moment_only(world):
    """The message is given up; the next one at once, while it still hangs."""
    pod = Pod(world)
    never = threading.Event()
    pod.words._scribe._limit_s = 0.05
    with pytest.raises(Hung):
        pod.words._scribe.do("hang", lambda: never.wait(30))
    pod.words.notice(60.0, TEXT)
    never.set()
    assert TEXT not in pod.log()
