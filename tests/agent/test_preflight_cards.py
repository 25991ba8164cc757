"""GPUs of other kinds and states than usual: no good pod is refused for them, and no job gets the CPU unasked."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from pod_agent.pod.preflight import gpu_look, gpus
from pod_agent.pod.preflight.gpus import Gpu, Gpus
from pod_agent.pod.preflight.inspection import Inspection
from pod_agent.pod.preflight.place import Load, Place
from pod_agent.pod.preflight.room import Room
from pod_agent.pod.preflight.verdict import Level, failed, warnings
from tests.fakes import nvml
from tests.fakes.clock import FakeClock

GIB = 1 << 30
FULL = f"gpu 0 {80 * GIB} {79 * GIB} 9"  # others' slices too
ONE = Gpus((Gpu(0, "NVIDIA Fake", 80 * GIB, 0),))


def place(folder, **more):
    return Place(folder, folder / "disk", "http://127.0.0.1:1/v2", compatibility=folder / "none", **more)


def inspect(here, told=ONE, **more):
    """The findings of a machine with plenty of room."""
    inspection = Inspection(
        here,
        FakeClock(),
        look_at_gpus=lambda _: told,
        look_at_room=lambda _: Room(1 << 50, 1 << 50),
        **more,
    )
    return inspection.of_machine(Load("hash", is_ephemeral=True))


def test_slices_of_a_gpu_count_each_and_are_judged_by_their_own_memory(driver):
    """Two slices of one GPU are the two that the pod is billed for; what others' slices hold is no matter."""
    driver.say(FULL, "mig 0", f"slice {20 * GIB} {1 << 20} 0", f"slice {20 * GIB} {15 * GIB} 1")
    told = gpu_look.look(driver.environment)
    assert [gpu.total_bytes for gpu in told.found] == [20 * GIB, 20 * GIB]
    assert gpus.judge_count(told, 2).level is Level.FINE
    assert "16.1 GB of 21.5 GB" in gpus.judge_memory(told).reason


def test_slices_that_cannot_be_told_are_one_gpu_without_memory(driver):
    """Who may not ask for them is not refused for what the others hold."""
    driver.say(FULL, "mig 4")
    told = gpu_look.look(driver.environment)
    assert gpus.judge_count(told, 1).level is Level.FINE
    assert gpus.judge_memory(told).level is Level.FINE


def test_a_gpu_in_slices_none_of_which_is_ours_is_no_gpu(driver):
    """CUDA would find nothing on it."""
    driver.say(FULL, "mig 0")
    found = gpus.judge_count(gpu_look.look(driver.environment), 1)
    assert found.level is Level.FAILURE
    assert "0 of its 1 GPUs: GPU 0 is cut into slices (MIG), and none of them" in found.reason


@pytest.mark.parametrize(
    ("facts", "level", "words"),
    [
        ([], Level.FINE, ""),
        (["cuinit 100"], Level.FAILURE, "it finds no device"),
        (["cuinit 802"], Level.FAILURE, "fabric manager"),
        (["cuinit 803"], Level.FAILURE, "different versions"),
        (["cuinit 804"], Level.FAILURE, "compatibility package"),
        (["cuinit 999"], Level.FAILURE, "cuInit fails with error 999"),
        (["cucrash 1"], Level.WARNING, "ended whoever began it"),
    ],
)
def test_a_gpu_on_which_cuda_does_not_begin_is_of_no_use(driver, facts, level, words):
    """The driver lists it, and torch would train on the CPU without a word."""
    driver.say(nvml.GPU, *facts)
    told = gpu_look.look(driver.environment)
    assert gpus.judge_count(told, 1).level is Level.FINE
    found = gpus.judge_cuda(told)
    assert (found.level, words in found.reason) == (level, True)
    assert bool(found.remedy) is bool(words)


def test_a_pod_without_cudas_library_is_told_what_to_allow(driver):
    """A container that may only look at its GPUs has no libcuda."""
    (driver.folder / nvml.CUDA).write_text("no library")
    found = gpus.judge_cuda(gpu_look.look(driver.environment))
    assert found.level is Level.FINE  # there is no GPU at all: that is told already
    driver.say(nvml.GPU)
    found = gpus.judge_cuda(gpu_look.look(driver.environment))
    assert found.level is Level.FAILURE
    assert "NVIDIA_DRIVER_CAPABILITIES" in found.remedy


def test_cuda_that_hangs_is_a_doubt(driver):
    """A host with many cold GPUs takes its time: what the driver told stands, and the training may begin."""
    driver.say(nvml.GPU, "cuhang 1")
    told = gpu_look.look(driver.environment, limit_s=5)
    assert len(told.usable) == 1
    assert gpus.judge_cuda(told).level is Level.WARNING


