"""The real driver of a machine with GPUs, asked as before a training; beside it nvidia-smi, which asks the same.

``pytest -m gpu`` runs it; everywhere else it is deselected. Not here: sick drivers (test_preflight_gpus.py).
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pod_agent.pod.preflight import gpu_look, gpus
from pod_agent.pod.preflight.verdict import Level
from tests.image.fixtures import AS_STARTED

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="needs an NVIDIA GPU and nvidia-smi"),
]
MIB = 1 << 20
FIELDS = "index,name,memory.total,driver_version,mig.mode.current"


def listed() -> list[list[str]]:
    """A row for each GPU."""
    argv = ["nvidia-smi", f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits"]
    said = subprocess.run(
        argv, capture_output=True, text=True, check=True, timeout=120, env=AS_STARTED
    ).stdout
    return [[cell.strip() for cell in line.split(",")] for line in said.splitlines()]


def test_the_driver_tells_what_nvidia_smi_tells():
    """The same driver, and the same GPUs with the same memory."""
    told, rows = gpu_look.look(AS_STARTED), listed()
    assert told.fault is None, told.words
    assert rows
    assert {told.driver} == {row[3] for row in rows}
    assert told.cuda is not None
    assert told.cuda >= (11, 0)
    whole = [row for row in rows if row[4] != "Enabled"]  # one that is cut into slices counts by its slices
    found = {gpu.index: gpu for gpu in told.usable}
    for index, name, total_mib, *_ in whole:
        gpu = found[int(index)]
        assert gpu.name == name
        assert abs((gpu.total_bytes or 0) - int(total_mib) * MIB) < MIB
        assert 0 <= (gpu.taken_bytes or 0) < (gpu.total_bytes or 0)


def test_as_many_as_are_there_are_enough_and_one_more_is_not():
    """CUDA begins on them; a pod that is billed for one more than there are would be told so."""
    told = gpu_look.look(AS_STARTED)
    there = len(told.usable)
    assert there >= 1
    assert told.cuda_error == 0
    assert gpus.judge_cuda(told).level is Level.FINE
    assert gpus.judge_count(told, there).level is Level.FINE
    missing = gpus.judge_count(told, there + 1)
    assert missing.level is Level.FAILURE
    assert f"this pod has {there} of its {there + 1} GPUs" in missing.reason


def test_what_is_hidden_from_the_job_is_there_all_the_same():
    """CUDA_VISIBLE_DEVICES hides GPUs from a training, and hides none from who counts what the pod is billed for."""
    hidden = gpu_look.look({**AS_STARTED, "CUDA_VISIBLE_DEVICES": ""})
    assert len(hidden.usable) == len(gpu_look.look(AS_STARTED).usable) >= 1
