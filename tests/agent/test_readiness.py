"""What an inspection comes to for the job: its training begins, or does not, and what is odd is said once."""

from __future__ import annotations

import shlex
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pod_agent.pod.preflight import kept
from pod_agent.pod.preflight.gpus import Gpus
from pod_agent.pod.preflight.inspection import Inspection
from pod_agent.pod.preflight.room import Room
from pod_agent.run import after_watch
from pod_agent.run import events as e
from pod_agent.run.readiness import Readiness
from pod_agent.run.state import Job
from pod_agent.run.work import StepCancelled, StepFailed, Work
from pod_agent.settings import Settings
from pod_wire.job import JobSpec
from pod_wire.status import CheckpointPlace
from tests.agent.test_preflight_inspection import PLENTY, no_such_name
from tests.fakes.clock import FakeClock
from tests.live import wait_for

SPEC = JobSpec("demo", "true", repo="https://git.example.org/me/it")
JOB = Job(SPEC, "order-1", run="r", run_began_at=0.0, boot="b")


class Desk:
    """A readiness, what it posts, and the log's lines."""

    def __init__(self, folder, resolve=no_such_name, room=PLENTY, gate=None, boot="boot-1", **settings):
        self.boot = boot
        self.posted = []
        self.lines = []
        self.gate = gate
        self.looked = 0
        self.room = room
        self.resolve = resolve
        self.disk = folder / "disk"
        self.disk.mkdir(exist_ok=True)
        self.work = Work(self.lines.append, FakeClock())
        self.settings = Settings(
            workspace=folder, disk_dir=self.disk, runpod_url="http://127.0.0.1:1/v2", **settings
        )
        self.readiness = Readiness(
            self.settings,
            FakeClock(),
            boot=lambda: self.boot,
            post=self.posted.append,
            inspection=self._inspection,
        )

    def _inspection(self, here):
        return Inspection(
            here, FakeClock(), resolve=self.resolve, look_at_room=self._look, look_at_gpus=lambda _: Gpus()
        )

    def _look(self, path):
        self.looked += path == self.settings.workspace
        if self.gate is not None:
            self.gate.wait(60)
        return self.room

    def warned(self):
        return [event.text for event in self.posted if isinstance(event, e.Warned)]

    def pass_by(self, job=JOB):
        self.readiness.begin(job, self.work)
        self.readiness.begin(job, self.work)
        self.readiness.hold(self.work)


def test_an_unfit_pod_ends_the_job_at_once(tmp_path):
    """The machine hears of it while a step is under way, and the step before the training does not pass either."""
    desk = Desk(tmp_path, gpu_count=1)
    desk.readiness.begin(JOB, desk.work)
    (event,) = wait_for("the verdict", lambda: list(desk.posted))
    assert (event.order, event.reason) == ("order-1", "this pod has 0 of its 1 GPUs")
    assert event.ends_pod
    with pytest.raises(StepFailed, match="0 of its 1 GPUs"):
        desk.readiness.hold(desk.work)
    assert kept.read(desk.disk) is None


def test_a_fit_pod_lets_the_training_begin(tmp_path):
    """Nothing to say is nothing said; each attempt is looked at anew, though what was found is kept."""
    desk = Desk(tmp_path)
    desk.pass_by()
    desk.pass_by()
    assert (desk.posted, desk.lines, desk.looked) == ([], [], 2)
    assert kept.read(desk.disk).boot == "boot-1"
    desk.readiness.hold(desk.work)  # an attempt that nothing was begun for


def test_warnings_are_told_once_and_recalled(tmp_path):
    """The status has them, the log one line each; the next agent of this boot repeats no line, forgets no warning."""
    full = Room(7 * 10**9, 10**12)
    job = replace(JOB, checkpoint=CheckpointPlace("/w/ckpt", 5, 4 * 10**9, 0.0))
    first = Desk(tmp_path, room=full)
    first.pass_by(job)
    assert len(first.lines) == 1
    assert first.lines[0].startswith(b"podkeep: warning: the workspace has 7.0 GB left")
    again = Desk(tmp_path, room=full)
    again.readiness.recall()
    again.pass_by(job)
    assert again.lines == []
    assert set(again.warned()) == set(first.warned())
    other = Desk(tmp_path, boot="boot-2")
    other.readiness.recall()
    assert other.posted == []


def test_warnings_are_recalled_where_the_boot_is_known_late(tmp_path):
    """HTTP answers before a slow workspace has said which boot this is; what was kept is told once it has."""
    kept.write(Desk(tmp_path).disk, kept.more(kept.Kept("boot-1", "job"), ("odd",), ("warning: odd",)))
    desk = Desk(tmp_path, boot="")
    desk.readiness.recall()
    assert desk.posted == []
    desk.boot = "boot-1"
    desk.readiness.booted()
    assert desk.warned() == ["odd"]


def test_names_are_looked_up_once_in_a_boot(tmp_path):
    """A container that comes back with nothing changed resolves nothing; another job does."""
    asked = []
    pod = {"pod_id": "pod-a", "pretended_gpus": 0}
    spec = replace(SPEC, ephemeral=True)
    Desk(tmp_path, resolve=asked.append, **pod).pass_by(replace(JOB, spec=spec))
    wait_for("the look", lambda: asked == ["git.example.org"])
    Desk(tmp_path, resolve=asked.append, **pod).pass_by(replace(JOB, spec=spec))
    other = replace(JOB, spec=replace(spec, repo="https://other.example.org/it"))
    Desk(tmp_path, resolve=asked.append, **pod).pass_by(other)
    wait_for("the other look", lambda: asked == ["git.example.org", "other.example.org"])


def test_waiting_for_the_verdict_can_be_cancelled(tmp_path):
    """A cancel is heard while something is still being looked at."""
    desk = Desk(tmp_path, gate=threading.Event())
    desk.readiness.begin(JOB, desk.work)
    desk.work.cancel()
    with pytest.raises(StepCancelled):
        desk.readiness.hold(desk.work)
    desk.gate.set()


def test_another_order_is_looked_at_anew(tmp_path):
    """The verdict on an order that was cancelled is not the next one's."""
    desk = Desk(tmp_path, gpu_count=1)
    desk.readiness.begin(JOB, desk.work)
    desk.readiness.begin(replace(JOB, order="order-2"), desk.work)
    with pytest.raises(StepFailed):
        desk.readiness.hold(desk.work)
    wait_for("both verdicts", lambda: {event.order for event in desk.posted} == {"order-1", "order-2"})


def test_a_training_that_runs_already_is_not_judged(tmp_path):
    """What `pod-agent after` looks after holds GPU memory itself: no verdict may end the pod under it."""
    desk = Desk(tmp_path, gpu_count=1)
    command = f"exec {shlex.join([sys.executable, '-I', '-S', str(Path(after_watch.__file__)), '7:1'])}"
    desk.pass_by(replace(JOB, spec=replace(SPEC, command=command)))
    assert (desk.posted, desk.looked) == ([], 0)


def test_a_defect_of_ours_holds_no_training_back(tmp_path):
    """A check that raises is a warning."""
    desk = Desk(tmp_path)
    desk.readiness._inspection = lambda _: 1 / 0
    desk.pass_by()
    assert "a defect of podkeep in the preflight" in desk.warned()[0]


def test_a_full_container_disk_keeps_nothing_and_hurts_nobody(tmp_path):
    """What cannot be kept is looked at again next time."""
    desk = Desk(tmp_path)
    desk.disk.rmdir()
    desk.disk.write_text("no folder")
    desk.pass_by()
    assert desk.posted == []
