"""Runs ``nvml`` as a program within a time limit, and reads what it says.

A driver that hangs, crashes or is not there comes back as a fact. Not here: what the facts mean (``gpus``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.gpus import CUDA_CRASH, CUDA_SILENT, SILENT, Gpu, Gpus

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_S = 30.0  # eight GPUs without a resident driver take a dozen seconds to wake
PROGRAM = Path(__file__).parent.with_name("nvml.py")
KEPT = (
    "PATH",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NVIDIA_VISIBLE_DEVICES",
)  # what CUDA_VISIBLE_DEVICES hides is there


def look(
    environment: Mapping[str, str],
    limit_s: float = LIMIT_S,
    python: str = sys.executable,
    *,
    begins_cuda: bool = True,
) -> Gpus:
    """What the driver says now. ``environment``: where its library is found."""
    env = {name: environment[name] for name in KEPT if name in environment}
    try:
        done = subprocess.run(  # a program that hangs in the driver outlives its kill: it is left behind
            [python, "-I", str(PROGRAM), *(["cuda"] if begins_cuda else [])],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        if error.stdout:  # the driver answered, and CUDA does not
            return replace(read(error.stdout), cuda_error=CUDA_SILENT)
        return Gpus(fault=SILENT, words=f"no answer within {limit_s:g} s")
    except OSError as error:
        return Gpus(fault="other", words=f"the driver could not be asked: {error}")
    return read(done.stdout, done.returncode)


def read(output: bytes, code: int = 0) -> Gpus:
    """What the program said; no JSON from it is a fault as well."""
    facts, _, begun = output.partition(b"\n")
    told = _object(facts)
    if told is None:
        return Gpus(fault="other", words=f"the driver's library ended whoever asked it (exit code {code})")
    listed = told.get("gpus")
    cuda = _number(told.get("cuda"))
    return Gpus(
        found=tuple(_gpu(one) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else (),
        driver=_text(told.get("driver")),
        cuda=None if cuda is None else (cuda // 1000, cuda % 1000 // 10),
        fault=_text(told.get("fault")),
        words=_text(told.get("words")) or "",
        cuda_error=_begun(begun, code),
    )


def _begun(output: bytes, code: int) -> int | None:
    told = _object(output)
    if told is None:
        return CUDA_CRASH if code else None
    return _number(told.get("error"))


def of_amd(devices: Path) -> Gpus | None:
    """AMD's GPUs, which NVIDIA's driver knows nothing of: no more than counted. None where there are none."""
    try:
        count = sum(1 for _ in (devices / "dri").glob("renderD*")) if (devices / "kfd").exists() else 0
    except OSError:
        return None
    return Gpus(tuple(Gpu(index, "AMD") for index in range(count))) if count else None


def _object(text: bytes) -> dict[str, object] | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _gpu(told: Mapping[str, object]) -> Gpu:
    return Gpu(
        index=_number(told.get("index")) or 0,
        name=_text(told.get("name")) or "",
        total_bytes=_number(told.get("total")),
        taken_bytes=_number(told.get("taken")),
        processes=_number(told.get("processes")),
        fault=_text(told.get("fault")),
        words=_text(told.get("words")) or "",
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
