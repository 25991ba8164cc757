"""A folder in any state becomes the job's code, and no file of a person's is lost on the way."""

from __future__ import annotations

import shutil

import pytest

from tests.agent.code_place import Place
from tests.tables import mostly_slow


@pytest.fixture
def place(tmp_path):
    """A tree at the first of two commits, with an untracked file and an ignored one."""
    place = Place(tmp_path)
    place.first = place.commit(**{"train.py": "one\n", "old.py": "old\n", ".gitignore": "*.pt\n"})
    place.sync()
    (place.tree / "notes").write_text("mine")
    (place.tree / "last.pt").write_text("weights")
    (place.repo / "old.py").unlink()
    place.second = place.commit(**{"train.py": "two\n", "new.py": "new\n"})
    return place


def store(place):
    return place.tree / ".git"


def cut(path):
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.chmod(0o600)
    path.write_bytes(b"")


def locks(place):
    (store(place) / "refs/podkeep").mkdir(parents=True, exist_ok=True)
    for name in ("index", "HEAD", "config", "packed-refs", "shallow", "refs/podkeep/x"):
        (store(place) / f"{name}.lock").write_text("")


def cut_packs(place):
    for pack in (store(place) / "objects/pack").glob("*.pack"):
        cut(pack)


def empty_packs(place):
    for pack in (store(place) / "objects/pack").glob("*"):
        empty(pack)


def no_objects(place):
    shutil.rmtree(store(place) / "objects")


def half_index(place):
    cut(store(place) / "index")


def empty_index(place):
    empty(store(place) / "index")


def empty_head(place):
    empty(store(place) / "HEAD")


def no_head(place):
    (store(place) / "HEAD").unlink()


def head_to_nowhere(place):
    (store(place) / "HEAD").write_text("ref: refs/heads/gone\n")


def head_to_a_lost_commit(place):
    (store(place) / "HEAD").write_text("1" * 40 + "\n")


def zero_config(place):
    (store(place) / "config").write_bytes(bytes(80))


def wrong_refspec(place):
    config = store(place) / "config"
    config.write_bytes(config.read_bytes().replace(b"heads/*:", b"heads/\xd5:"))


def half_refspec(place):
    cut_config(place, b"heads/*:")


def cut_config(place, after):
    """As a power cut may: what follows these bytes is lost."""
    config = store(place) / "config"
    whole = config.read_bytes()
    config.write_bytes(whole[: whole.rindex(after) + len(after)])


def empty_config(place):
    empty(store(place) / "config")


def bare_config(place):
    place.git("config", "core.bare", "true", cwd=place.tree)


def zero_shallow(place):
    (store(place) / "shallow").write_bytes(bytes(41))


def empty_ref(place):
    (store(place) / "refs/heads").mkdir(parents=True, exist_ok=True)
    (store(place) / "refs/heads/main").write_text("")


def dangling_worktree(place):
    shutil.rmtree(store(place))
    store(place).write_text("gitdir: /nowhere/.git/worktrees/x\n")


def no_store(place):
    shutil.rmtree(store(place))


def store_is_junk(place):
    shutil.rmtree(store(place))
    store(place).mkdir()
    (store(place) / "junk").write_text("junk")


def sparse(place):
    place.git("sparse-checkout", "set", "nothing", cwd=place.tree)


def hook_that_fails(place):
    hooks = store(place) / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "post-checkout").write_text("#!/bin/sh\nexit 3\n")
    (hooks / "post-checkout").chmod(0o755)


DAMAGE = [
    locks, cut_packs, empty_packs, no_objects, half_index, empty_index, empty_head, no_head, head_to_nowhere,
    head_to_a_lost_commit, zero_config, empty_config, bare_config, zero_shallow, empty_ref, dangling_worktree,
    no_store, store_is_junk, sparse, hook_that_fails, wrong_refspec, half_refspec,
]  # fmt: skip
LOST = [  # with the store, what the commit before consisted of is lost: its files stay, as nobody's
    cut_packs, empty_packs, no_objects, head_to_a_lost_commit, zero_config, zero_shallow, dangling_worktree,
    no_store, store_is_junk, wrong_refspec, half_refspec,
]  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    mostly_slow(DAMAGE, locks, cut_packs, half_index, bare_config, no_store),
    ids=lambda damage: damage.__name__,
)
def test_every_damage_is_repaired(place, damage):
    """The commit lies there afterwards; untracked files, ignored files and edits are all still somewhere."""
    (place.tree / "train.py").write_text("edited by hand\n")
    damage(place)
    assert place.sync().commit == place.second
    assert (place.text(), place.text("new.py")) == ("two\n", "new\n")
    assert (place.text("notes"), place.text("last.pt")) == ("mine", "weights")
    assert place.git("status", "--porcelain", "--untracked-files=no", cwd=place.tree) == ""
    assert place.git("rev-parse", "HEAD", cwd=place.tree) == place.second
    place.git("fsck", cwd=place.tree)
    assert b"edited by hand" in kept(place)
    if damage not in LOST:
        assert not (place.tree / "old.py").exists()


