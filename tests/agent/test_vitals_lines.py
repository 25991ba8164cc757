"""What the watcher's lines mean; everything it asks for is a name of the real pynvml and of the fake library."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pynvml
import pytest

from pod_agent.pod import nvml
from pod_agent.pod.vitals import gpu_lines
from pod_agent.pod.vitals.sample import Gpu
from tests.story.seen import dice

SOURCE = Path(nvml.__file__).read_text()
FAKE = (Path(__file__).parents[1] / "fakes" / "nvml.c").read_text()
BINDING = Path(pynvml.__file__).read_text()


def asked():
    """Every name of pynvml that nvml.py uses."""
    named = {node.attr for node in ast.walk(ast.parse(SOURCE)) if isinstance(node, ast.Attribute)}
    return {name for name in named if name.lower().startswith("nvml")}


def test_everything_that_is_asked_for_is_in_the_real_binding():
    """Functions, constants and error classes."""
    assert len(asked()) > 25
    assert [name for name in sorted(asked()) if not hasattr(pynvml, name)] == []


def test_the_fake_library_has_every_function_that_the_binding_calls_for_us():
    """By the names under which the binding looks them up."""
    wanted = set()
    for name in asked():
        body = re.search(rf"^def {name}\(.*?(?=^def |\Z)", BINDING, re.MULTILINE | re.DOTALL)
        wanted |= set(re.findall(r'_nvmlGetFunctionPointer\("(\w+)"\)', body[0])) if body else set()
    assert len(wanted) > 20
    assert [name for name in sorted(wanted) if not re.search(rf"^int {name}\(", FAKE, re.MULTILINE)] == []


def test_the_return_codes_are_nvmls_own():
    """Ours are numbers, as they are part of its ABI; the binding's classes have the same."""
    pairs = {
        "UNINITIALIZED": nvml.UNINITIALIZED,
        "NOT_SUPPORTED": nvml.NOT_SUPPORTED,
        "NOT_FOUND": nvml.NOT_FOUND,
        "FUNCTION_NOT_FOUND": nvml.FUNCTION_NOT_FOUND,
        "GPU_IS_LOST": nvml.LOST,
        "RESET_REQUIRED": nvml.RESET_REQUIRED,
    }
    assert {name: getattr(pynvml, f"NVML_ERROR_{name}") for name in pairs} == pairs


def test_slowdowns_are_nvmls_bits():
    """By name; an idle GPU and clocks that the user has set are none."""
    assert gpu_lines.slowdowns(None) is None
    assert gpu_lines.slowdowns(pynvml.nvmlClocksThrottleReasonGpuIdle) == ()
    assert gpu_lines.slowdowns(pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting) == ()
    both = pynvml.nvmlClocksThrottleReasonSwPowerCap | pynvml.nvmlClocksThrottleReasonHwThermalSlowdown
    assert gpu_lines.slowdowns(both) == ("power_cap", "hardware_thermal")
    assert gpu_lines.slowdowns(1 << 40) == ()


@pytest.mark.parametrize(
    "line",
    [b"", b"no json", b"[]", b"3", b'"fault"', b"\xff\xfe", b"null"],
)
def test_a_line_that_is_no_object_is_a_fault(line):
    """And no exception."""
    assert gpu_lines.read(line).fault == "other"


def test_figures_of_a_wrong_type_are_not_available():
    """A newer watcher may say what this one does not know."""
    told = {"gpus": [{"index": "x", "use": [1], "memory": "many", "celsius": True, "processes": [1]}, 3]}
    line = gpu_lines.read(json.dumps(told | {"at": "noon"}).encode())
    assert (line.gpus, line.asked_at) == ((Gpu(0),), 0.0)


def test_no_torn_or_random_line_raises():
    """Any bytes, and any piece of a good line."""
    random = dice("lines")
    good = json.dumps(
        {
            "at": 7.5,
            "xids_at": 8.5,
            "gpus": [{"index": 0, "use": [1, 2], "rows": [0, 0, 1, 0]}],
            "heard": [0],
            "xids": [[0, 79]],
        }
    )
    for _ in range(500):
        cut = good.encode()[: random.randrange(len(good) + 1)]
        spoilt = bytearray(cut)
        for _ in range(random.randrange(4)):
            if spoilt:
                spoilt[random.randrange(len(spoilt))] = random.randrange(256)
        gpu_lines.read(bytes(spoilt))
    line = gpu_lines.read(good.encode())
    assert (line.xids, line.asked_at, line.xids_at) == (((0, 79),), 7.5, 8.5)


WHOLE = {
    "index": 3,
    "name": "NVIDIA Fake",
    "uuid": "MIG-1",
    "celsius": 61,
    "rows": [0, 0, 1, 0],
    "memory": [8, 5],
    "use": [97, 41],
    "milliwatts": 648210,
    "sm_mhz": 1755,
    "slowdowns": 4,
}
CHANGES = ("memory", "use", "milliwatts")


def said(*gpus, before=()):
    return gpu_lines.read(json.dumps({"gpus": gpus, "heard": [3]}).encode(), before).gpus


def test_a_line_of_changes_is_a_whole_one_over_the_last():
    """Whatever is said or left out, a GPU is as if all of it had been said again; its slices keep their numbers."""
    first = said(WHOLE, WHOLE | {"uuid": "MIG-2"})
    changed = {"memory": [8, 6], "use": [3, 1], "milliwatts": 90000}
    for names in (CHANGES, CHANGES[:2], ()):
        change = {name: changed[name] for name in names}
        rest = {name: value for name, value in WHOLE.items() if name not in CHANGES}
        assert said(change, change, before=first) == said(rest | change, rest | change | {"uuid": "MIG-2"})


def test_a_gpu_that_comes_back_has_no_fault():
    """Lost at one line, and at the next one not; beside another that only changes."""
    well = said(WHOLE, WHOLE)
    lost = said(
        {"use": [1, 1]}, {"index": 3, "name": "NVIDIA Fake", "fault": "lost", "words": "gone"}, before=well
    )
    assert [gpu.fault for gpu in lost] == [None, "lost"]
    assert lost[1].utilization is None
    back = said({"use": [1, 1]}, {"use": [2, 2]}, before=lost)
    assert [(gpu.fault, gpu.words, gpu.utilization) for gpu in back] == [(None, "", 0.01), (None, "", 0.02)]


def test_changes_of_nothing_known_are_no_exception():
    """More GPUs than there were, or fewer."""
    first = said(WHOLE)
    assert [gpu.utilization for gpu in said({"use": [1, 1]}, {"use": [2, 2]}, before=first)] == [0.01, 0.02]
    assert said(before=first) == ()
    assert said({"use": [1, 1]})[0].utilization == 0.01
