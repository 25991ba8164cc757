"""What becomes of an install when the package index fails on purpose: for pip and for uv, outcome and words."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pod_agent.run.environment.install import install
from pod_agent.run.work import StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.install_place import InstallPlace
from tests.fakes.package_index import Fault, PackageIndex
from tests.live import wait_for
from tests.story.small_places import on_small_disk

SECRET = "tok-9f8e7d6c5b4a3928"
UV = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.defpath}")


def patient(seconds):
    """What pip and uv wait for an answer, each time once: an index on a busy machine is slow to say no, too."""
    return {"PIP_TIMEOUT": seconds, "UV_HTTP_TIMEOUT": seconds, "PIP_RETRIES": "0", "UV_HTTP_RETRIES": "0"}


class QuickClock(RealClock):
    """Pauses between tries take no time, and are noted."""

    def __init__(self):
        self.slept = 0.0

    def sleep(self, seconds):
        self.slept += seconds


class FaultPlace(InstallPlace):
    """A job that wants ``keeptest``, with pip or with uv."""

    def __init__(self, top, index, who):
        super().__init__(top, index, torch=None)
        self.who = who
        self.env |= patient("60")
        self.clock = QuickClock()
        index.add(
            "keeptest", "1.0", files={"keeptest.py": "value = 1\n", "keepdata.bin": os.urandom(100_000)}
        )
        if who == "uv":
            self.lock()
        else:
            self.file("requirements.txt", "keeptest\n")

    def lock(self):
        """A project that uv has locked while the index was well."""
        if UV is None:
            pytest.skip("needs uv: pip install -r tests/torch.txt")
        (self.bins / "uv").symlink_to(UV)
        head = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.8"\n'
        self.file("pyproject.toml", f'{head}dependencies = ["keeptest"]\n')
        words = [UV, "lock", "-q", "--python", sys.executable]
        subprocess.run(words, cwd=self.folder, env={**os.environ, **self.env}, check=True)

    def install(self, env=None, **fields):
        work = Work(self.write, self.clock)
        spec = JobSpec("digits", "true", **fields)
        return install(spec, self.folder, self.envs, {**self.env, **(env or {})}, work)

    def fails(self, env=None):
        """The words of the failure, and nothing left of the environment."""
        with pytest.raises(StepFailed) as caught:
            self.install(env)
        assert caught.value.hint
        assert [place for place in self.envs.iterdir() if place.is_dir()] == []
        return str(caught.value.message)


@pytest.fixture
def index():
    with PackageIndex() as index:
        yield index


@pytest.fixture(params=["pip", "uv"])
def place(request, tmp_path, index):
    return FaultPlace(tmp_path, index, request.param)


TABLE = [
    (Fault.UNAUTHORIZED, r"wants a login, or refuses the one it got \(401\)", 1),
    (Fault.FORBIDDEN, r"the package index forbids it \(403\)", 1),
    (Fault.NOT_FOUND, r"there is no keeptest on the package index|names \S+ and does not have it \(404\)", 1),
    (Fault.TOO_MANY, r"was asked too often \(429\)", 3),
    (Fault.BROKEN, r"the package index fails \(500\)", 3),
    (Fault.HANG, r"does not answer in time", 3),
    (Fault.CUT, r"breaks off|is not the file that was promised", 3),
    (Fault.WRONG_HASH, r"keeptest.* is not the file that was promised: its sha256 differs", 3),
]


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "words", "tries"), TABLE, ids=[str(row[0]) for row in TABLE])
def test_each_fault_has_its_words(place, index, fault, words, tries):
    """The reason is named, what may pass is tried again with pauses, and nothing half-made is left."""
    index.retry_after = 0
    index.fail("keeptest", fault, where="file" if place.who == "uv" else "")
    said = place.fails(patient("1") if fault == Fault.HANG else {})
    assert said.startswith(f"cannot install {'uv.lock' if place.who == 'uv' else 'requirements.txt'}: ")
    assert re.search(words, said), said
    assert (f"{place.who} was run {tries} times" in said) == (tries > 1)
    assert place.clock.slept == (25.0 if tries > 1 else 0.0)
    assert place.text.count("trying again in") == tries - 1


@pytest.mark.slow
@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.CUT, Fault.HANG, Fault.TOO_MANY])
def test_a_fault_that_passes_costs_a_pause_only(place, index, fault):
    """An index that is well again at the next try has done no harm."""
    index.retry_after = 0
    index.fail("keeptest", fault, times=1, where="file")
    made = place.install(patient("5") if fault == Fault.HANG else {})
    assert place.ask(made, "import keeptest; print(keeptest.value)") == "1"


@pytest.mark.slow
def test_an_index_that_nobody_runs_is_said(place, index):
    """A closed port is not a missing package."""
    said = (
        place.fails({name: f"http://127.0.0.1:{free_port()}/simple/" for name in ("PIP_INDEX_URL",)})
        if (place.who == "pip")
        else closed(place, index)
    )
    assert "cannot be reached" in said


def closed(place, index):
    index.__exit__()
    said = place.fails()
    index.__init__()
    index.__enter__()
    return said


def free_port():
    with PackageIndex() as gone:
        return gone.port


@pytest.mark.slow
def test_a_package_that_nobody_has_is_named(tmp_path, index):
    """A name that the index does not know, and a version that it does not have, are two things."""
    place = FaultPlace(tmp_path, index, "pip")
    place.file("requirements.txt", "no-such-thing-at-all\n")
    assert "there is no no-such-thing-at-all on the package index" in place.fails()
    place.file("requirements.txt", "keeptest==9.9\n")
    assert "there is no keeptest==9.9 for this Python and platform" in place.fails()


def test_a_build_that_fails_is_named_and_its_words_are_in_the_log(tmp_path, index):
    """Who compiles wants to see what the compiler said."""
    place = FaultPlace(tmp_path, index, "pip")
    index.add_sdist("fromsource", words="kernel.cu(7): error: no such thing as a GPU", code=3)
    place.file("requirements.txt", "fromsource\n")
    assert "fromsource could not be built from its sources" in place.fails()
    assert "kernel.cu(7): error" in place.text


ON_DISK = """
import sys
from pathlib import Path
sys.path[:0] = {paths!r}
from tests.agent.test_install_faults import QuickClock
from pod_agent.run.environment.install import install
from pod_agent.run.work import StepFailed, Work
from pod_wire.job import JobSpec
try:
    install(JobSpec("digits", "true"), Path({folder!r}), Path({envs!r}), {env!r}, Work(lambda data: None, QuickClock()))
