"""last_resort.sh where no Python is found, for tests: a pod's environment, a bare PATH, and the program alone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

KEY = "a-key-of-the-pod"
TOOLS = (
    "bash",
    "cat",
    "chmod",
    "date",
    "dirname",
    "grep",
    "mkdir",
    "mktemp",
    "readlink",
    "rm",
    "sed",
    "sleep",
    "timeout",
)


def pod(server, **more):
    return {
        "RUNPOD_POD_ID": "pod-a",
        "RUNPOD_API_KEY": KEY,
        "POD_RUNPOD_URL": f"{server.url}/v2",
        "POD_COMMAND": "python train.py",
        **more,
    }


def bare(folder, *more):
    """A PATH without any Python: the shell's own tools, and these programs, whose words are written down."""
    folder.mkdir()
    for name in TOOLS:
        (folder / name).symlink_to(shutil.which(name))
    for name in more:
        real = shutil.which(name) or "/bin/true"
        (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >> {folder}/words\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return str(folder)


class Shell:
    """last_resort.sh alone, where no Python is found."""

    def __init__(self, server, tmp_path, *programs, **more):
        (tmp_path / "tmp").mkdir()
        home = tmp_path / "home"
        home.mkdir()
        text = (Path(__file__).parents[2] / "last_resort.sh").read_text()
        (home / "last_resort.sh").write_text(
            text.replace("/usr/bin/python3", "").replace("/usr/local/bin/python3", "")
        )
        self.program = home / "last_resort.sh"
        self.env = {
            "PATH": bare(tmp_path / "path", *programs),
            "TMPDIR": str(tmp_path / "tmp"),
            "PODKEEP_DISK_DIR": str(tmp_path / "disk"),
            "PODKEEP_RUN_DIR": str(tmp_path / "run"),
            **pod(server, **more),
        }

    def __call__(self, *words):
        return subprocess.run(
            ["/bin/bash", str(self.program), *words],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
