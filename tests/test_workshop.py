"""The workshop itself: locks, recipes, and the rule that nothing is skipped for ever."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from pod_sim.__main__ import ENTRYPOINTS
from tests import longest
from tests.once import once

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("image/agent.lock", "tests/dev.lock")
SCRIPTS = (".ci/run", "tests/setup_system.sh", "entrypoint.sh")


def declared(*parts: str) -> set[str]:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    lists = {
        "base": document["project"]["dependencies"],
        "agent": document["project"]["optional-dependencies"]["agent"],
        "dev": document["dependency-groups"]["dev"],
    }
    return {
        re.split(r"[^A-Za-z0-9_.-]", line)[0].replace("_", "-").lower()
        for part in parts
        for line in lists[part]
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_index(lock):
    """Every requirement of a lock has an exact version and a hash, and no line holds an address or a path."""
    text = (ROOT / lock).read_text()
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert all(re.match(r"[a-z0-9.-]+==\S+", block) and "--hash=sha256:" in block for block in blocks)
    assert "://" not in text
    assert "/" not in text.replace("sha256:", "")


@pytest.mark.parametrize(
    ("lock", "parts"), [(LOCKS[0], ["base", "agent"]), (LOCKS[1], ["base", "agent", "dev"])]
)
def test_a_lock_holds_all_that_is_declared(lock, parts):
    """What pyproject.toml declares is in the lock that set-up installs."""
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
    assert declared(*parts) <= locked


def test_both_locks_agree():
    """A package has the same version in the image as in the tests."""
    image, dev = (
        dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE)) for lock in LOCKS
    )
    assert image.items() <= dev.items()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_parses(script):
    """Bash accepts every script of ours."""
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_setup_finds_a_python_that_is_new_enough():
    """The set-up script names an interpreter of 3.11 or newer."""
    named = subprocess.run(
        ["bash", ROOT / "tests/setup_system.sh", "--python"], capture_output=True, text=True, check=True
    ).stdout.strip()
    subprocess.run([named, "-c", "import sys; assert sys.version_info >= (3, 11)"], check=True)


@pytest.mark.parametrize(
    ("mark", "options", "ends"),
    [("", [], 0), ("", ["--no-skips"], 1), ("@pytest.mark.gpu\n", ["--no-skips"], 0)],
    ids=["a skip passes", "a skip fails under --no-skips", "a gpu test may skip"],
)
def test_no_skips_turns_a_skip_into_a_failure(tmp_path, mark, options, ends):
    """With --no-skips a skipped test fails, unless it is marked gpu."""
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n{mark}def test_it():\n    pytest.skip('not here')\n"
    )
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "tests.conftest",
        f"--rootdir={tmp_path}",
        "-c",
        "/dev/null",
    ]
    done = subprocess.run([*argv, *options, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == ends, done.stdout


def test_the_wheel_brings_what_a_local_pod_starts_with():
    """An installed podkeep has no checkout beside it: entrypoint.sh is in the wheel, where the simulator looks."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["shared-data"]["entrypoint.sh"] == "share/podkeep/entrypoint.sh"
    assert ENTRYPOINTS[0] == ROOT / "entrypoint.sh"
    assert ENTRYPOINTS[1].parts[-3:] == ("share", "podkeep", "entrypoint.sh")


def test_the_order_of_a_run_names_files_that_there_are():
    """A test that moved would begin last again, and nobody would see why a run takes longer."""
    assert [name for name in (*longest.FIRST, *longest.TOGETHER) if not (longest.HERE / name).is_file()] == []
    assert len(set(longest.FIRST)) == len(longest.FIRST)


def test_an_order_is_only_an_order():
    """Long ones early with others between them, those as they were, none lost; what belongs together is marked so."""
    short = [f"agent/{number}.py" for number in range(8)]
    names = [*short, longest.FIRST[1], longest.TOGETHER[-1], longest.FIRST[0]]
    marks = {name: [] for name in names}
    items = [SimpleNamespace(path=longest.HERE / name, add_marker=marks[name].append) for name in names]
    longest.in_order(items)
    assert [str(item.path.relative_to(longest.HERE)) for item in items] == [
        longest.FIRST[0], *short[:3], longest.FIRST[1], *short[3:], longest.TOGETHER[-1],
    ]  # fmt: skip
    assert [mark.args for mark in marks.pop(longest.TOGETHER[-1])] == [(longest.TOGETHER[-1],)]
    assert not any(marks.values())


def test_what_is_made_once_is_made_anew_after_a_failure(tmp_path_factory):
    """The first success stays; what failed left nothing behind that the next could take for whole."""

    def fail(folder):
        (folder / "half").touch()
        raise OSError(28, "no space left")

    made = []
    name = f"tried-{uuid.uuid4().hex}"
    with pytest.raises(OSError, match="no space"):
        once(tmp_path_factory, name, fail)
    for _ in range(2):
        place = once(tmp_path_factory, name, made.append)
    assert len(made) == 1
    assert list(place.iterdir()) == []
