"""POD_SETUP, and what a failed or killed install leaves behind, for every kind of list."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pod_agent.run.environment.install import MARK
from pod_agent.run.work import StepFailed
from tests.agent.install_place import InstallPlace
from tests.fakes.package_index import Fault, PackageIndex
from tests.story.seen import dice

pytestmark = pytest.mark.slow  # each makes environments and asks a server

KINDS = {
    "requirements.txt": ("requirements.txt", "keeptest\n"),
    "pyproject.toml": (
        "pyproject.toml",
        '[project]\nname="a"\nversion="1"\ndependencies=["keeptest"]\n[tool.uv]\npackage=false\n',
    ),
    "setup.cfg": ("setup.cfg", "[options]\ninstall_requires =\n    keeptest\n"),
}
MICROMAMBA = """#!/bin/sh
# Makes what micromamba makes, from this machine's Python: `create --yes --prefix P --file F`.
echo "micromamba $*"
[ -n "$REFUSES" ] && { echo "error    libmamba Could not solve for environment specs"; exit 1; }
"%s" -m venv --without-pip "$4" && mkdir "$4/conda-meta" && cp "$6" "$4/read.yml"
"""


@pytest.fixture
def place(tmp_path):
    with PackageIndex() as index:
        index.add("keeptest")
        index.add("more", "3")
        yield InstallPlace(tmp_path, index)


def micromamba(place):
    """A stand-in of the same command line: the real one is on no index for pip."""
    program = place.bins / "micromamba"
    program.write_text(MICROMAMBA % sys.executable)
    program.chmod(0o755)
    for name in ("cp",):
        (place.bins / name).symlink_to(f"/bin/{name}")


def test_the_extra_command_runs_once_in_each_new_environment(place):
    """In the job's folder, with the environment's python and pip, its words in the log; not when it is reused."""
    place.file("requirements.txt", "keeptest\n")
    setup = "pip install -q more | cat\npython -c 'import more, keeptest; print(\"with\", more.version)' && pwd >> ran"
    made = place.install(setup=setup)
    assert place.own(made) == {"keeptest-1.0", "more-3"}
    assert "podkeep: running POD_SETUP\n" in place.text
    assert "with 3\n" in place.text
    assert place.install(setup=setup).reused
    assert (place.folder / "ran").read_text() == f"{place.folder}\n"
    other = place.install(setup=setup + " # other")
    assert other.hash != made.hash
    assert (place.folder / "ran").read_text().count("\n") == 2


def test_the_extra_command_alone_makes_an_environment(place):
    """Without any list, POD_SETUP gets an empty environment: the image's own Python stays as it was."""
    before = sorted(path.name for path in place.site.iterdir())
    made = place.install(setup="pip install more")
    assert place.own(made) == {"more-3"}
    assert place.ask(made, "import torch, more; print(more.version)") == "3"
    assert place.own(place.install(setup="pip install more", requirements="")) == {"more-3"}
    assert [name for name in sorted(path.name for path in place.site.iterdir()) if name != "__pycache__"] == [
        name for name in before if name != "__pycache__"
    ]


def test_a_failing_extra_command_fails_the_install(place):
    """Its code, its last words and the remedy are said, and the environment is not trusted; also within a pipe."""
    place.file("requirements.txt", "keeptest\n")
    with pytest.raises(StepFailed, match=r"POD_SETUP ended with code 3: no compiler here") as caught:
        place.install(setup="(echo no compiler here; exit 3) | cat")
    assert "correct the command" in caught.value.hint
    assert not any(path.is_dir() for path in place.envs.iterdir())


def test_a_silent_or_killed_extra_command_says_how_it_ended(place):
    """Without a word there is the code; a kill is a kill."""
    for setup, words in (("exit 4", "ended with code 4"), ("kill -9 $$", "was killed by signal 9")):
        with pytest.raises(StepFailed) as caught:
            place.install(setup=setup)
        assert caught.value.message == f"cannot set up the job: POD_SETUP {words}"


