"""An inspection of the pod and what becomes of it for the job: all at once, nothing waited for too long."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import pytest

from pod_agent.pod.preflight import gpus
from pod_agent.pod.preflight.gpus import Gpu, Gpus
from pod_agent.pod.preflight.inspection import Inspection
from pod_agent.pod.preflight.place import Load, Place
from pod_agent.pod.preflight.room import Room
from pod_agent.pod.preflight.verdict import FINE, Level, failed, warnings
from tests.fakes.clock import FakeClock

GIB = 1 << 30
PLENTY = Room(1 << 50, 1 << 50)


def gpu(taken, index=0):
    return Gpu(index, "NVIDIA Fake", 80 * GIB, taken)


def place(folder, **more):
    return Place(
        workspace=folder,
        disk=folder / "disk",
        runpod_url="http://127.0.0.1:1/v2",
        compatibility=folder / "none",
        **more,
    )


def inspect(folder, told=None, load=None, **more):
    """The findings on a machine whose driver tells one thing after another, and whose disks have room."""
    asked = iter(told or [])
    inspection = Inspection(
        place(folder, **more),
        FakeClock(),
        look_at_gpus=lambda _: next(asked),
        look_at_room=lambda _: PLENTY,
    )
    return [one for one in inspection.of_machine(load or Load("hash")) if one.reason]


def test_a_good_machine_has_no_findings(tmp_path):
    """GPUs as promised, room, nothing taken: nothing is said."""
    assert inspect(tmp_path, [Gpus((gpu(0), gpu(0, 1)), cuda=(12, 8))], promised=2) == []


def test_memory_gets_some_seconds_to_come_free(tmp_path):
    """What the container before still holds after a restart is waited for, and then nothing is said."""
    told = [Gpus((gpu(70 * GIB),)), Gpus((gpu(70 * GIB),)), Gpus((gpu(0),))]
    assert inspect(tmp_path, told, promised=1) == []


def test_memory_that_stays_taken_is_told(tmp_path):
    """Most of it is a failure, and how much is said."""
    (found,) = inspect(tmp_path, [Gpus((gpu(70 * GIB),))] * 11, promised=1)
    assert found.level is Level.FAILURE
    assert "75.2 GB of 85.9 GB of GPU 0" in found.reason


def test_what_is_wrong_is_told_together(tmp_path):
    """Too few GPUs and an image too new are two reasons of one failure."""
    environment = {"CUDA_VERSION": "13.0.1"}
    found = inspect(tmp_path, [Gpus((gpu(0),), cuda=(12, 4))], promised=2, environment=environment)
    assert "1 of its 2 GPUs" in failed(found).reason
    assert "CUDA 13.0" in failed(found).reason


def test_a_driver_that_raises_is_a_silent_one(tmp_path):
    """Whatever fails in the looking is no GPU."""

    def broken(_):
        raise OSError(24, "Too many open files")

    inspection = Inspection(place(tmp_path, promised=1), FakeClock(), look_at_gpus=broken)
    assert gpus.WORDS[gpus.SILENT] in failed(inspection.of_machine(Load("hash"))).reason


def test_a_workspace_that_hangs_is_not_waited_for(tmp_path):
    """The look at a dead mount is left behind after its time; the rest is judged, and the job may begin."""
    gate = threading.Event()

    def hang(path):
        if path == tmp_path:
            gate.wait(60)
        return PLENTY

    inspection = Inspection(place(tmp_path, is_pod=True), FakeClock(), look_at_room=hang, limit_s=0.1)
    found = inspection.of_machine(Load("hash", is_ephemeral=True))
    gate.set()
    assert failed(found) is None
    assert any("the workspace does not answer" in text for text in warnings(found))


@pytest.mark.parametrize(
    ("pod", "level"),
    [
        (SimpleNamespace(gpu_id="NVIDIA L4"), Level.FAILURE),
        (SimpleNamespace(gpu_id=None), Level.FINE),
        (None, Level.FINE),
    ],
)
def test_a_pod_with_a_count_of_zero_asks_who_it_is(tmp_path, pod, level):
    """RunPod's own record tells a CPU pod from one that lost its GPU; refused, it stays unknown."""
    inspection = Inspection(place(tmp_path, promised=0), FakeClock(), own_pod=lambda: pod)
    found = failed(inspection.of_machine(Load("hash"))) or FINE
    assert found.level is level


def test_a_simulated_pod_has_what_it_pretends(tmp_path):
    """No driver of this machine is asked for it, and the machine's own disks are not judged."""
    simulated = Inspection(place(tmp_path, promised=1, pretended_gpus=1), FakeClock())
    assert failed(simulated.of_machine(Load("hash"))) is None
    without = Inspection(place(tmp_path, promised=1, pretended_gpus=0), FakeClock())
    assert "0 of its 1 GPUs" in failed(without.of_machine(Load("hash"))).reason


def no_such_name(host):
    if host != "127.0.0.1":
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize(("is_here", "level"), [(False, Level.FAILURE), (True, Level.WARNING)])
def test_names_are_worth_a_job_only_until_the_code_is_here(tmp_path, is_here, level):
    """The same name that ends a job before its code has come is a warning afterwards."""
    inspection = Inspection(place(tmp_path, is_pod=True), FakeClock(), resolve=no_such_name)
    load = Load("hash", "https://git.example.org/me/it", must_fetch=True)
    levels = [one.level for one in inspection.of_names(load, lambda: is_here)]
    assert levels == [level, Level.FINE]