def test_cuda_is_begun_once_in_a_boot(driver):
    """A container that comes back asks the driver, and begins nothing."""
    driver.say(nvml.GPU, "cuinit 999")
    assert gpu_look.look(driver.environment, begins_cuda=False).cuda_error is None


def test_what_the_job_is_shown_of_the_gpus_changes_no_count(driver):
    """CUDA_VISIBLE_DEVICES is the job's affair: the GPUs are there."""
    driver.say(nvml.GPU)
    told = gpu_look.look({**driver.environment, "CUDA_VISIBLE_DEVICES": ""})
    assert (len(told.usable), told.cuda_error) == (1, 0)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (None, Level.FINE),
        ("0", Level.FINE),
        ("1,0", Level.FINE),
        ("GPU-8932f937,7", Level.FINE),
        ("MIG-1", Level.FINE),
        ("", Level.WARNING),
        ("-1", Level.WARNING),
        ("2,0", Level.WARNING),
        ("all", Level.WARNING),
        ("9" * 5000, Level.WARNING),
    ],
)
def test_a_setting_that_hides_every_gpu_is_told(value, level):
    """CUDA reads it up to the first entry that names no GPU."""
    assert gpus.judge_visible(value, 2).level is level
    assert gpus.judge_visible(value, 0).level is Level.FINE


def test_the_job_is_told_of_it(tmp_path):
    """It is a warning of the inspection, not its end: somebody may mean it."""
    found = inspect(place(tmp_path, promised=1, environment={"CUDA_VISIBLE_DEVICES": "-1"}))
    assert failed(found) is None
    assert any("CUDA_VISIBLE_DEVICES hides every GPU" in text for text in warnings(found))


@pytest.mark.parametrize(("cards", "promised", "is_refused"), [(2, 2, False), (8, 1, False), (1, 2, True)])
def test_amds_gpus_are_counted_by_their_devices(tmp_path, cards, promised, is_refused):
    """NVIDIA's driver is not to be expected there."""
    (tmp_path / "dev" / "dri").mkdir(parents=True)
    (tmp_path / "dev" / "kfd").touch()
    for number in range(cards):
        (tmp_path / "dev" / "dri" / f"renderD{128 + number}").touch()
    (tmp_path / "dev" / "dri" / "card0").touch()
    told = gpu_look.of_amd(tmp_path / "dev")
    assert (gpus.judge_count(told, promised).level is Level.FAILURE) is is_refused


def test_a_machine_without_amds_devices_has_none(tmp_path):
    """A render node alone is any graphics card."""
    assert gpu_look.of_amd(tmp_path) is None
    (tmp_path / "dri").mkdir()
    (tmp_path / "dri" / "renderD128").touch()
    assert gpu_look.of_amd(tmp_path) is None
    (tmp_path / "kfd").touch()
    assert len(gpu_look.of_amd(tmp_path).found) == 1


@pytest.mark.parametrize(
    ("record", "told", "is_refused"),
    [
        (SimpleNamespace(gpu_id="NVIDIA L4"), ONE, False),
        (SimpleNamespace(gpu_id="NVIDIA L4"), Gpus(fault="no_library"), True),
        (SimpleNamespace(gpu_id="NVIDIA L4"), Gpus(fault=gpus.NO_BINDING), False),
        (SimpleNamespace(gpu_id=None), Gpus(fault="no_library"), False),
        (None, Gpus(fault="no_library"), False),
    ],
)
def test_a_pod_that_is_told_no_count_is_what_its_record_says(tmp_path, record, told, is_refused):
    """RUNPOD_GPU_COUNT is missing: a CPU pod is let be, and a GPU pod without a GPU is not."""
    found = inspect(place(tmp_path, is_pod=True), told, own_pod=lambda: record)
    assert (failed(found) is not None) is is_refused


def test_a_workspace_that_is_not_there_is_told_as_such(tmp_path):
    """Not as one that hangs; and it is no mount, so that nothing would outlive the pod."""
    missing = tmp_path / "missing"
    inspection = Inspection(place(missing, is_pod=True), FakeClock())
    found = inspection.of_machine(Load("hash"))
    assert any("cannot be looked at: [Errno 2]" in text for text in warnings(found))
    assert "no mounted volume" in failed(found).reason


def test_one_that_hangs_for_the_room_is_not_waited_for_again(tmp_path):
    """One limit for both looks."""
    gate = threading.Event()
    inspection = Inspection(
        place(tmp_path, is_pod=True), FakeClock(), look_at_room=lambda _: gate.wait(60), limit_s=0.1
    )
    found = inspection.of_machine(Load("hash"))
    gate.set()
    assert any("the workspace does not answer" in text for text in warnings(found))
