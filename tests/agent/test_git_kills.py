"""A sync that is killed at any moment is done by the next one, and no file of a person's is lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.agent.code_place import ENV, Place
from tests.live import wait_for
from tests.story.seen import dice

ROOT = Path(__file__).parent.parent.parent
ALLOWED = {**ENV, "GIT_ALLOW_PROTOCOL": "file"}
KILLS = 30
UNTRACKED = {"last.pt": "weights", "out/step-1.pt": "more weights", "notes": "mine", "lib/run.log": "a log"}


def big_commit(place: Place, number: int) -> str:
    """Many files, of which most change, some come and some go."""
    place.git("rm", "-rq", "--ignore-unmatch", "gone", cwd=place.repo)
    folder = place.repo / "gone"
    folder.mkdir(exist_ok=True)
    for at in range(60):
        (folder / f"{number}-{at}").write_text(f"{number} {at}\n" * 20)
        (place.repo / f"file-{at}").write_text(f"{number} {at}\n" * 200)
    return place.commit(**{"train.py": str(number), ".gitignore": "*.pt\n*.log\n"})


def started(place: Place, ref: str | None) -> subprocess.Popen[bytes]:
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.agent.sync_program"],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "agent", ROOT / "client"))),
            "TMPDIR": str(place.tree.parent.parent),  # what a kill leaves there is gone with the test
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    asked = {"repo": str(place.repo), "tree": str(place.tree), "ref": ref, "env": ALLOWED}
    program.stdin.write(json.dumps(asked).encode())
    program.stdin.close()
    return program


def gits_of(place: Place) -> bool:
    """Whether a git still works in the tree."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and (folder / "cwd").readlink().is_relative_to(place.tree):
                return True
        except OSError:  # gone, or not ours
            continue
    return False


def killed(place: Place, ref: str, chance: random.Random, longest_s: float) -> float:
    """Kill a sync, and all its gits with it; how far it had come."""
    program = started(place, ref)
    after = chance.uniform(0.0, longest_s)
    began = time.monotonic()
    try:
        program.wait(after)
    except subprocess.TimeoutExpired:
        program.send_signal(signal.SIGKILL)
        program.wait()
    wait_for("its gits are gone", lambda: not gits_of(place))
    return time.monotonic() - began


@pytest.mark.slow
def test_a_sync_killed_at_random_moments_is_done_by_the_next(tmp_path):
    """Thirty kills while three commits take turns, then one sync: the commit, its submodule, all untracked files."""
    chance = dice("kills of a sync")
    place, lib = Place(tmp_path), Place(tmp_path / "inner")
    lib.commit(**{f"lib-{at}": "one\n" * 50 for at in range(30)})
    place.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", lib.repo, "lib")
    commits = [big_commit(place, number) for number in range(3)]
    place.sync(ref=commits[0], env=ALLOWED)
    for name, text in UNTRACKED.items():
        (place.tree / name).parent.mkdir(exist_ok=True)
        (place.tree / name).write_text(text)
    began = time.monotonic()
    assert started(place, commits[1]).wait(120) == 0
    longest = time.monotonic() - began
    for _ in range(KILLS):
        killed(place, chance.choice(commits), chance, longest)
    for commit in (chance.choice(commits), commits[2]):
        place.sync(ref=commit, env=ALLOWED)
        check(place, commit)
    assert [path.name for path in place.tree.iterdir() if path.name.startswith("gone-")] == []


def check(place: Place, commit: str) -> None:
    """The commit lies there and nothing else but what nobody tracks."""
    assert place.git("rev-parse", "HEAD", cwd=place.tree) == commit
    assert {name: place.text(name) for name in UNTRACKED} == UNTRACKED
    assert place.text("lib/lib-7") == "one\n" * 50
    said = place.git("status", "--porcelain", "--ignore-submodules=untracked", cwd=place.tree).splitlines()
    assert sorted(said) == ["?? notes"], said
    place.git("fsck", cwd=place.tree)
    place.git("fsck", cwd=place.tree / "lib")
    assert list((place.tree / ".git").rglob("*.lock")) == []
    assert list((place.tree / ".git").rglob("tmp_*")) == []
    saved = [
        path.name
        for path in (place.tree / ".git/podkeep").iterdir()
        if path.name.startswith(("aside", "edits"))
    ]
    assert saved == [], "files of a commit were taken for a person's"


@pytest.mark.slow
def test_a_first_clone_killed_at_random_moments_is_done_by_the_next(tmp_path):
    """A folder that holds a person's files and half a clone becomes the commit, and keeps the files."""
    chance = dice("kills of a first clone")
    place = Place(tmp_path)
    commit = big_commit(place, 1)
    place.tree.mkdir(parents=True)
    (place.tree / "last.pt").write_text("weights")
    for _ in range(12):
        killed(place, commit, chance, 1.0)
    assert place.sync(ref=commit).commit == commit
    assert place.text("last.pt") == "weights"
    assert place.git("status", "--porcelain", cwd=place.tree) == ""
