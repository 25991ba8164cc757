"""What the stall brake reads, from real processes and files: whose they are, what they used, and what moved."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from pod_agent.pod.stall import gpus, processes, tree
from pod_agent.pod.stall.signs import State
from pod_agent.pod.stall.sources import LOG_S, Sources
from pod_agent.pod.stall.subject import Subject
from pod_agent.pod.stall.watch import Watch, pause
from pod_agent.pod.vitals.sample import Container, GpuReport, Gpus, Sample
from pod_wire.clock import RealClock
from tests.agent.stall_pod import NO_GPU, RESTS, SPINS, WORKS, card, seen
from tests.fakes import hung_mount
from tests.live import wait_for

BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\n"


@pytest.fixture
def run():
    begun = []

    def start(*argv, **more):
        begun.append(subprocess.Popen(argv, start_new_session=True, stdin=subprocess.DEVNULL, **more))
        return begun[-1]

    yield start
    for one in begun:
        os.killpg(one.pid, signal.SIGKILL) if one.poll() is None else None
        one.wait()


def test_a_family_is_found_with_what_it_used(run):
    """Children and grandchildren of the training; what an ended child used is not lost from the sum."""
    python = f"{sys.executable} -c"
    training = run("bash", "-c", f"{python} '{BURN.format(0.3)}'; echo; sleep 100 & sleep 100")

    def settled():
        found = processes.family(training.pid, 0)
        return sorted(task.name for task in found.tasks) == ["bash", "sleep", "sleep"] and found

    found = wait_for("the shell and both sleeps", settled)
    assert found.ticks >= 0.25 * os.sysconf("SC_CLK_TCK")
    assert sum(task.ticks for task in found.tasks) < found.ticks
    assert all(task.moved is not None for task in found.tasks)
    assert processes.family(training.pid, 0, "/nowhere") is None
    training.kill()
    training.wait()


def test_open_files_tell_growth_and_trackers_do_not(run, tmp_path):
    """The place in a file that is held open moves; a file of wandb's may grow for ever."""
    (tmp_path / "wandb").mkdir()
    script = f"exec 3>{tmp_path}/out 4>{tmp_path}/wandb/run; while read -r fd; do echo x >&$fd; echo ok; done"
    training = run("bash", "-c", "while sleep 1; do :; done")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    writer = subprocess.Popen(["bash", "-c", script], **pipes, text=True, bufsize=1)
    try:

        def write(fd):
            writer.stdin.write(f"{fd}\n")
            writer.stdin.flush()
            writer.stdout.readline()
            return processes.places([writer.pid])

        first = write(3)
        assert write(3) != first
        known = processes.places([writer.pid])
        assert write(4) == known
        assert processes.places([]) is None
        assert processes.places([training.pid]) is not None
    finally:
        writer.stdin.close()
        writer.wait()
        writer.stdout.close()


def test_the_job_s_files_tell_growth(tmp_path):
    """A file that is new, grown, or written over in place; not git's, caches' or trackers'."""
    for name in (".git", "wandb", "a/b"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "a/b/metrics.csv").write_text("1\n")
    marks = [tree.mark(str(tmp_path))]
    for change in (
        lambda: (tmp_path / "a/b/metrics.csv").write_text("1\n2\n"),
        lambda: os.utime(tmp_path / "a/b/metrics.csv", (1, 1)),
        (tmp_path / "new").touch,
    ):
        change()
        marks.append(tree.mark(str(tmp_path)))
    assert len(set(marks)) == 4
    (tmp_path / ".git/index").write_text("x")
    (tmp_path / "wandb/run.wandb").write_text("x")
    (tmp_path / b"\xff\xfe".decode("utf-8", "surrogateescape")).mkdir()
    assert tree.mark(str(tmp_path)) == marks[-1]
    assert tree.mark(str(tmp_path / "nowhere")) is None


def subject_of(training, folder, place=None):
    return Subject("r-1", 1, training.pid, 0, place or folder, folder / "log", folder, 60.0)


