"""The same with the real torch on the CPU: its own errors, its loader's workers, its launchers and their ranks."""

from __future__ import annotations

import importlib.util

import pytest

from tests.agent.failures.place import fail
from tests.agent.failures.test_programs import assert_found
from tests.agent.failures.torch_cases import TORCH

pytestmark = [
    pytest.mark.torch,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("accelerate") is None, reason="torch is not installed"),
]


@pytest.mark.parametrize("name", TORCH)
def test_a_failed_training_is_understood(name, tmp_path):
    """Class, reason, remedy and retry of a training that really failed are those of the table."""
    case = TORCH[name]
    evidence = fail(case.command, tmp_path, case.place, within_s=240, OMP_NUM_THREADS="1")
    assert_found(case, evidence)
