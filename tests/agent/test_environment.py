"""How the job's packages are installed, with the real venv and pip and packages made on the spot."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from pod_agent.run.environment import interpreter, naming, requirements
from pod_agent.run.environment.install import MARK, install
from pod_agent.run.work import StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec

BASE = os.path.realpath(sys.executable)


def wheel(folder, name, version="1.0", value=1):
    """A wheel of one module, made by hand: no index and no build backend is asked."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", f"value = {value}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return path


class Place:
    def __init__(self, top):
        self.folder = top / "code"
        self.envs = top / "disk" / "envs"
        self.log = b""
        bins = top / "bin"
        for made in (self.folder, bins):
            made.mkdir()
        for name in ("python3", "git"):
            target = BASE if name == "python3" else shutil.which("git")
            (bins / name).symlink_to(target)
        self.env = {
            "PATH": f"{bins}:/usr/bin:/bin", "HOME": str(top), "PIP_NO_INDEX": "1", "PIP_NO_CACHE_DIR": "1",
            "PIP_FIND_LINKS": str(top / "wheels"), "PIP_CONFIG_FILE": "/dev/null",
        }  # fmt: skip
        self.wheels = top / "wheels"
        wheel(self.wheels, "keeptest")

    def write(self, data):
        self.log += data

    def wants(self, text, name="requirements.txt"):
        (self.folder / name).write_text(text)

    def install(self, requirements=None, **more):
        spec = JobSpec("digits", "true", requirements=requirements)
        work = Work(self.write, RealClock())
        return install(spec, self.folder, self.envs, {**self.env, **more}, work)

    def python(self, installed, code):
        env = {**self.env, **installed.variables}
        return (
            subprocess.run(["python", "-c", code], env=env, check=True, capture_output=True)
            .stdout.decode()
            .strip()
        )


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_packages_are_installed_once_and_then_reused(place):
    """The first call makes the environment, the second finds it in well under 50 ms without any program."""
    place.wants("keeptest==1.0\n")
    made = place.install()
    assert not made.reused
    assert place.python(made, "import keeptest; print(keeptest.value)") == "1"
    assert f"environment {made.hash} from requirements.txt (no lock is there) made".encode() in place.log
    times, programs = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        began = time.process_time()
        again = place.install()
        times.append(time.process_time() - began)
        assert (again.hash, again.reused) == (made.hash, True)
    assert sorted(times)[2] < 0.05
    assert resource.getrusage(resource.RUSAGE_CHILDREN) == programs
    assert made.words.startswith("requirements.txt, made")
    assert not made.words.endswith(",")
    assert again.words == "requirements.txt, reused"


def test_it_sees_the_images_packages_and_none_of_the_agents(place):
    """What the image's Python has can be imported; the agent's own venv cannot."""
    place.wants("keeptest\n")
    made = place.install()
    told = place.python(made, "import sys; print(sys.path, sys.base_prefix)")
    assert sys.prefix == sys.base_prefix or f"{sys.prefix}/" not in told
    assert "pip" in place.python(made, "import pip; print(pip.__name__)")


def test_without_requirements_nothing_is_made(place):
    """No file, or requirements switched off: no environment, the job's PATH as it was."""
    assert place.install().variables == {"PATH": place.env["PATH"]}
    place.wants("keeptest\n")
    assert place.install(requirements="").hash == ""
    assert not place.envs.exists()


def test_a_named_file_that_is_not_there_fails(place):
    """POD_REQUIREMENTS that names nothing is a mistake, not an empty environment."""
    with pytest.raises(StepFailed, match=r"cannot install other\.txt: there is no such file"):
        place.install(requirements="other.txt")


