"""How the code of a job is brought to a pod, with real repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pod_agent.run.code.sync import sync
from pod_agent.run.work import StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec
from tests.agent.code_place import ENV, Place
from tests.tables import mostly_slow


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_the_default_branch_is_taken_without_its_past(place):
    """Without a ref the newest commit of the default branch lies in the tree, and nothing older."""
    place.commit(**{"train.py": "one"})
    newest = place.commit(**{"train.py": "two"})
    synced = place.sync()
    assert (synced.commit, synced.folder, place.text()) == (newest, place.tree, "two")
    assert place.git("rev-list", "--count", "HEAD", cwd=place.tree) == "1"
    assert newest[:12].encode() in place.log


@pytest.mark.parametrize("form", mostly_slow(["path", "file"], "path"))
@pytest.mark.parametrize("kind", ["branch", "tag", "annotated", "sha", "short"])
def test_every_kind_of_ref_is_understood(place, kind, form):
    """A branch, both kinds of tag, and a full or short commit each lead to exactly that commit."""
    wanted = place.commit(**{"train.py": "one"})
    place.git("branch", "dev/x")
    place.git("tag", "v1")
    place.git("tag", "-a", "v2", "-m", "annotated")
    place.commit(**{"train.py": "two"})
    ref = {"branch": "dev/x", "tag": "v1", "annotated": "v2", "sha": wanted, "short": wanted[:9]}[kind]
    synced = place.sync(ref=ref, repo=place.repo if form == "path" else f"file://{place.repo}")
    assert (synced.commit, place.text()) == (wanted, "one")


def test_a_pinned_commit_that_lies_there_needs_no_git_at_all(place, tmp_path):
    """The restart path reads two small files: it works without git and without the repository."""
    pinned = place.sync_first = place.commit(**{"train.py": "one"})
    place.sync()
    place.repo.rename(tmp_path / "gone")
    assert place.sync(pinned=pinned, env={"PATH": "/nonexistent"}).commit == pinned


def test_a_pinned_commit_stays_when_the_branch_moves(place):
    """Only an order without a pin moves the commit."""
    pinned = place.commit(**{"train.py": "one"})
    place.sync()
    newest = place.commit(**{"train.py": "two"})
    assert place.sync(pinned=pinned).commit == pinned
    assert place.text() == "one"
    assert place.sync().commit == newest
    assert place.text() == "two"
    place.repo.rename(place.repo.with_name("gone"))
    assert place.sync(pinned=pinned).commit == pinned, "it is still in the tree's own store"
    assert place.text() == "one"


def test_a_checkout_that_was_killed_is_done_again(place):
    """Without the mark of a finished checkout the files are put right, whatever HEAD says."""
    pinned = place.commit(**{"train.py": "one", "other.py": "x"})
    place.sync()
    (place.tree / ".git/podkeep/commit").unlink()
    (place.tree / "other.py").unlink()
    (place.tree / ".git/index.lock").write_text("")
    place.sync(pinned=pinned)
    assert place.text("other.py") == "x"


def test_untracked_and_ignored_files_stay(place):
    """Checkpoints that lie in the tree survive every sync."""
    place.commit(**{"train.py": "one", ".gitignore": "*.pt"})
    place.sync()
    (place.tree / "last.pt").write_text("weights")
    (place.tree / "notes").write_text("mine")
    place.commit(**{"train.py": "two"})
    place.sync()
    assert (place.text("last.pt"), place.text("notes"), place.text()) == ("weights", "mine", "two")


def test_edits_are_saved_as_a_patch_named_in_the_log(place):
    """An edit of a tracked file is not lost when a new commit is checked out."""
    place.commit(**{"train.py": "one\n"})
    place.sync()
    (place.tree / "train.py").write_text("mine\n")
    place.commit(**{"train.py": "two\n"})
    place.sync()
    assert place.text() == "two\n"
    (patch,) = (place.tree / ".git/podkeep").glob("edits-*.patch")
    assert str(patch).encode() in place.log
    assert "+mine" in patch.read_text()


def test_an_untracked_file_in_the_way_is_moved_aside(place):
    """A file of the user's where the new commit has one is kept; an equal one is left alone."""
    place.commit(**{"train.py": "one"})
    place.sync()
    (place.tree / "config.json").write_text("mine")
    (place.tree / "same.json").write_text("same")
    (place.tree / "data").write_text("a file where a folder comes")
    (place.repo / "data").mkdir()
    place.commit(**{"config.json": "theirs", "same.json": "same", "data/x": "x"})
    place.sync()
    assert (place.text("config.json"), place.text("data/x")) == ("theirs", "x")
    kept = {p.name: p.read_text() for p in (place.tree / ".git/podkeep").glob("aside-*/*")}
    assert kept == {"config.json": "mine", "data": "a file where a folder comes"}


