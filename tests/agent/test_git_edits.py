"""What a person did in the job's folder is kept: edits, commits, files in the way, a clone of their own."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.agent.code_place import Place


@pytest.fixture
def place(tmp_path):
    """A tree at the first of two commits, with an untracked file."""
    place = Place(tmp_path)
    place.first = place.commit(**{"train.py": "one\n", "old.py": "old\n", ".gitignore": "*.pt\n"})
    place.sync()
    (place.tree / "notes").write_text("mine")
    (place.repo / "old.py").unlink()
    place.second = place.commit(**{"train.py": "two\n", "new.py": "new\n"})
    return place


def store(place):
    return place.tree / ".git"


def kept(place):
    """Everything that was saved: patches, files moved aside."""
    return b"".join(
        path.read_bytes() for path in store(place).rglob("podkeep/*s*/**/*") if path.is_file()
    ) + b"".join(path.read_bytes() for path in store(place).glob("podkeep/*.patch"))


def test_files_that_were_added_but_not_committed_stay(place):
    """`git add` makes a file known to git's index, and the checkout would take it away."""
    (place.tree / "added.py").write_text("added")
    place.git("add", "added.py", cwd=place.tree)
    place.sync()
    assert place.text("added.py") == "added"


def test_edits_that_git_was_told_not_to_see_are_saved(place):
    """`assume-unchanged` and `skip-worktree` hide an edit from git status, and not from us."""
    for flag, name in (("--assume-unchanged", "train.py"), ("--skip-worktree", "old.py")):
        place.git("update-index", flag, name, cwd=place.tree)
        (place.tree / name).write_text(f"hidden edit of {name}\n")
    place.sync()
    assert place.text() == "two\n"
    for name in ("train.py", "old.py"):
        assert f"hidden edit of {name}".encode() in kept(place)


def test_a_commit_made_here_on_no_branch_gets_a_name(place):
    """Work that was committed on a detached head is not left to the garbage collector."""
    (place.tree / "train.py").write_text("mine\n")
    place.git("commit", "-q", "-a", "-m", "mine", cwd=place.tree)
    mine = place.git("rev-parse", "HEAD", cwd=place.tree)
    place.sync()
    assert place.git("rev-parse", f"refs/podkeep/kept/{mine[:12]}", cwd=place.tree) == mine
    assert mine[:12].encode() in place.log


def test_a_persons_own_clone_keeps_its_past(place):
    """A whole clone that lies there is not cut short by a shallow fetch."""
    shutil.rmtree(place.tree)
    place.git("clone", "-q", place.repo, place.tree)
    third = place.commit(**{"train.py": "three\n"})
    assert place.sync().commit == third
    assert place.git("rev-list", "--count", "HEAD", cwd=place.tree) == "3"


@pytest.mark.parametrize("what", ["file", "dead link"])
def test_something_else_at_the_folders_place_is_moved_aside(place, what):
    """A file or a link to nowhere where the tree belongs is kept under another name."""
    shutil.rmtree(place.tree)
    place.tree.write_text("a file") if what == "file" else place.tree.symlink_to("/nowhere/at/all")
    assert place.sync().commit == place.second
    assert (
        len(list(place.tree.parent.glob("digits.aside-*")))
        + len([path for path in place.tree.parent.iterdir() if path.is_symlink()])
        >= 1
    )


def test_what_stands_for_a_folder_or_file_of_the_commit_is_moved_aside(place, tmp_path):
    """A link to a folder, and a folder full of checkpoints where a file comes, are kept whole."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/x").write_text("not ours")
    (place.tree / "data").symlink_to(tmp_path / "elsewhere")
    (place.tree / "out").mkdir()
    (place.tree / "out/step-1.pt").write_text("weights")
    (place.repo / "data").mkdir()
    place.commit(**{"data/x": "x", "out": "a file now"})
    place.sync()
    assert (place.text("data/x"), place.text("out")) == ("x", "a file now")
    assert (tmp_path / "elsewhere/x").read_text() == "not ours"
    (aside,) = (store(place) / "podkeep").glob("aside-*")
    assert (aside / "out/step-1.pt").read_text() == "weights"
    assert (aside / "data").is_symlink()


def test_a_tree_that_is_a_link_to_a_folder_is_used(place, tmp_path):
    """A person may keep the job's folder on another disk; the link stays, and no repository around it is touched."""
    place.git("init", "-q", tmp_path / "around")
    place.tree.rename(tmp_path / "around/kept")
    place.tree.symlink_to(tmp_path / "around/kept")
    (place.tree / ".git/HEAD").write_text("")
    assert place.sync().commit == place.second
    assert place.tree.is_symlink()
    assert place.text("notes") == "mine"
    assert not (tmp_path / "around/.git/podkeep").exists()


def test_a_tree_of_an_earlier_podkeep_is_taken_over_quietly(place):
    """A checkout that has the mark and no list of what was wanted is no work of a person's."""
    (store(place) / "podkeep/wanted").unlink()
    assert place.sync().commit == place.second
    assert b"is kept as" not in place.log


def test_twice_in_a_second_overwrites_no_patch(place):
    """Each patch has a name of its own."""
    (place.tree / "train.py").write_text("first edit\n")
    place.sync()
    (place.tree / "train.py").write_text("second edit\n")
    place.sync(pinned=place.first)
    assert b"first edit" in kept(place)
    assert b"second edit" in kept(place)


def test_binary_edits_and_odd_names_are_saved(place):
    """Names that are no UTF-8, spaces, quotes and binary content survive in the patch."""
    names = [os.fsdecode(name) for name in (b"a b.txt", b'q"uote', b"\xff\xfe.bin", b"new\nline")]
    for name in names:
        (place.repo / name).write_bytes(b"\0\1\2committed")
    place.commit()
    place.sync()
    for name in names:
        (place.tree / name).write_bytes(bytes(range(256)) + b"edited")
    place.sync(pinned=place.second)
    (patch,) = (store(place) / "podkeep").glob("edits-*.patch")
    place.sync()
    place.git("apply", patch, cwd=place.tree)
    assert all((place.tree / name).read_bytes().endswith(b"edited") for name in names)


def test_edits_behind_a_link_stay_where_they_are(place):
    """A folder of the repository was moved to another disk and linked: checking out takes nothing from there."""
    (place.repo / "data").mkdir()
    place.commit(**{"train.py": "one", "data/rows": "1"})
    place.sync()
    elsewhere = place.repo.parent / "elsewhere"
    (place.tree / "data").rename(elsewhere)
    (place.tree / "data").symlink_to(elsewhere)
    (elsewhere / "rows").write_text("edited")
    (place.tree / "train.py").write_text("edited, too")
    place.commit(**{"train.py": "two", "data/rows": "2"})
    place.sync()
    assert (elsewhere / "rows").read_text() == "edited"
    assert (place.text(), place.text("data/rows")) == ("two", "2")
    saved = {path.name: path for path in (place.tree / ".git/podkeep").rglob("*")}
    assert saved["data"].readlink() == elsewhere
    assert saved["train.py"].read_text() == "edited, too"
