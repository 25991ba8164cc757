"""What else lies on the pod's own disk when its job is over: what no job gave up outlives the pod."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from pod_agent.pod.preflight.mount import Mount
from pod_agent.run.state import Ending
from pod_wire.job import ExitPolicy
from pod_wire.status import Outcome
from tests.agent.parting_place import FAILED, SPEC, Place


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path)
    made.clock.advance(1000.0)
    return made


GIVEN_UP = replace(
    FAILED,
    spec=replace(SPEC, hold_minutes=0.0, on_finish=ExitPolicy.TERMINATE),
    ending=Ending(Outcome.SUCCEEDED),
)


def test_a_disk_with_nothing_but_the_job_s_own_goes(place):
    """POD_EPHEMERAL=1 gives up what the job made in its folder, and nothing else is there."""
    place.mounted = lambda _: Mount(str(place.workspace), "ext4")
    (place.workspace / "digits").mkdir()
    (place.workspace / "digits" / "out.bin").write_bytes(b"x")
    leave = place.partings().of(GIVEN_UP).leave
    assert (leave.policy, leave.because) == (ExitPolicy.TERMINATE, "")


def test_a_disk_with_a_persons_file_outlives_its_pod(place):
    """No order of a job gives up what it has not made: stop instead, and its name is said."""
    place.mounted = lambda _: Mount(str(place.workspace), "ext4")
    (place.workspace / "notes.txt").write_text("mine")
    leave = place.partings().of(GIVEN_UP).leave
    said = "only this pod is known to have 1 file that no job made ('notes.txt')"
    assert (leave.policy, leave.because) == (ExitPolicy.STOP, f"not terminated, as {said}")
    assert said.encode() in place.log


def test_a_plain_stop_looks_at_nothing(place):
    """The disk outlives it; nobody waits for a look."""
    place.mounted = lambda _: Mount("/no/such/place", "ext4")
    job = replace(GIVEN_UP, spec=replace(SPEC, hold_minutes=0.0, on_finish=ExitPolicy.STOP))
    leave = place.partings().of(job).leave
    assert (leave.policy, leave.because) == (ExitPolicy.STOP, "")


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_a_disk_that_cannot_be_looked_at_is_not_proved_empty(place, trouble):
    """Not known is not nothing: stop instead of terminate, also where the job gave up its own; soon enough."""
    asked = threading.Event()

    def mounted(_):
        if trouble == "fails":
            return Mount("/no/such/place", "ext4")
        asked.wait(60.0)
        return None

    place.mounted = mounted
    try:
        leave = place.partings().of(GIVEN_UP).leave
    finally:
        asked.set()
    assert leave.policy is ExitPolicy.STOP
    assert "could not be looked at" in leave.because