except StepFailed as failed:
    print(failed.message)
print(sorted(path.name for path in Path({envs!r}).iterdir() if path.is_dir()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("who", ["pip", "uv"])
def test_a_full_disk_is_named_with_its_numbers(tmp_path, index, who):
    """Which disk, how much of it is free, how much was taken; and the half environment gives its room back."""
    place = FaultPlace(tmp_path, index, who)
    index.add("keeptest", "2.0", zeros=96 << 20)
    if who == "uv":
        (place.folder / "uv.lock").unlink()
        (place.bins / "uv").unlink()
        place.lock()
    disk = place.envs.parent
    place.envs.mkdir(parents=True)
    env = {**place.env, "TMPDIR": str(disk)}
    code = ON_DISK.format(paths=sys.path, folder=str(place.folder), envs=str(disk / "envs"), env=env)
    argv = on_small_disk(
        disk, "64m", ["bash", "-c", f'mkdir "{disk}/envs" && exec "$0" "$@"', sys.executable, "-c", code]
    )
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert re.search(
        rf"disk is full: \d+ MB are free at {disk}.*, and what is installed so far takes", done.stdout
    ), done
    assert done.stdout.endswith("[]\n")


class CommandLines(threading.Thread):
    """Every argument list on this machine that holds the secret, looked at as often as can be."""

    def __init__(self):
        super().__init__(daemon=True)
        self.found = set()
        self.looks = 0
        self.over = threading.Event()

    def beholds(self):
        """Returns when it has looked at everything once more, from now on."""
        begun = self.looks
        wait_for("a whole look", lambda: self.looks > begun + 1 or self.over.is_set(), every_s=0.002)

    def run(self):
        while not self.over.wait(0.002):
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                if SECRET.encode() in words:
                    self.found.add(words)


@pytest.mark.slow
@pytest.mark.parametrize("fault", [None, Fault.FORBIDDEN, Fault.BROKEN])
@pytest.mark.parametrize("who", ["pip", "uv"])
def test_the_index_s_login_is_found_nowhere(tmp_path, index, who, fault):
    """Not in the log, an error, a file or any argument list, also when packages are built and when it fails."""
    index.login = ("me", SECRET)
    place = FaultPlace(tmp_path, index, who)
    index.add("builder", "1.0")
    index.add_sdist("fromsource", needs=["builder"])
    if who == "pip":
        place.file("requirements.txt", "keeptest\nfromsource\n")
    if fault:
        index.fail("keeptest", fault, where="file")
    watch = CommandLines()
    index.before = watch.beholds
    watch.start()
    said = ""
    try:
        made = place.install()
        assert place.ask(made, "import keeptest; print(keeptest.value)") == "1"
    except StepFailed as failed:
        said = f"{failed.message} {failed.hint}"
    watch.over.set()
    watch.join()
    assert bool(said) == (fault is not None), said
    assert watch.looks > len(index.requests) > 0
    assert watch.found == set()
    assert SECRET not in said
    assert SECRET not in place.text
    assert holding(tmp_path) == []


@pytest.mark.slow
def test_a_login_in_netrc_is_used_and_shown_nowhere(tmp_path, index):
    """The user's own file serves as on any machine, beside the login of another index in a variable."""
    place = FaultPlace(tmp_path, index, "pip")
    index.login = ("me", SECRET)
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login me password {SECRET}\n")
    netrc.chmod(0o600)
    elsewhere = "http://other:another-secret-1@localhost:9/simple/"
    url = f"http://127.0.0.1:{index.port}/simple/"
    made = place.install({"PIP_INDEX_URL": url, "PIP_FIND_LINKS": elsewhere})
    assert place.ask(made, "import keeptest; print(keeptest.value)") == "1"
    assert SECRET not in place.text
    assert "another-secret" not in place.text
    assert holding(tmp_path) == [netrc]


def holding(top):
    """The files below a folder that hold the secret."""
    files = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
    return [path for path in files if SECRET.encode() in path.read_bytes()]
