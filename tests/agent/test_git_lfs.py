"""Files that a repository keeps in git LFS, from a server of our own."""

from __future__ import annotations

import os
import shutil

import pytest

from pod_agent.run.work import StepFailed
from tests.agent.code_place import ENV, WHO, Place
from tests.agent.secret_watch import SecretWatch
from tests.fakes.git_server import GitHost

pytestmark = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="needs git-lfs")
TOKEN = "glpat-PlantedForLfs-5Ty1"
WEIGHTS = os.urandom(200_000)


@pytest.fixture
def place(tmp_path):
    """A repository whose *.bin live in git LFS."""
    place = Place(tmp_path)
    for key, value in (
        ("clean", "git-lfs clean -- %f"),
        ("smudge", "git-lfs smudge -- %f"),
        ("required", "true"),
    ):
        place.git("config", f"filter.lfs.{key}", value)
    (place.repo / "models").mkdir()
    (place.repo / "models/.gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (place.repo / "models/weights.bin").write_bytes(WEIGHTS)
    place.commit(**{"train.py": "one"})
    assert place.git("cat-file", "-s", "HEAD:models/weights.bin") < "2", "a pointer is in the commit"
    return place


@pytest.fixture
def host(tmp_path, place):
    with GitHost.running(tmp_path) as running:
        running.login = f"oauth2:{TOKEN}"
        yield running


def sync(place, host, env=ENV, **more):
    return place.sync(repo=host.url("origin/.git"), env={**env, "POD_GIT_TOKEN": TOKEN}, **more)


def test_large_files_come_with_the_same_login(place, host):
    """Their bytes lie in the tree, git sees no change, and the token is in no file."""
    with SecretWatch(TOKEN) as watch:
        assert sync(place, host).warnings == ()
    assert (place.tree / "models/weights.bin").read_bytes() == WEIGHTS
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert TOKEN.encode() not in place.log
    edited = place.git("config", "filter.lfs.clean", "git-lfs clean -- %f", cwd=place.tree)
    assert (edited, place.git("status", "--porcelain", cwd=place.tree)) == ("", "")


def test_an_edit_of_a_large_file_is_saved(place, host):
    """An edited LFS file is not written over unsaved, and an unedited one is no edit."""
    sync(place, host)
    place.commit(**{"train.py": "two"})
    sync(place, host)
    assert list((place.tree / ".git/podkeep").glob("edits-*")) == []
    (place.tree / "models/weights.bin").write_bytes(b"retrained" * 1000)
    (place.repo / "models/weights.bin").write_bytes(WEIGHTS[::-1])
    place.commit(**{"train.py": "three"})
    sync(place, host)
    assert (place.tree / "models/weights.bin").read_bytes() == WEIGHTS[::-1]
    saved = [path for path in (place.tree / ".git/podkeep").rglob("*") if path.is_file()]
    assert any(b"retrained" in path.read_bytes() for path in saved)


def test_without_git_lfs_the_warning_names_the_remedy(place, host, tmp_path):
    """The pointers lie in place of the files; the job is warned, and told what to install."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "setpriv"):
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    (warning,) = sync(place, host, env={**ENV, "PATH": str(programs)}).warnings
    assert "no git-lfs" in warning
    assert "apt-get install git-lfs" in warning
    assert (place.tree / "models/weights.bin").read_bytes().startswith(b"version https://git-lfs")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (403, "denied to POD_GIT_TOKEN"),
        pytest.param(404, "no such repository", marks=pytest.mark.slow),
        pytest.param(500, "fault of its own", marks=pytest.mark.slow),
        pytest.param(503, "fault of", marks=pytest.mark.slow),
    ],
)
def test_faults_of_the_lfs_server_have_their_words(place, host, fault, words):
    """The code came, the files did not: the step fails, saying which half."""
    host.fail(fault, where="/info/lfs/")
    quick = {**ENV, **WHO, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "lfs.transfer.maxretries",
             "GIT_CONFIG_VALUE_0": "1"}  # fmt: skip
    with (
        SecretWatch(TOKEN) as watch,
        pytest.raises(StepFailed, match="cannot fetch the git LFS files") as caught,
    ):
        sync(place, host, env=quick)
    assert words in str(caught.value)
    assert caught.value.hint
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert TOKEN not in f"{caught.value} {place.log!r}"


def test_an_object_that_was_never_pushed_is_said(place, host):
    """A pointer without its file on the server is a fault of the push, and the log has git's own words."""
    shutil.rmtree(place.repo / ".git/lfs")
    with pytest.raises(StepFailed, match="git LFS files"):
        sync(place, host)
    assert b"does not exist on the server" in place.log or b"Object does not exist" in place.log