def test_requirements_that_are_no_text_are_said(place):
    """Latin-1 and rubbish fail in words, not in a traceback of pip's."""
    for data in (b"keeptest # caf\xe9\n", bytes(range(256))):
        (place.folder / "requirements.txt").write_bytes(data)
        with pytest.raises(StepFailed, match=r"it is not UTF-8 text \(byte \d+\)"):
            place.install()


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_install_of_any_kind_leaves_nothing(place, kind):
    """A server that cuts the file: nothing is left on the disk, and the next try succeeds."""
    place.file(*KINDS[kind])
    place.index.fail("keeptest", Fault.NOT_FOUND, where="file")
    with pytest.raises(StepFailed, match="cannot install"):
        place.install()
    assert not any(path.is_dir() for path in place.envs.iterdir())
    place.index.heal("keeptest")
    made = place.install()
    assert not made.reused
    assert place.own(made) == {"keeptest-1.0"}


def test_conda_s_environment_has_its_own_python(place):
    """micromamba makes all of it; the image's torch is not seen there, and the job's variables are conda's."""
    micromamba(place)
    place.file("environment.yml", "dependencies:\n  - python=3.11\n  - pip:\n      - -r listed.txt\n")
    place.file("listed.txt", "keeptest\n")
    made = place.install()
    assert "micromamba create --yes --prefix" in place.text
    assert made.variables["CONDA_PREFIX"] == str(place.envs / made.hash)
    assert "VIRTUAL_ENV" not in made.variables
    assert place.ask(made, "import importlib.util as u; print(u.find_spec('torch'))") == "None"
    assert place.install().reused
    place.file("listed.txt", "keeptest==1.0\n")
    assert not place.install().reused, "a file that its list for pip names is part of it"


def test_conda_s_refusal_is_explained(place):
    """What cannot be solved together is said with the remedy, and nothing is left."""
    micromamba(place)
    place.file("environment.yml", "dependencies:\n  - nosuch\n")
    with pytest.raises(StepFailed, match="its packages cannot be had together") as caught:
        place.install({"REFUSES": "1"})
    assert "the log names them" in caught.value.hint
    assert not any(path.is_dir() for path in place.envs.iterdir())


def test_no_room_to_write_is_said(place):
    """A disk that refuses is a reason with a remedy."""
    place.file("requirements.txt", "keeptest\n")
    place.envs.parent.mkdir(parents=True)
    place.envs.write_text("a file where the folder should be")
    with pytest.raises(StepFailed, match=r"cannot make the job's environment: .*envs: File exists"):
        place.install()


KILLED = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from pod_agent.run.environment.install import install
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
spec = JobSpec("digits", "true", setup="python -c 'import keeptest'")
print("go", flush=True)
install(spec, Path({folder!r}), Path({envs!r}), {env!r}, Work(lambda data: None, RealClock()))
"""


@pytest.mark.parametrize("kind", KINDS)
def test_an_install_killed_at_any_moment_is_never_trusted(place, kind):
    """kill -9 of the installing process and all its programs: the next install gives a whole environment."""
    place.file(*KINDS[kind])
    code = KILLED.format(path=sys.path, folder=str(place.folder), envs=str(place.envs), env=place.env)
    chance = dice("the kills")
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    usual = time.monotonic() - began
    for path in place.envs.iterdir():
        if path.is_dir():
            (path / MARK).unlink()
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
        )
        assert process.stdout.readline() == b"go\n"
        time.sleep(chance.random() * usual)
        _kill_all(process)
        trusted = [path.parent for path in place.envs.glob(f"*/{MARK}")]
        for path in trusted:
            assert (path / "bin" / "python").exists()
            (path / MARK).unlink()
    made = place.install(setup="python -c 'import keeptest'")
    assert place.ask(made, "import keeptest; print(keeptest.version)") == "1.0"
    assert place.own(made) == {"keeptest-1.0"}


def _kill_all(process):
    """The process and what it started in sessions of their own."""
    family: set[int] = set()
    while found := _family(process.pid) - family:  # who is stopped starts nothing more
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        family |= found
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def _family(pid):
    found = [pid]
    for one in found:
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, path.read_text().split())
    return set(found)


def test_what_is_made_is_executable_by_the_job(place):
    """Commands written for the image's packages carry the bits of a program."""
    made = place.install(setup="true")
    mode = (place.envs / made.hash / "bin" / "pip").stat().st_mode
    assert stat.S_IMODE(mode) == 0o755
