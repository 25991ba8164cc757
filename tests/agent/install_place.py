"""A job's folder, an image whose Python is an environment with packages of its own, and an index on loopback.

Not a test: what the tests of installing share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from pod_agent.run.environment.install import Installed, install
from pod_agent.run.environment.recognise import recognise
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.fakes import package_files
from tests.fakes.package_index import PackageIndex

BASE = os.path.realpath(sys.executable)
TORCH = "2.6.0+cu124"  # the image's
PROGRAMS = ("git", "bash", "sh", "sed", "cat", "ls", "mkdir", "touch", "env")


def unpack(wheel: bytes, name: str, site: Path) -> None:
    """A wheel of ours put into a folder of packages, without pip."""
    path = site / f"{name}.whl"
    path.write_bytes(wheel)
    shutil.unpack_archive(path, site, "zip")
    path.unlink()


class InstallPlace:
    """``image``: a Python with pip and, unless told otherwise, torch 2.6.0+cu124 with its CUDA library."""

    def __init__(self, top: Path, index: PackageIndex, *, torch: str | None = TORCH) -> None:
        self.top = top
        self.index = index
        self.folder = top / "code"
        self.envs = top / "disk" / "envs"
        self.bins = top / "image" / "bin"
        self.log = b""
        self.folder.mkdir()
        words = [BASE, "-m", "venv", "--without-pip", str(top / "image")]
        subprocess.run(words, check=True, capture_output=True)
        (self.site,) = (top / "image").glob("lib/python*/site-packages")
        pip = Path(sysconfig.get_paths()["purelib"])
        for part in (pip / "pip", *pip.glob("pip-*.dist-info")):
            (self.site / part.name).symlink_to(part)
        for name in PROGRAMS:
            found = shutil.which(name)
            if found:
                (self.bins / name).symlink_to(found)
        if torch:
            self.has("torch", torch, requires=["nvidia-cublas-cu12==12.4"])
            self.has("nvidia-cublas-cu12", "12.4")
        self.env = {"PATH": str(self.bins), "HOME": str(top), "PIP_RETRIES": "0", **index.env()}

    def has(self, name: str, version: str = "1.0", **more: object) -> None:
        """The image brings this package."""
        unpack(package_files.wheel(name, version, **more), name, self.site)

    def write(self, data: bytes) -> None:
        self.log += data

    @property
    def text(self) -> str:
        return self.log.decode()

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def spec(self, **fields: object) -> JobSpec:
        return JobSpec("digits", **{"command": "true", **fields})

    def at(self, subdir: str) -> Path:
        return self.folder / subdir

    def install(self, env: Mapping[str, str] | None = None, **fields: object) -> Installed:
        spec = self.spec(**fields)
        work = Work(self.write, RealClock())
        return install(spec, self.at(spec.subdir), self.envs, {**self.env, **(env or {})}, work)

    def digest(self, **fields: object) -> str:
        """What the environment's name depends on besides the interpreter."""
        spec = self.spec(**fields)
        return recognise(spec, self.at(spec.subdir)).wanted(spec).digest

    def ask(self, made: Installed, code: str, **more: str) -> str:
        """What Python says in the environment that was made."""
        return self.run(made, "python", "-c", code, **more)

    def run(self, made: Installed, *words: str, **more: str) -> str:
        env = {**self.env, **made.variables, **more}
        program = shutil.which(words[0], path=env["PATH"])
        done = subprocess.run(
            [program, *words[1:]], env=env, check=False, capture_output=True, text=True, cwd=self.folder
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def own(self, made: Installed) -> set[str]:
        """The packages that the environment holds itself, with their versions."""
        (site,) = (self.envs / made.hash).glob("lib/python*/site-packages")
        return {path.name.removesuffix(".dist-info") for path in site.glob("*.dist-info")}