def test_the_hash_covers_all_that_is_asked_for(place):
    """Nested files, constraints and local packages change the environment; comments elsewhere do not."""
    pack = place.folder / "pack"
    pack.mkdir()
    (pack / "pyproject.toml").write_text("[project]\nname='pack'\n")
    (pack / "pack.py").write_text("a = 1\n")

    def digest():
        return requirements.read([place.folder / "requirements.txt"], place.folder).digest

    place.wants("-r more.txt\n--constraint=limits.txt\n./pack\n")
    place.wants("keeptest\n", "more.txt")
    place.wants("keeptest<2\n", "limits.txt")
    seen = {digest()}
    (place.folder / "checkpoint.pt").write_text("not asked for")
    assert digest() in seen
    place.wants("keeptest==1.0\n", "more.txt")
    seen.add(digest())
    place.wants("keeptest<3\n", "limits.txt")
    seen.add(digest())
    (pack / "pack.py").write_text("a = 2\n")
    seen.add(digest())
    (pack / "pyproject.toml").write_text("[project]\nname='pack'\nversion='2'\n")
    seen.add(digest())
    assert len(seen) == 5
    place.wants("-e ./pack\n")
    before = digest()
    (pack / "pack.py").write_text("a = 3\n")
    assert digest() == before, "an editable package's sources are used from where they are"


def test_a_moving_git_ref_is_followed(place, tmp_path):
    """A branch of a git requirement that moved makes another environment; nobody answering reuses the last."""
    repo = tmp_path / "lib"
    env = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
           "GIT_COMMITTER_EMAIL": "a@b"}  # fmt: skip

    def git(*args):
        subprocess.run(["git", *args], cwd=repo, env=env, check=True, capture_output=True)

    repo.mkdir()
    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "one")
    place.wants(f"keeptest # git+file://{repo}@main is only a comment\n")
    plain = place.install().hash
    place.wants(f"lib @ git+file://{repo}@main\n")
    work = Work(place.write, RealClock())
    python = interpreter.find(place.env, place.envs, work)
    wanted = requirements.read([place.folder / "requirements.txt"], place.folder)

    def digest():
        return naming.name_of(wanted, python, place.envs, place.env, work)

    first, _ = digest()
    git("commit", "-q", "--allow-empty", "-m", "two")
    second, warnings = digest()
    assert len({plain, first, second}) == 3
    assert warnings == ()
    (place.envs / second).mkdir()
    naming.mark(place.envs / second, wanted, python)
    repo.rename(tmp_path / "gone")
    third, warnings = digest()
    assert third == second
    assert "nobody could say" in warnings[0]


@pytest.mark.slow
def test_a_failed_install_leaves_nothing_that_is_trusted(place):
    """After a failure the next call tries again instead of using a half environment."""
    place.wants("keeptest\nno-such-package-at-all\n")
    with pytest.raises(StepFailed, match="there is no no-such-package-at-all") as caught:
        place.install()
    assert caught.value.hint
    assert [path for path in place.envs.iterdir() if path.is_dir()] == []
    wheel(place.wheels, "no_such_package_at_all")
    assert not place.install().reused


@pytest.mark.slow
def test_an_environment_without_its_mark_is_made_anew(place):
    """An install that was killed is removed and done again."""
    place.wants("keeptest\n")
    made = place.install()
    (place.envs / made.hash / MARK).unlink()
    (place.envs / made.hash / "stale").write_text("")
    again = place.install()
    assert not again.reused
    assert not (place.envs / made.hash / "stale").exists()


@pytest.mark.slow
def test_an_image_whose_python_is_an_environment_is_seen_too(place, tmp_path):
    """Where torch lies in the image's own venv, the job's environment finds it there."""
    image = tmp_path / "image"
    subprocess.run([BASE, "-m", "venv", "--without-pip", str(image)], check=True)
    (site,) = image.glob("lib/python*/site-packages")
    (site / "imagetorch.py").write_text("value = 7\n")
    place.wants("keeptest\n")
    made = place.install(PATH=f"{image}/bin:{place.env['PATH']}")
    assert place.python(made, "import imagetorch, keeptest; print(imagetorch.value)") == "7"


def test_contradicting_pins_are_explained(place):
    """pip's refusal becomes a reason a person can act on."""
    wheel(place.wheels, "keeptest", "2.0")
    place.wants("keeptest==1.0\nkeeptest==2.0\n")
    with pytest.raises(StepFailed, match=r"its pins contradict each other"):
        place.install()
    assert [path for path in place.envs.iterdir() if path.is_dir()] == []


def test_no_python_at_all_is_said(place):
    """An image without Python fails with the remedy."""
    place.wants("keeptest\n")
    with pytest.raises(StepFailed, match="no python3 on its PATH"):
        place.install(PATH=str(Path("/nonexistent")))