def test_a_look(run, tmp_path):
    """The log's size, the bytes that wait for it, the processes; the GPUs' samples since the look before."""
    (tmp_path / "log").write_bytes(b"hello")
    os.mkfifo(tmp_path / "fifo")
    keeper = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    os.write(keeper, b"x" * 100)
    training = run("sleep", "100")
    samples = [Sample(0.0, at, report, Container()) for at, report in ((1.0, WORKS), (2.0, RESTS))]
    sources = Sources(lambda: samples)
    first = sources.look(subject_of(training, tmp_path), None, 1.5, is_deep=True)
    assert (first.log, first.waiting, first.is_log_hung) == (5, 100, False)
    assert [task.pid for task in first.tasks] == [training.pid]
    assert first.gpu.state is State.ALIVE
    second = sources.look(subject_of(training, tmp_path), first, 2.5, is_deep=False)
    assert second.gpu.state is State.SILENT
    assert (second.tree, second.places) == (first.tree, first.places)
    soon = sources.look(subject_of(training, tmp_path), second, 3.5, is_deep=False)
    assert soon.gpu.state is State.SILENT  # no sample came since, and the newest is young
    late = sources.look(subject_of(training, tmp_path), soon, 12.5, is_deep=False)
    assert late.gpu.state is State.UNKNOWN
    os.close(keeper)
    blind = Sources(lambda: None).look(subject_of(training, tmp_path / "nowhere"), None, 1.0, is_deep=True)
    assert (blind.log, blind.is_log_hung, blind.tree, blind.waiting) == (None, False, None, 0)
    assert blind.gpu.state is State.UNKNOWN


@pytest.mark.slow
@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_disk_that_hangs_holds_nobody(run, tmp_path):
    """The log's size is not known, and that it hangs is; the next look does not wait again."""
    training = run("sleep", "100")
    mount = tmp_path / "mount"
    mount.mkdir()
    with hung_mount.hung(mount):
        sources = Sources(lambda: None)
        first = sources.look(subject_of(training, mount, tmp_path), None, 1.0, is_deep=False)
        began = time.monotonic()
        second = sources.look(subject_of(training, mount, tmp_path), first, 2.0, is_deep=False)
        assert time.monotonic() - began < LOG_S, "it waited again"
        assert first.is_log_hung
        assert second.is_log_hung
        assert second.tasks


@pytest.mark.slow
@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_log_whose_disk_hangs_is_silent_though_bytes_wait(run, tmp_path):
    """Nobody takes what is in the job's pipe, and nobody counts but this brake: it comes in its time."""
    training = run("sleep", "600")
    os.mkfifo(tmp_path / "fifo")
    pipe = os.open(tmp_path / "fifo", os.O_RDWR | os.O_NONBLOCK)
    os.write(pipe, b"x" * 100)
    mount = tmp_path / "mount"
    mount.mkdir()
    subject = replace(subject_of(training, mount, tmp_path), minutes=0.1, folder=tmp_path)
    acted = []
    with hung_mount.hung(mount, takes_asks=True):
        watch = Watch(
            tmp_path,
            RealClock(),
            Sources(lambda: [Sample(0.0, time.monotonic(), NO_GPU, Container())]),
            boot=lambda: None,
            subject=lambda: subject,
            publish=lambda _: None,
            act=lambda _, reason: acted.append(reason),
            hold_s=360.0,
        )

        def looks():
            time.sleep(pause(subject.minutes))
            watch.look(subject)
            return acted

        wait_for("the stall", looks)
    os.close(pipe)
    assert "log" in acted[0]


GPUS = {
    "no samples": ([], State.UNKNOWN),
    "no GPU": ([NO_GPU], State.ABSENT),
    "at work once": ([RESTS, WORKS, RESTS], State.ALIVE),
    "at rest": ([RESTS, RESTS], State.SILENT),
    "spins": ([SPINS, SPINS], State.SPINNING),
    "spins and works": ([SPINS, WORKS, SPINS], State.ALIVE),
    "a gap in the telling": ([GpuReport(Gpus.UNKNOWN), SPINS], State.SPINNING),
    "94 % is work": ([seen(card(0.94, 90))], State.ALIVE),
    "35 % of the power is little": ([seen(card(0.95, 140))], State.SPINNING),
    "36 % is work": ([seen(card(1.0, 144))], State.ALIVE),
    "a limit of 0 is none": ([seen(card(1.0, 90, limit=0.0))], State.ALIVE),
    "lost": ([seen(card(None, fault="lost"))], State.SILENT),
    "not to be read": ([seen(card(None, fault="other"))], State.UNKNOWN),
    "one lost, one works": ([seen(card(None, fault="lost"), card(0.9, 300))], State.ALIVE),
    "one not to be read, one at rest": ([seen(card(None, fault="other"), card(0.0, 50))], State.UNKNOWN),
    "slices": ([seen(card(None), card(None))], State.ABSENT),
}


@pytest.mark.parametrize("name", GPUS)
def test_what_the_gpus_say(name):
    """Work in any sample is work; what is not told is no silence."""
    reports, state = GPUS[name]
    assert gpus.read(reports).state is state
    assert gpus.read(reports).words
