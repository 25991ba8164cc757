"""What `--tree` sends: the same tar for the same tree, what git would commit and no more, nothing private unasked."""

from __future__ import annotations

import contextlib
import io
import os
import random
import tarfile

import pytest

from pod_client.code.checkout import read_checkout
from pod_client.code.difference import keep_patch, summary
from pod_client.code.listing import list_tree
from pod_client.code.packing import pack, size_of
from pod_wire.errors import BadInput
from tests.client.checkouts import checkout, commit, git


@pytest.fixture
def repo(tmp_path):
    return checkout(tmp_path)


@contextlib.contextmanager
def packing(folder, *, has_git=False):
    packed = pack(list_tree(folder, has_git=has_git))
    try:
        yield packed
    finally:
        packed.close()


def name_of(repo):
    with packing(repo, has_git=True) as packed:
        return packed.digest


def sent(repo):
    """Names, and for files their content and mode."""
    with packing(repo, has_git=True) as packed:
        data = packed.read(0, packed.size)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {
            one.name: one.linkname if one.issym() else (tar.extractfile(one).read(), one.mode) for one in tar
        }


def test_what_git_would_commit_is_sent(repo):
    """Tracked files as they are now, new ones, links as links, modes; neither deleted nor ignored nor .git."""
    (repo / "gone.py").write_text("g")
    (repo / ".gitignore").write_text("*.log\nsecret.env\nout/\n")
    (repo / "weights.log").write_text("tracked although ignored")
    git(repo, "add", "-f", "weights.log")
    commit(repo, "more")
    (repo / "gone.py").unlink()
    (repo / "train.py").write_text("edited")
    (repo / "staged.py").write_text("staged")
    git(repo, "add", "staged.py")
    (repo / "run.sh").write_text("#!/bin/sh")
    (repo / "run.sh").chmod(0o755)
    (repo / "ünï cödé\n.txt").write_text("u")
    (repo / "link").symlink_to("train.py")
    for private in ("secret.env", "a.log", ".env", ".env.local", "id_rsa"):
        (repo / private).write_text("TOKEN=very-private")
    (repo / ".env.example").write_text("TOKEN=")
    (repo / "out").mkdir()
    (repo / "out" / "ckpt.pt").write_text("w")
    os.mkfifo(repo / "pipe")
    found = sent(repo)
    assert set(found) == {
        "train.py", "staged.py", "run.sh", "ünï cödé\n.txt", "link", ".gitignore", "weights.log", ".env.example",
    }  # fmt: skip
    assert found["train.py"] == (b"edited", 0o644)
    assert found["run.sh"][1] == 0o755
    assert found["link"] == "train.py"
    assert not any(b"very-private" in one[0] for one in found.values() if isinstance(one, tuple))
    assert set(list_tree(repo, has_git=True).held_back) == {".env", ".env.local", "id_rsa"}


def test_a_private_name_that_git_tracks_is_the_repository_s_own(repo):
    """What was committed is no secret any more."""
    (repo / ".env").write_text("A=1")
    commit(repo, "on purpose")
    assert ".env" in sent(repo)


def test_submodules_and_repositories_inside_come_along(repo, tmp_path):
    """With their own edits and their own ignored files; one that was not checked out is empty."""
    inner = checkout(tmp_path, "inner")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", tmp_path / "inner.git", "sub")
    commit(repo, "with a submodule")
    (repo / "sub" / "train.py").write_text("edited inside")
    (repo / "sub" / ".gitignore").write_text("x\n")
    (repo / "sub" / "x").write_text("ignored inside")
    git(tmp_path, "clone", "-q", inner, repo / "nested")
    found = sent(repo)
    assert found["sub/train.py"][0] == b"edited inside"
    assert found["nested/train.py"][0] == b"print('pushed')\n"
    assert "sub/x" not in found
    assert not any(".git/" in name for name in found)


def test_the_same_tree_has_the_same_name(repo, tmp_path):
    """Times, the order of making and the folder do not count; a byte, a mode and a name do."""
    first = name_of(repo)
    os.utime(repo / "train.py", (1, 1))
    assert name_of(repo) == first
    other = tmp_path / "elsewhere"
    git(tmp_path, "clone", "-q", repo, other)
    assert name_of(other) == first
    (other / "train.py").chmod(0o755)
    assert name_of(other) != first