def kept(place):
    """Everything that was saved: patches, files moved aside."""
    return b"".join(
        path.read_bytes() for path in store(place).rglob("podkeep/*s*/**/*") if path.is_file()
    ) + b"".join(path.read_bytes() for path in store(place).glob("podkeep/*.patch"))


@pytest.mark.slow
@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_a_pinned_commit_comes_back_after_every_damage(place, damage):
    """The same with the commit pinned that should lie there already."""
    damage(place)
    (store(place) / "podkeep/commit").unlink(missing_ok=True) if store(place).is_dir() else None
    assert place.sync(pinned=place.first).commit == place.first
    assert (place.text(), place.text("old.py")) == ("one\n", "old\n")
    assert (place.text("notes"), place.text("last.pt")) == ("mine", "weights")


@pytest.mark.slow
def test_a_config_that_ends_at_any_byte_of_its_refspec_is_repaired(place):
    """git calls most of them invalid, and each by other words of it."""
    spec = b"+refs/heads/*:refs/remotes/origin/*"
    for length in range(len(spec)):
        cut_config(place, b"fetch = " + spec[:length])
        wanted = (place.first, place.second)[length % 2]
        assert place.sync(ref=wanted).commit == wanted
        assert place.text() == ("one\n", "two\n")[length % 2]
        place.git("config", "--replace-all", "remote.origin.fetch", spec.decode(), cwd=place.tree)


def test_a_clone_of_another_repository_becomes_this_one(place, tmp_path):
    """Its own branches stay, its edits are saved, its login does not stay in the address."""
    other = Place(tmp_path / "x")
    other.commit(**{"other.py": "other\n"})
    shutil.rmtree(place.tree)
    place.git("clone", "-q", other.repo, place.tree)
    place.git("config", "remote.origin.url", "https://me:left-there-by-hand@host/x", cwd=place.tree)
    (place.tree / "other.py").write_text("edited\n")
    assert place.sync().commit == place.second
    assert not (place.tree / "other.py").exists()
    assert place.git("show", "main:other.py", cwd=place.tree) == "other"
    assert b"+edited" in kept(place)
    assert "left-there" not in (store(place) / "config").read_text()
    assert b"clone of another repository" in place.log


def test_a_rebase_in_progress_is_ended_and_its_notes_are_kept(place):
    """Half a rebase with a conflict is no code: the commit is checked out, the conflict saved as an edit."""
    place.git("checkout", "-q", "-b", "mine", cwd=place.tree)
    for text, branch in (("left\n", "left"), ("right\n", "right")):
        place.git("checkout", "-q", "-b", branch, "mine", cwd=place.tree)
        (place.tree / "train.py").write_text(text)
        place.git("commit", "-q", "-a", "-m", branch, cwd=place.tree)
    with pytest.raises(Exception, match="rebase"):
        place.git("rebase", "left", cwd=place.tree)
    assert place.sync().commit == place.second
    assert place.text() == "two\n"
    assert b"in progress" in place.log
    assert b"<<<<<<<" in kept(place)
    assert "rebase" not in place.git("status", cwd=place.tree)
    assert place.git("rev-parse", "left", "right", cwd=place.tree)


def cut_amid_a_file(place):
    """As a kill leaves it: the commit is wanted, git has begun with its files, and HEAD is still the first's."""
    (store(place) / "podkeep/commit").unlink()
    with (store(place) / "podkeep/wanted").open("a") as notes:
        notes.write(f"{place.second}\n")
    place.git("fetch", "-q", place.repo, place.second, cwd=place.tree)


@pytest.mark.parametrize(("changed", "new"), [("", ""), ("t", "ne"), ("two\n", "")])
def test_a_file_that_a_killed_checkout_was_writing_is_nobodys_edit(place, changed, new):
    """A new file and a changed one, each only begun: no patch, nothing moved aside, no word that frightens."""
    cut_amid_a_file(place)
    (place.tree / "train.py").write_text(changed)
    (place.tree / "new.py").write_text(new)
    third = place.commit(**{"new.py": "newer\n"})
    assert place.sync().commit == third
    assert (place.text(), place.text("new.py")) == ("two\n", "newer\n")
    assert kept(place) == b""
    assert b"moved to" not in place.log
    assert b"edited" not in place.log


def test_an_edit_beside_a_killed_checkout_is_saved(place):
    """What is no beginning of the commit's own file was somebody's."""
    cut_amid_a_file(place)
    (place.tree / "train.py").write_text("tw!")
    (place.tree / "new.py").write_text("newly made by hand")
    assert place.sync().commit == place.second
    assert (place.text(), place.text("new.py")) == ("two\n", "new\n")
    assert b"+tw!" in kept(place)
    assert b"newly made by hand" in kept(place)


def test_the_beginning_of_a_file_is_a_persons_where_no_checkout_was_killed(place):
    """It lay there before the commit was wanted: it is moved aside as it is."""
    (place.tree / "new.py").write_text("ne")
    assert place.sync().commit == place.second
    assert kept(place) == b"ne"
