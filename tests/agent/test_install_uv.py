"""uv.lock in the forms people have, with the real uv: members, local packages, groups, extras; uv fetched."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import time
import zipfile

import pytest

from pod_agent.run.work import StepFailed
from tests.agent.install_place import InstallPlace
from tests.fakes import package_files
from tests.fakes.package_index import Fault, PackageIndex

UV = shutil.which("uv", path=f"{sys.prefix}/bin:{os.environ.get('PATH', '')}")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(UV is None, reason="needs uv: pip install -r tests/torch.txt"),
]
BACKEND = package_files.BACKEND.format(
    facts=("lib", "1", {"lib.py": "value = 7\n"}, "", 0.0, 0),
    metadata=package_files.metadata("lib", "1"),
    wheel=package_files.WHEEL,
)
LIB = (
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.9"\n'
)
HEAD = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.9"\n'


@pytest.fixture
def place(tmp_path):
    with PackageIndex() as index:
        for name in ("keeptest", "more", "tested"):
            index.add(name)
        place = InstallPlace(tmp_path, index)
        (place.bins / "uv").symlink_to(UV)
        yield place


def lock(place, folder="."):
    words = [UV, "lock", "-q"]
    subprocess.run(words, cwd=place.folder / folder, env={**os.environ, **place.index.env()}, check=True)


def program_wheel(script):
    """A wheel of uv that holds a program, with the bits of one."""
    given = package_files.wheel("uv", "9.9", files={"uv-9.9.data/scripts/uv": script})
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(given)) as old, zipfile.ZipFile(made, "w") as new:
        for info in old.infolist():
            info.external_attr = (stat.S_IFREG | 0o755) << 16
            new.writestr(info, old.read(info))
    return made.getvalue()


def test_groups_and_extras_are_uv_s_own(place):
    """The dev group as `uv sync` has it; an extra when POD_REQUIREMENTS names it; one that is none is a mistake."""
    groups = '[dependency-groups]\ndev = ["tested"]\n[project.optional-dependencies]\ntrain = ["more"]\n'
    place.file("pyproject.toml", f'{HEAD}dependencies = ["keeptest"]\n{groups}')
    lock(place)
    assert place.own(place.install()) == {"keeptest-1.0", "tested-1.0"}
    assert place.own(place.install(requirements=".[train]")) == {"keeptest-1.0", "tested-1.0", "more-1.0"}
    with pytest.raises(StepFailed, match="no extra nosuch"):
        place.install(requirements=".[nosuch]")


def test_a_member_of_a_workspace_brings_its_siblings(place):
    """The command runs in a member's folder; the sibling it needs is installed in place from the same lock."""
    place.file("pyproject.toml", '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n')
    place.file("libs/lib/pyproject.toml", LIB)
    place.file("libs/lib/backend.py", BACKEND)
    sources = "[tool.uv.sources]\nlib = { workspace = true }\n"
    place.file("apps/train/pyproject.toml", f'{HEAD}dependencies = ["lib", "keeptest"]\n{sources}')
    lock(place)
    made = place.install(subdir="apps/train")
    assert place.own(made) == {"lib-1", "keeptest-1.0"}
    assert place.ask(made, "import lib; print(lib.value)") == "7"
    assert "the folder is a member of its workspace" in place.text
    assert not (place.folder / ".venv").exists()


def test_a_local_package_of_the_lock_is_part_of_the_name(place):
    """Its sources changed: another environment, with the new ones."""
    place.file("lib/pyproject.toml", LIB)
    place.file("lib/backend.py", BACKEND)
    sources = '[tool.uv.sources]\nlib = { path = "lib" }\n'
    place.file("pyproject.toml", f'{HEAD}dependencies = ["lib"]\n{sources}')
    lock(place)
    made = place.install()
    assert place.ask(made, "import lib; print(lib.value)") == "7"
    # Another length: Python takes a source of the same second and the same size for the one it has compiled.
    place.file("lib/backend.py", BACKEND.replace("value = 7", "value = 88"))
    again = place.install()
    assert again.hash != made.hash
    assert place.ask(again, "import lib; print(lib.value)") == "88"


def test_the_project_s_modules_can_be_imported_also_where_it_is_no_package(place):
    """uv installs no project without a build system; its src/ is on the path all the same."""
    place.file("pyproject.toml", f'{HEAD}dependencies = ["keeptest"]\n')
    place.file("src/mine/__init__.py", "value = 9\n")
    lock(place)
    made = place.install()
    assert place.ask(made, "import os; os.chdir('/'); import mine; print(mine.value)") == "9"
    assert sorted(path.name for path in place.folder.iterdir()) == ["pyproject.toml", "src", "uv.lock"]


def test_a_lock_that_cannot_be_used_is_explained(place):
    """Another Python, no lock at all, a file that is not the locked one: each with its reason, and nothing is left."""
    place.file("pyproject.toml", f'{HEAD}dependencies = ["keeptest"]\n')
    lock(place)
    good = (place.folder / "uv.lock").read_text()

    def refused(text):
        (place.folder / "uv.lock").write_text(text)
        with pytest.raises(StepFailed) as caught:
            place.install()
        assert not any(path.is_dir() for path in place.envs.iterdir())
        assert caught.value.hint
        return caught.value.message

    assert refused("<<<<<<< HEAD\n").startswith("cannot read uv.lock:")
    assert "this uv cannot read the lock file" in refused(good.replace("version = 1", "version = 9", 1))
    place.index.fail("keeptest", Fault.WRONG_HASH)
    assert refused(good).startswith("cannot install uv.lock:")
    place.index.heal("keeptest")
    (place.folder / "uv.lock").write_text(good)
    assert place.own(place.install()) == {"keeptest-1.0"}


def test_uv_is_fetched_beside_the_job_and_removed(place):
    """Where the image has none, it comes from the job's index, and nothing of it stays or reaches the job."""
    (place.bins / "uv").unlink()
    place.index.put("uv", "uv-9.9-py3-none-any.whl", program_wheel(f'#!/bin/sh\nexec "{UV}" "$@"\n'))
    place.file("pyproject.toml", f'{HEAD}dependencies = ["keeptest"]\n')
    lock(place)
    made = place.install()
    assert place.own(made) == {"keeptest-1.0"}
    assert "podkeep: fetching uv to read the lock file; it is removed afterwards" in place.text
    assert [path.name for path in place.envs.iterdir() if path.is_dir()] == [made.hash]


def test_a_long_lock_costs_a_restart_little(place):
    """Two megabytes of lock are searched, not parsed: the name of a large project's environment is there at once."""
    place.file("pyproject.toml", f'{HEAD}dependencies = ["keeptest"]\n')
    lock(place)
    one = (place.folder / "uv.lock").read_text().split("[[package]]")[1]
    file = place.folder / "uv.lock"
    file.write_text(file.read_text() + "".join(f"\n# {one}" for _ in range(4000)).replace("\n", "\n# "))
    took = []
    for _ in range(5):
        began = time.monotonic()
        place.digest()
        took.append(time.monotonic() - began)
    sys.stdout.write(f"{file.stat().st_size / 1e6:.1f} MB: {min(took) * 1000:.1f} ms\n")
    assert file.stat().st_size > 1_000_000
