"""A driver's library that says what a test wants, compiled from nvml.c: NVIDIA's own Python binding loads it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("nvml.c")
LIBRARY, CUDA = "libnvidia-ml.so.1", "libcuda.so.1"
GPU = "gpu 0 85899345920 4194304 0"  # 80 GiB, nothing of it taken


def compile_in(folder):
    """The library; its facts are read from beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    argv = [
        "gcc",
        "-shared",
        "-fPIC",
        "-O0",
        "-Wall",
        "-Werror",
        "-o",
        str(folder / LIBRARY),
        str(SOURCE),
        "-ldl",
    ]
    subprocess.run(argv, check=True)
    return folder / LIBRARY


class FakeDriver:
    """One machine's driver. ``environment`` lets whoever looks find it."""

    def __init__(self, library, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in (LIBRARY, CUDA):
            shutil.copy(library, folder / name)
        self.folder = folder
        self.environment = {"LD_LIBRARY_PATH": str(folder)}
        self.say()

    def looks(self):
        """How often somebody has asked it."""
        place = self.folder / "looks"
        return place.stat().st_size if place.exists() else 0

    def say(self, *lines):
        """From now on these are its facts."""
        draft = self.folder / "facts.new"
        draft.write_text("".join(f"{line}\n" for line in lines))
        draft.replace(self.folder / "facts")
