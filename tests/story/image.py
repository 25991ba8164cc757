"""A stand-in for the image's Python: an environment that has the tests' own packages, as links, and none of ours.

A job's environment is made on top of it by a real install, as on a pod whose image has torch.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

LEFT_OUT = ("podkeep", "__editable__", "_editable", "pod_")
PROGRAMS = {
    "torchrun": "torch.distributed.run",
    "papermill": "papermill",
    "pip": "pip",
}


def make(place: Path) -> Path:
    """The folder of its programs, to stand first on a PATH."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and not path.name.startswith((*LEFT_OUT, "__pycache__")):
            (packages / path.name).symlink_to(path)
    for name, module in PROGRAMS.items():
        program = place / "bin" / name
        program.write_text(
            f"#!{place}/bin/python3\nimport runpy, sys\nsys.argv[0] = {name!r}\n"
            f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
        )
        program.chmod(0o755)
    (place / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return place / "bin"