def test_a_damaged_store_is_kept_aside_and_made_anew(place):
    """A .git that lost objects when the pod was killed does not end the job."""
    commit = place.commit(**{"train.py": "one"})
    place.sync()
    (place.tree / "last.pt").write_text("weights")
    for thing in (place.tree / ".git/objects").rglob("*"):
        if thing.is_file():
            thing.chmod(0o600)
            thing.write_bytes(b"")
    (place.tree / ".git/podkeep/commit").unlink()
    assert place.sync(pinned=commit).commit == commit
    assert (place.text(), place.text("last.pt")) == ("one", "weights")


def test_a_tree_of_another_owner_is_accepted(place):
    """Root may check out from and into what somebody else owns, where git by itself refuses."""
    commit = place.commit(**{"train.py": "one"})
    others = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    refused = subprocess.run(
        ["git", "log"], cwd=place.repo, env={**ENV, **others}, capture_output=True, check=False
    )
    assert b"dubious ownership" in refused.stderr
    assert place.sync(env={**ENV, **others}).commit == commit


def test_submodules_come_along(place, tmp_path):
    """A submodule named relative to its parent is checked out at the commit the parent pins."""
    Path(tmp_path / "lib").mkdir()
    place.git("init", "-q", "-b", "main", tmp_path / "lib")
    (tmp_path / "lib/lib.py").write_text("lib")
    place.git("add", "-A", cwd=tmp_path / "lib")
    place.git("commit", "-q", "-m", "a", cwd=tmp_path / "lib")
    place.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../lib", "lib")
    place.commit(**{"train.py": "one"})
    place.sync(env={**ENV, "GIT_ALLOW_PROTOCOL": "file"})
    assert place.text("lib/lib.py") == "lib"
    assert place.git("remote", "get-url", "origin", cwd=place.tree) == str(place.repo)


def test_a_subfolder_is_where_the_command_runs(place):
    """POD_SUBDIR is a folder of the commit; one that is not there, or leads out, fails."""
    (place.repo / "sub").mkdir()
    place.commit(**{"sub/train.py": "one"})
    assert place.sync(subdir="sub").folder == place.tree / "sub"
    for wrong in ("other", "../.."):
        with pytest.raises(StepFailed, match="POD_SUBDIR"):
            place.sync(subdir=wrong)


def test_without_a_repository_the_workspace_is_the_place(tmp_path):
    """A job without code runs in the workspace itself."""
    synced = sync(JobSpec("x", "true"), tmp_path / "x", None, ENV, Work(lambda _: None, RealClock()))
    assert (synced.folder, synced.commit) == (tmp_path, None)


@pytest.mark.parametrize("how", mostly_slow(["shallow", "detached", "bare"], "shallow"))
def test_every_kind_of_clone_can_be_cloned_from(place, tmp_path, how):
    """A shallow clone, a detached checkout and a bare repository are sources like any other."""
    place.commit(**{"train.py": "one"})
    commit = place.commit(**{"train.py": "two"})
    source = tmp_path / "source"
    option = {"shallow": ["--depth=1"], "detached": [], "bare": ["--bare"]}[how]
    place.git("clone", "-q", *option, f"file://{place.repo}", source)
    if how == "detached":
        place.git("checkout", "-q", "--detach", "HEAD~1", cwd=source)
        commit = place.git("rev-parse", "HEAD~1")
    assert place.sync(repo=source).commit == commit
    assert place.sync(repo=source, ref=commit[:10]).commit == commit


def test_changes_that_are_not_committed_are_warned_about(place):
    """Whoever points at a folder on the same machine learns that only commits count."""
    place.commit(**{"train.py": "one"})
    Path(place.repo / "train.py").write_text("edited")
    assert "not committed" in "".join(place.sync().warnings)
