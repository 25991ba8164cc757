"""A job's code that comes from elsewhere from now on: until the new is here, the older stays."""

from __future__ import annotations

import pytest

from pod_agent.outputs.came import ID, PLACE
from pod_agent.run.code.present import lies_there
from pod_agent.run.work import StepCancelled, StepFailed
from tests.agent.code_place import ENV
from tests.agent.code_place import Place as GitPlace
from tests.agent.sources import Place, tar
from tests.agent.test_git_submodules import add

OLD = {"train.py": "tar", "lib/only_tar.py": "t"}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path / "pod")


@pytest.fixture
def git(tmp_path, place):
    git = GitPlace(tmp_path / "host")
    git.tree = place.tree
    return git


def archive(place, files=OLD):
    path = place.top / "code.tar.gz"
    path.write_bytes(tar(files))
    return path


@pytest.mark.parametrize("ref", [None, "no-such-branch"])
def test_an_archive_stays_when_git_fetches_nothing(place, git, ref):
    """No repository, no such branch: every file, and what names their state, is as it was; no empty store is left."""
    if ref:
        git.commit(**{"train.py": "git"})
    else:
        git.repo = git.repo / "nowhere"
    was = place.sync(archive(place)).commit
    (place.tree / "ckpt.pt").write_text("precious")
    with pytest.raises(StepFailed, match="cannot clone"):
        git.sync(ref=ref)
    assert place.files() == {**OLD, "ckpt.pt": "precious"}
    assert (place.tree / PLACE / ID).read_text() == was
    assert not (place.tree / ".git").exists()
    assert not list((place.tree / PLACE).glob("older*"))
    (place.top / "code.tar.gz").unlink()
    assert place.sync(place.top / "code.tar.gz", pinned=was).commit == was


def test_an_archive_is_kept_until_submodules_are_there_too(place, git, tmp_path):
    """A checkout that fails half way names where the older code is; one that ends removes it."""
    inner = GitPlace(tmp_path / "inner")
    inner.commit(**{"lib.py": "inner"})
    add(git, str(tmp_path / "inner" / "later"), inner, "inner")
    git.commit(**{"train.py": "git"})
    place.sync(archive(place))
    with pytest.raises(StepFailed, match="submodule"):
        git.sync()
    older = place.tree / PLACE / "older"
    assert (older / "train.py").read_text() == "tar"
    assert (older / "lib" / "only_tar.py").read_text() == "t"
    assert str(older).encode() in git.log
    inner.repo.rename(tmp_path / "inner" / "later")
    git.sync()
    assert git.text() == "git"
    assert (place.tree / "inner" / "lib.py").read_text() == "inner"
    assert not older.exists()


def test_a_give_up_amid_the_switch_is_no_whole_archive(place, git):
    """After a kill between two files nobody takes what is left for the archive's code."""
    git.commit(**{"train.py": "git"})
    path = archive(place, {f"{number}.py": "t" for number in range(5)})
    was = place.sync(path).commit
    work = place.work()

    def beat():
        if not (place.tree / "1.py").exists():
            raise StepCancelled

    work.beat = beat
    with pytest.raises(StepCancelled):
        git.sync(work=work)
    assert 0 < len(place.files()) < 5
    assert place.sync(path, pinned=was).commit == was
    assert place.files() == {f"{number}.py": "t" for number in range(5)}
    assert not (place.tree / PLACE / "older").exists()


@pytest.mark.parametrize("other", ["missing", "torn", "http", "hub"])
def test_git_stays_when_nothing_else_comes(place, git, other):
    """An archive that is not there, or damaged, and hosts where nobody answers: the commit lies there as before."""
    commit = git.commit(**{"train.py": "git"})
    git.sync()
    (place.tree / "train.py").write_text("edited")
    torn = archive(place)
    torn.write_bytes(torn.read_bytes()[:60])
    repo = {
        "missing": place.top / "nothing.tar.gz",
        "torn": torn,
        "http": "http://127.0.0.1:9/code.tar.gz",
        "hub": "hf://datasets/u/r",
    }[other]
    with pytest.raises(StepFailed):
        place.sync(repo, env={**ENV, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_DISABLE_XET": "1"})
    assert place.files() == {"train.py": "edited"}
    assert lies_there(place.tree, commit)
