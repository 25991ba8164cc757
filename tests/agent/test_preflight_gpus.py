"""GPUs before a training: what NVIDIA's own binding says of a driver's library, and what is made of it."""

from __future__ import annotations

import sys

import pytest

from pod_agent.pod.preflight import gpu_look, gpus
from pod_agent.pod.preflight.gpus import Gpu, Gpus
from pod_agent.pod.preflight.verdict import Level
from tests.fakes import nvml

GIB = 1 << 30


def look(driver, **more):
    return gpu_look.look(driver.environment, **more)


def test_the_driver_tells_what_there_is(driver):
    """Driver, CUDA, names, memory and its users come through NVIDIA's binding by the library's ABI."""
    driver.say("driver 570.86.15", "cuda 12080", nvml.GPU, f"gpu 0 {80 * GIB} {3 * GIB} 2")
    told = look(driver)
    assert (told.driver, told.cuda, told.fault) == ("570.86.15", (12, 8), None)
    assert told.found[0] == Gpu(0, "NVIDIA Fake", 80 * GIB, 4 << 20, 0)
    assert (told.found[1].taken_bytes, told.found[1].processes) == (3 * GIB, 2)
    assert gpus.judge_count(told, 2).level is Level.FINE


def test_an_older_driver_tells_its_memory_too(driver):
    """A library without the newer question about memory is asked the older one."""
    driver.say("old 1", f"gpu 0 {80 * GIB} {3 * GIB} 0")
    (gpu,) = look(driver).found
    assert (gpu.total_bytes, gpu.taken_bytes, gpu.fault) == (80 * GIB, 3 * GIB, None)


@pytest.mark.parametrize(
    ("facts", "promised", "reason"),
    [
        (["init 9"], 1, "this pod has 0 of its 1 GPUs: NVIDIA's driver is not loaded on this host"),
        (["init 18"], 1, "0 of its 1 GPUs: NVIDIA's driver and its library are of different versions"),
        (["init 999"], 1, "0 of its 1 GPUs: Unknown Error"),
        ([], 1, "this pod has 0 of its 1 GPUs"),
        ([nvml.GPU], 2, "this pod has 1 of its 2 GPUs"),
        ([nvml.GPU, "gpu 15 0 0 0"], 2, "1 of its 2 GPUs: GPU 1 has fallen off the bus"),
        (["gpu 15 0 0 0"], 1, "0 of its 1 GPUs: GPU 0 has fallen off the bus"),
        (["crash 1"], 1, "the driver's library ended whoever asked it"),
    ],
)
def test_fewer_gpus_than_promised_are_a_failure(driver, facts, promised, reason):
    """Whatever is wrong with driver or GPUs, the reason says it and the remedy names another pod."""
    driver.say(*facts)
    found = gpus.judge_count(look(driver), promised)
    assert found.level is Level.FAILURE
    assert reason in found.reason
    assert "pod-client up --new-pod" in found.remedy


def test_a_machine_without_a_driver_is_a_fact(tmp_path):
    """Where no library is to be found the binding says so, and nothing crashes."""
    told = gpu_look.look({"LD_LIBRARY_PATH": str(tmp_path)})
    if told.fault is None:
        assert told.found  # this machine has one of its own
    else:
        assert told.fault in {"no_library", "no_driver"}
        assert "0 of its 1 GPUs" in gpus.judge_count(told, 1).reason


def test_a_driver_that_hangs_is_given_up(driver):
    """A library that never answers costs the time limit, and is a failure that says so."""
    driver.say("hang 1")
    told = look(driver, limit_s=0.5)
    assert told.fault == gpus.SILENT
    assert "does not answer" in gpus.judge_count(told, 1).reason


def test_a_program_that_cannot_be_started_is_a_fact(driver, tmp_path):
    """A Python that is not there, or that lacks the binding, ends in words."""
    assert "could not be asked" in look(driver, python=str(tmp_path / "none")).words
    bare = tmp_path / "bare"
    bare.write_text(f"#!/bin/sh\nshift 2\nexec {sys.executable} -I -S {gpu_look.PROGRAM}\n")
    bare.chmod(0o755)
    told = look(driver, python=str(bare))
    assert told.fault == gpus.NO_BINDING
    assert gpus.judge_count(told, 1).level is Level.WARNING


@pytest.mark.parametrize(
    "output", [b"", b"[1]", b"\xff\xfe", b'{"gpus": [1, {"index": "a", "total": []}], "cuda": "x"}']
)
def test_nonsense_from_the_library_is_no_crash(output):
    """Torn, odd or wrongly typed answers are read as far as they make sense."""
    assert len(gpu_look.read(output).usable) <= 1


@pytest.mark.parametrize("promised", [None, 0])
def test_who_was_promised_no_gpu_gets_no_check(promised):
    """Outside RunPod and on a CPU pod nobody counts GPUs."""
    assert gpus.judge_count(Gpus(fault="no_library"), promised).level is Level.FINE


def test_more_gpus_than_promised_are_fine():
    """A host that shows one too many harms nobody."""
    assert gpus.judge_count(gpus.pretended(2), 1).level is Level.FINE


@pytest.mark.parametrize(
    ("has_type", "is_cuda", "level"),
    [
        (True, False, Level.FAILURE),
        (False, True, Level.FINE),
        (None, True, Level.WARNING),
        (None, False, Level.FINE),
    ],
)
def test_a_count_of_zero_means_two_things(has_type, is_cuda, level):
    """A CPU pod has none; a GPU pod whose record names a type came back without. A refused read leaves a doubt."""
    assert gpus.judge_unpromised(has_gpu_type=has_type, is_cuda_image=is_cuda).level is level


@pytest.mark.parametrize(
    ("taken", "total", "level"),
    [
        (600 << 20, 80 * GIB, Level.FINE),
        (None, None, Level.FINE),
        (4 * GIB, 80 * GIB, Level.WARNING),
        (4 * GIB, None, Level.WARNING),
        (60 * GIB, 80 * GIB, Level.FAILURE),
    ],
)
def test_memory_that_others_hold(taken, total, level):
    """A driver's own few hundred megabytes are nothing; some gigabytes are a warning; most of it is a failure."""
    told = Gpus((Gpu(0, total_bytes=total, taken_bytes=taken, processes=1),))
    found = gpus.judge_memory(told)
    assert found.level is level
    assert gpus.is_taken(told) is (level is not Level.FINE)
    if level is Level.FAILURE:
        assert "64.4 GB of 85.9 GB of GPU 0 were taken, by 1 process" in found.reason