def test_a_folder_without_git_is_sent_without_caches(tmp_path):
    """Environments, caches and private files stay; empty folders are none."""
    for name in (
        "train.py",
        "lib/a.py",
        "lib/a.pyc",
        "__pycache__/b",
        "venv2/pyvenv.cfg",
        "venv2/x",
        ".venv/y",
        ".env",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    listing = list_tree(tmp_path, has_git=False)
    assert (listing.names, listing.held_back) == (("lib/a.py", "train.py"), (".env",))
    assert size_of(listing) == 2


def test_links_that_lead_out_are_left_out(tmp_path):
    """A link to this machine's own files would be a dead one there."""
    (tmp_path / "train.py").write_text("x")
    for name, target in (("abs", "/etc/passwd"), ("up", "../../x"), ("fine", "train.py")):
        (tmp_path / name).symlink_to(target)
    with packing(tmp_path) as packed:
        assert set(packed.left_out) == {"abs", "up"}


def test_names_that_are_no_text_survive(tmp_path):
    """Linux lets a name hold any byte."""
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text("x")
    with packing(tmp_path) as packed, tarfile.open(fileobj=io.BytesIO(packed.read(0, packed.size))) as tar:
        assert [os.fsencode(one.name) for one in tar] == [b"caf\xe9.py"]


def test_any_part_of_the_tar_can_be_read_again(tmp_path):
    """A sender that was cut goes on anywhere."""
    (tmp_path / "noise").write_bytes(random.Random(3).randbytes(100_000))
    with packing(tmp_path) as packed:
        whole = packed.read(0, packed.size)
        assert len(whole) == packed.size
        assert packed.read(70_000, 1000) == whole[70_000:71_000]


def test_a_file_that_vanishes_is_said(tmp_path):
    """Between listing and packing a file may go: the message names it."""
    (tmp_path / "train.py").write_text("x")
    listing = list_tree(tmp_path, has_git=False)
    (tmp_path / "train.py").unlink()
    with pytest.raises(BadInput, match="cannot read"):
        pack(listing)


def test_the_difference_is_kept_as_a_patch(repo, tmp_path):
    """For this user only, new files included, private ones not; the person's index stays as it was."""
    (repo / "train.py").write_text("edited\n")
    (repo / "new.py").write_text("new\n")
    (repo / ".env").write_text("TOKEN=very-private")
    before = git(repo, "status", "--porcelain")
    found = read_checkout(repo)
    assert summary(found).endswith("with 1 file changed, 2 untracked")
    patch = keep_patch(found, dict(os.environ), tmp_path / "patches")
    text = patch.read_text()
    assert "+edited" in text
    assert "+new" in text
    assert "very-private" not in text
    assert patch.stat().st_mode & 0o777 == 0o600
    assert git(repo, "status", "--porcelain") == before
    clone = tmp_path / "again"
    git(tmp_path, "clone", "-q", repo, clone)
    git(clone, "apply", patch)
    assert (clone / "new.py").read_text() == "new\n"


def test_the_patch_holds_no_private_file_of_a_new_folder(repo, tmp_path):
    """git names a new folder as one: what is private in it is left out all the same, and so is what was said to be."""
    (repo / "new").mkdir()
    for name in ("new/.env", "new/vars", ".env"):
        (repo / name).write_text("TOKEN=very-private")
    (repo / "new" / "model.py").write_text("new\n")
    (repo / ":(exclude)new").write_text("a name that is no pattern\n")
    patch = keep_patch(read_checkout(repo), dict(os.environ), tmp_path / "p", {"new/vars"})
    text = patch.read_text()
    assert "very-private" not in text
    assert "+new" in text
    assert "+a name that is no pattern" in text


def test_no_patch_is_made_of_data(repo, tmp_path):
    """git would hold it in memory several times over."""
    with (repo / "data.bin").open("wb") as file:
        file.truncate(60_000_000)
    assert keep_patch(read_checkout(repo), dict(os.environ), tmp_path / "p") is None


@pytest.mark.slow
def test_a_patch_of_more_names_than_a_command_line_holds(repo, tmp_path):
    """A folder full of small results."""
    for number in range(12_000):
        (repo / f"{number:06d}{'x' * 180}").write_text("1\n")
    patch = keep_patch(read_checkout(repo), dict(os.environ), tmp_path / "p")
    assert patch.read_text().count("\n+1\n") == 12_000


def test_an_odd_repository_has_its_checkout_too(tmp_path):
    """Without a commit, without a remote, detached, or no git at all."""
    assert read_checkout(tmp_path) is None
    bare = tmp_path / "fresh"
    git(tmp_path, "init", "-q", "-b", "main", bare)
    (bare / "train.py").write_text("x")
    found = read_checkout(bare)
    assert (found.commit, found.remote, found.is_as_pushed) == (None, None, False)
    assert summary(found) == "nothing committed with 1 untracked"
    assert keep_patch(found, dict(os.environ), tmp_path / "p") is not None
    first = commit(bare, "one")
    git(bare, "checkout", "-q", "--detach")
    found = read_checkout(bare)
    assert (found.commit, found.branch, found.is_dirty) == (first, None, False)
