"""Runs ``nvml`` as a program within a time limit, and reads what it says.

A driver that hangs, crashes or is not there comes back as a fact. Not here: what the facts mean (``gpus``).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.gpus import SILENT, Gpu, Gpus

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT_S = 30.0  # eight GPUs without a resident driver take a dozen seconds to wake
PROGRAM = Path(__file__).with_name("nvml.py")
KEPT = ("PATH", "LD_LIBRARY_PATH", "LD_PRELOAD", "NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")


def look(environment: Mapping[str, str], limit_s: float = LIMIT_S, python: str = sys.executable) -> Gpus:
    """What the driver says now. ``environment``: where its library is found."""
    env = {name: environment[name] for name in KEPT if name in environment}
    try:
        done = subprocess.run(  # a program that hangs in the driver outlives its kill: it is left behind
            [python, "-I", str(PROGRAM)],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Gpus(fault=SILENT, words=f"no answer within {limit_s:g} s")
    except OSError as error:
        return Gpus(fault="other", words=f"the driver could not be asked: {error}")
    return read(done.stdout, done.returncode)


def read(output: bytes, code: int = 0) -> Gpus:
    """What the program said; no JSON from it is a fault as well."""
    try:
        told = json.loads(output)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return Gpus(fault="other", words=f"the driver's library ended whoever asked it (exit code {code})")
    listed = told.get("gpus")
    cuda = _number(told.get("cuda"))
    return Gpus(
        found=tuple(_gpu(one) for one in listed if isinstance(one, dict)) if isinstance(listed, list) else (),
        driver=_text(told.get("driver")),
        cuda=None if cuda is None else (cuda // 1000, cuda % 1000 // 10),
        fault=_text(told.get("fault")),
        words=_text(told.get("words")) or "",
    )


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
