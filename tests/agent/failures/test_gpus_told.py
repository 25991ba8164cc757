"""A failed attempt whose GPU fell ill is the driver's failure: what the driver told while it ran is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.outputs.log import JobLog
from pod_agent.outputs.masked import MaskedLog
from pod_agent.pod.vitals.sample import Container, Gpu, GpuReport, Gpus, Sample
from pod_agent.run.attempt_plan import Ended
from pod_agent.run.failures.classify import classify
from pod_agent.run.failures.evidence import Evidence
from pod_agent.run.failures.examiner import Examiner
from pod_agent.run.failures.failure import Again, Kind
from pod_wire.masker import Masker
from tests.agent.failures.test_retries import TRIES
from tests.fakes.clock import FakeClock

WELL = Gpu(0, xids=())


def seen(at: float, *gpus: Gpu, asked_at: float | None = None) -> Sample:
    report = GpuReport(Gpus.SEEN, gpus, asked_at=at if asked_at is None else asked_at)
    return Sample(0.0, at, report, Container())


def fell(code: int, at: float) -> Gpu:
    return Gpu(1, xids=((code, 1),), xids_at=((code, at),))


class Vitals:
    """Each time it is asked it has looked again; the last look stands."""

    def __init__(self, looks):
        self._left = list(looks)

    @property
    def recent(self):
        return (self._left.pop(0) if len(self._left) > 1 else self._left[0],)


def why(folder, looks, *, exit_code=1, lived_s=100.0):
    """What an attempt of so long failed of, where one look at the machine after another is as ``looks`` says."""
    clock = FakeClock()
    log = JobLog(folder)
    log.create()
    vitals = Vitals(looks) if looks else None
    ended = Ended(exit_code, None, "exited", cancelled=False, output_bytes=0, ended_at=clock.now())
    job = replace(TRIES, attempts=())
    began = clock.now() - lived_s
    found = Examiner(lambda _: MaskedLog(log, Masker([]), lambda: False), (), clock, lambda: vitals).examine(
        job, ended, None, began
    )
    return found, sum(clock.sleeps)


@pytest.mark.parametrize("code", [48, 63, 64, 74, 79, 94, 95])
def test_an_xid_while_it_ran_is_the_driver_s(tmp_path, code):
    """The class says so, the reason which GPU and what, and it is not tried again on this machine."""
    found, _ = why(tmp_path, [seen(1001.0, WELL, fell(code, 990.0))])
    assert (found.kind, found.again) == (Kind.DRIVER, Again.NEVER)
    assert f"GPU 1: Xid {code}" in found.reason
    assert "exit code 1" in found.reason


def test_a_lost_gpu_is_the_driver_s(tmp_path):
    """Also where no Xid was heard, as the agent listens only since it lives."""
    found, _ = why(tmp_path, [seen(1001.0, WELL, Gpu(1, fault="lost"))])
    assert found.kind is Kind.DRIVER
    assert "GPU 1 is lost" in found.reason


@pytest.mark.parametrize(
    "looks",
    [
        [],
        [seen(1001.0, WELL)],
        [seen(1001.0, fell(79, 800.0))],
        [seen(1001.0, fell(31, 990.0))],
        [Sample(0.0, 1001.0, GpuReport(Gpus.UNKNOWN), Container())],
    ],
    ids=["nobody looks", "well", "before it began", "its own mistake", "unknown"],
)
def test_what_says_nothing_against_a_gpu_changes_nothing(tmp_path, looks):
    """Unknown is not ill, an older Xid is another attempt's, and a bad address is the program's."""
    found, waited = why(tmp_path, looks)
    assert (found.kind, found.reason, waited) == (Kind.UNKNOWN, "exit code 1", 0)


def test_the_look_after_its_end_is_waited_for(tmp_path):
    """The driver is asked once a second: what it says of the last second counts."""
    looks = [seen(999.5, WELL), seen(999.5, WELL), seen(1000.5, WELL, fell(79, 1000.5))]
    found, waited = why(tmp_path, looks)
    assert found.kind is Kind.DRIVER
    assert 0 < waited < 1


def test_a_look_after_its_end_at_what_the_driver_said_before_it_is_not_enough(tmp_path):
    """Its answers are a tenth of a second old when they are looked at, and seconds where it is slow."""
    looks = [seen(1000.1, WELL, asked_at=999.9), seen(1001.1, Gpu(1, fault="lost"), asked_at=1000.9)]
    found, waited = why(tmp_path, looks)
    assert "GPU 1 is lost" in found.reason
    assert waited > 0


def test_a_driver_that_stops_answering_is_not_waited_for_long(tmp_path):
    """After seconds what it said last counts."""
    found, waited = why(tmp_path, [seen(999.5, WELL, fell(79, 990.0))])
    assert found.kind is Kind.DRIVER
    assert waited < 4


def test_what_the_log_is_sure_of_stands():
    """A full disk or a misspelled argument is none of the GPU's, whatever else befell it."""
    ill = ("GPU 0: Xid 63 (memory row replaced)",)
    assert classify(Evidence(1, reason="disk_full", gpus=ill)).kind is Kind.DISK_FULL
    said = b"ModuleNotFoundError: No module named 'cv2'\n"
    tail = b'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n' + said
    assert classify(Evidence(1, tail=tail, gpus=ill)).kind is Kind.IMPORT
