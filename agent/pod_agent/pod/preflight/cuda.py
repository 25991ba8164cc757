"""Does the driver know the CUDA that the image was built with? Pure.

From CUDA 11 on a program runs on any driver of its major version; across majors only NVIDIA's compatibility package
helps, and torch without a driver that it knows trains on the CPU without a word.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod.preflight.verdict import FINE, Finding, failure, warning

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_COMPATIBLE = 11
COMPATIBILITY = Path("/usr/local/cuda/compat")


def version(text: str | None) -> tuple[int, int] | None:
    """``12.8.1`` as (12, 8); None for what is no version."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})(\.|\Z)", (text or "").strip())
    return (int(found[1]), int(found[2])) if found else None


def has_compatibility(folder: Path) -> bool:
    """Whether the image brings NVIDIA's own newer libcuda."""
    try:
        return any(folder.glob("libcuda.so*"))
    except OSError:
        return False


def of_image(environment: Mapping[str, str]) -> tuple[int, int] | None:
    return version(environment.get("CUDA_VERSION"))


def judge(image: tuple[int, int] | None, driver: tuple[int, int] | None, *, compatible: bool) -> Finding:
    """The image's CUDA against the newest that the driver knows."""
    if image is None or driver is None or image <= driver:
        return FINE
    reason = f"the image is built for CUDA {_text(image)}, and this host's driver knows {_text(driver)}"
    host = f"take a host with CUDA {_text(image)} or newer, or an image for CUDA {_text(driver)}"
    if image[0] == driver[0] and image[0] >= FIRST_COMPATIBLE:
        return warning(reason, f"most programs run all the same; if a kernel is refused, {host}")
    if compatible:
        return warning(reason, "the image brings NVIDIA's compatibility package, for data-centre GPUs only")
    return failure(
        f"{reason}: nothing of it would find the GPU", f"{host}; CUDA_VERSION= (empty) skips this check"
    )


def _text(number: tuple[int, int]) -> str:
    return f"{number[0]}.{number[1]}"
