"""Projects as their authors' machines have them: committed in git, with a submodule, or locked by uv.

A lock names the index it was made with, so it is made here, and none is in this repository.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from tests.fakes.package_index import PackageIndex
from tests.projects.table import HERE, Project

PACKAGES = HERE / "packages"
OF_THE_IMAGE = ("torch", "huggingface-hub", "safetensors")


def fill(index: PackageIndex) -> None:
    """The projects' small packages, setuptools, and what the image has: in name only, as nobody may fetch it."""
    for path in PACKAGES.glob("*.py"):
        index.add(path.stem, "1.0", files={path.name: path.read_text()})
    for name in OF_THE_IMAGE:
        version = importlib.metadata.version(name).partition("+")[0]
        index.add(name, version, files={f"{name.replace('-', '_')}.py": "raise SystemExit('a second one')\n"})
    version, wheel = setuptools()
    index.put("setuptools", f"setuptools-{version}-py3-none-any.whl", wheel)


def setuptools() -> tuple[str, bytes]:
    """The wheel that the tests' own setuptools came from, but for its byte code and its hook."""
    found = importlib.metadata.distribution("setuptools")
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as wheel:
        for path in found.files or ():
            if ".." not in path.parts and path.suffix not in {".pyc", ".pth"}:
                wheel.write(path.locate(), str(path))
    return found.version, made.getvalue()


def lay(project: Project, repo: Path, env: Mapping[str, str]) -> None:
    """The project as a repository in this folder."""
    shutil.rmtree(repo, ignore_errors=True)
    shutil.copytree(project.path, repo, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    if project.submodule:
        theirs = repo.with_name(project.submodule)
        (repo / project.submodule).rename(theirs)
        git(theirs, env, "init", "-q", "-b", "main")
        commit(theirs, env)
    git(repo, env, "init", "-q", "-b", "main")
    if project.submodule:
        words = ("submodule", "--quiet", "add", f"../{project.submodule}", project.submodule)
        git(repo, env, "remote", "add", "origin", str(repo))
        git(repo, env, "-c", "protocol.file.allow=always", *words)
    if project.locked:
        subprocess.run(["uv", "lock", "-q"], cwd=repo, env=env, check=True)
    commit(repo, env)


def commit(repo: Path, env: Mapping[str, str]) -> None:
    """All of it."""
    git(repo, env, "add", ".")
    git(repo, env, "commit", "-q", "-m", repo.name)


def git(repo: Path, env: Mapping[str, str], *words: str) -> None:
    subprocess.run(["git", *words], cwd=repo, env=env, check=True)
