"""Code from an archive: unpacked safely, pinned, put over an earlier one without losing what others wrote."""

from __future__ import annotations

import os
import stat
import tarfile
import zipfile

import pytest

from pod_agent.outputs.came import ID, PLACE, Manifest
from pod_agent.outputs.checkpoints.find import find
from pod_agent.outputs.checkpoints.tracked import tracked
from pod_agent.run.code.unpack import _of_zip, _Writer
from pod_agent.run.work import StepFailed
from tests.agent.code_place import Place as GitPlace
from tests.agent.sources import Place, kept, member, tar, zipped

FILES = {"train.py": "one", "lib/model.py": "m", "run.sh": "#!/bin/sh", "ünï/dätä.txt": "x"}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("c.tar", tar(FILES, "")), ("c.tar.gz", tar(FILES)), ("c.tgz", tar(FILES)), ("c.tar.bz2", tar(FILES, "bz2")),
        ("c.tar.xz", tar(FILES, "xz")), ("c.zip", zipped(FILES)), ("flat.tar.gz", tar(FILES, top="")),
        ("dotted.tar.gz", tar(FILES, top="./")), ("wrong-name.zip", tar(FILES)),
    ],
)  # fmt: skip
def test_every_kind_of_archive_is_unpacked(place, name, data):
    """Whatever packed it, the code lies in the tree, without the single top folder; the id is its sha256."""
    synced = place.sync(kept(place, data, name))
    assert place.files() == FILES
    assert synced.folder == place.tree
    assert synced.commit.startswith("sha256:")
    assert synced.commit[:19] in place.log
    assert os.access(place.tree / "run.sh", os.X_OK) or name.endswith("c.zip")
    assert not (place.tree / PLACE / "new").exists()


def test_an_unchanged_restart_needs_neither_archive_nor_network(place):
    """What was put there wholly is known by one small file."""
    path = kept(place, tar(FILES))
    pinned = place.sync(path).commit
    path.unlink()
    before = place.log
    assert place.sync(path, pinned=pinned).commit == pinned
    assert place.log == before


def test_the_same_archive_again_touches_nothing(place):
    """A new order with the same bytes leaves files, times and the run's own work alone."""
    path = kept(place, tar(FILES))
    place.sync(path)
    (place.tree / "train.py").write_text("edited")
    place.sync(path)
    assert place.files()["train.py"] == "edited"


def test_a_changed_archive_replaces_what_nobody_changed(place):
    """Old files go, new ones come, untracked ones stay, and unchanged ones keep their times."""
    place.sync(kept(place, tar({"train.py": "one", "gone/old.py": "o", "same.py": "s"})))
    (place.tree / "out").mkdir()
    (place.tree / "out/ckpt.pt").write_text("precious")
    (place.tree / "gone/notes.txt").write_text("mine")
    before = (place.tree / "same.py").stat().st_mtime_ns
    place.sync(kept(place, tar({"train.py": "two", "same.py": "s", "lib/new.py": "n"})))
    assert place.files() == {
        "train.py": "two", "same.py": "s", "lib/new.py": "n", "out/ckpt.pt": "precious", "gone/notes.txt": "mine",
    }  # fmt: skip
    assert (place.tree / "same.py").stat().st_mtime_ns == before
    assert place.aside() == {}


def test_an_edited_file_is_saved_aside_and_named(place):
    """What somebody changed on the pod is never lost: neither where it is replaced nor where it would go."""
    place.sync(kept(place, tar({"train.py": "one", "old.py": "o"})))
    (place.tree / "train.py").write_text("edited")
    (place.tree / "old.py").write_text("edited too")
    (place.tree / "new.py").write_text("in the way")
    place.sync(kept(place, tar({"train.py": "two", "new.py": "n"})))
    assert place.files() == {"train.py": "two", "new.py": "n", "old.py": "edited too"}
    assert place.aside() == {"train.py": "edited", "new.py": "in the way"}
    assert "had been edited here" in place.log
    assert all(name in place.log for name in ("train.py", "old.py", "new.py"))


def test_a_checkpoint_that_the_run_wrote_over_stays(place):
    """Weights that came with the code and that the run went on with are the run's, also under new code."""
    place.sync(kept(place, tar({"train.py": "one", "out/ckpt.pt": "first"})))
    (place.tree / "out/ckpt.pt").write_text("trained")
    place.sync(kept(place, tar({"train.py": "two", "out/ckpt.pt": "first"})))
    assert place.files() == {"train.py": "two", "out/ckpt.pt": "trained"}


def test_what_came_with_the_code_is_no_checkpoint(place):
    """Until the run writes it: then it is one."""
    place.sync(kept(place, tar({"train.py": "one", "init.pt": "w", "sub/last.ckpt": "w"})))
    assert tracked(place.tree) == {"init.pt", "sub/last.ckpt"}
    assert tracked(place.tree / "sub") == {"last.ckpt"}
    assert find(place.tree, None, 0.0, tracked(place.tree)) == ()
    (place.tree / "sub/last.ckpt").write_text("trained")
    assert tracked(place.tree) == {"init.pt"}
    assert [one.path.name for one in find(place.tree, None, 0.0, tracked(place.tree))] == ["last.ckpt"]
    assert find(place.tree.parent, None, 0.0) == (), "seen from the workspace it is another job's"


@pytest.mark.parametrize(
    "files",
    [
        {"a": member("/etc/evil", tarfile.REGTYPE)},
        {"a": member("../evil", tarfile.REGTYPE)},
        {"a": member("x/../../evil", tarfile.REGTYPE)},
        {"a": member("top/link", tarfile.SYMTYPE, "/etc"), "b": member("top/link/evil", tarfile.REGTYPE)},
        {"a": member("top/x", tarfile.REGTYPE), "b": member("top/x/y", tarfile.REGTYPE)},
        {"a": member("top/x", tarfile.LNKTYPE, "../../etc/passwd")},
        {"a": member("top/x", tarfile.LNKTYPE, "top/never")},
    ],
)
def test_an_archive_that_means_harm_is_refused_whole(place, files):
    """Names that lead out, files behind links, links to what is not there: nothing of it enters the tree."""
    place.sync(kept(place, tar({"train.py": "one"})))
    with pytest.raises(StepFailed) as refused:
        place.sync(kept(place, tar({"train.py": "two", **files})))
    assert refused.value.hint
    assert place.files() == {"train.py": "one"}
    assert not list(place.top.rglob("evil"))


def test_links_that_lead_out_and_devices_are_left_out(place):
    """The rest of the code runs; the warning names what is missing."""
    files = {
        "train.py": "one",
        "a": member("top/good", tarfile.SYMTYPE, "train.py"),
        "b": member("top/bad", tarfile.SYMTYPE, "../../etc/passwd"),
        "c": member("top/abs", tarfile.SYMTYPE, "/etc/passwd"),
        "d": member("top/pipe", tarfile.FIFOTYPE),
        "e": member("top/hop", tarfile.SYMTYPE, "up/../../../../etc"),
        "f": member("top/up", tarfile.SYMTYPE, "."),
    }
    synced = place.sync(kept(place, tar(files, top="top/")))
    assert place.files() == {"train.py": "one", "good": "-> train.py", "up": "-> ."}
    assert all(name in synced.warnings[0] for name in ("bad", "abs"))


def test_a_link_out_of_the_tree_is_not_written_through(place):
    """A person's link to a data folder is set aside, not followed."""
    elsewhere = place.top / "elsewhere"
    elsewhere.mkdir()
    place.sync(kept(place, tar({"train.py": "one"})))
    (place.tree / "data").symlink_to(elsewhere)
    place.sync(kept(place, tar({"train.py": "one", "data/x.txt": "x"})))
    assert place.files()["data/x.txt"] == "x"
    assert list(elsewhere.iterdir()) == []


def test_a_folder_in_the_way_of_a_file_is_said(place):
    """A folder that may hold checkpoints is not moved for a file's sake."""
    place.sync(kept(place, tar({"train.py": "one"})))
    (place.tree / "out").mkdir()
    (place.tree / "out/ckpt.pt").write_text("precious")
    with pytest.raises(StepFailed, match="a folder of that name"):
        place.sync(kept(place, tar({"train.py": "two", "out": "a file"})))
    assert (place.tree / "out/ckpt.pt").read_text() == "precious"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz", "zip"])
def test_a_torn_archive_leaves_the_tree_as_it_was(place, kind, share):
    """Wherever it was cut, and whatever packed it, the code of before stays whole."""
    files = {"train.py": "one" * 5000, "b.py": os.urandom(3000).hex()}
    place.sync(kept(place, tar({"train.py": "before"})))
    data = zipped(files) if kind == "zip" else tar(files, kind)
    size = len(data.rstrip(b"\0")) + 512 if kind == "" else len(data)  # what follows a tar's end says nothing
    with pytest.raises(StepFailed) as refused:
        place.sync(kept(place, data[: int(size * share)], "torn.tar.gz"))
    assert "cannot unpack" in refused.value.message
    assert place.files() == {"train.py": "before"}


def test_a_tar_that_ends_in_a_zip_is_a_tar(place):
    """The last member's end is not the archive's."""
    (place.top / "z.zip").write_bytes(zipped({"x.txt": "x"}))
    with tarfile.open(place.top / "c.tar", "w") as packed:
        packed.add(place.top / "z.zip", "z.zip")
    place.sync(place.top / "c.tar")
    assert zipfile.is_zipfile(place.tree / "z.zip")


def test_a_kill_between_two_files_is_put_right(place):
    """A half placed archive, followed by itself or by another one: nothing of ours counts as a person's edit."""
    first, second, third = ({"a.py": text, "b.py": text, f"{text}.py": text} for text in ("1", "2", "3"))
    place.sync(kept(place, tar(first)))
    place.sync(kept(place, tar(second)))
    os.link(place.tree / PLACE / "manifest.json", place.tree / PLACE / "half.json")
    (place.tree / PLACE / "manifest.json").unlink()
    Manifest("sha256:old", {}).write(place.tree)
    (place.tree / PLACE / ID).unlink()
    (place.tree / "a.py").unlink()
    place.sync(kept(place, tar(third)))
    assert place.files() == third
    assert place.aside() == {}


def test_a_pinned_archive_that_changed_is_refused(place):
    """The order stands for the bytes that its run began with."""
    path = kept(place, tar(FILES))
    pinned = place.sync(path).commit
    kept(place, tar({"train.py": "two"}))
    (place.tree / PLACE / ID).unlink()
    with pytest.raises(StepFailed, match="changed since this run began"):
        place.sync(path, pinned=pinned)


def test_a_folder_of_the_pod_is_run_in_as_it_lies(place):
    """Nothing is copied, nothing removed, and there is no commit."""
    folder = place.top / "mine"
    (folder / "sub").mkdir(parents=True)
    synced = place.sync(folder, subdir="sub")
    assert (synced.folder, synced.commit) == (folder / "sub", None)
    assert not place.tree.exists()
    with pytest.raises(StepFailed, match="POD_SUBDIR"):
        place.sync(folder, subdir="nowhere")
    place.tree.mkdir()
    assert place.sync(place.tree).folder == place.tree


def test_code_may_come_from_git_today_and_from_an_archive_tomorrow(place, tmp_path):
    """Both ways round: unchanged files of before go, edited ones are saved, the run's stay."""
    git = GitPlace(tmp_path)
    git.commit(**{"train.py": "git", "only_git.py": "g"})
    git.tree = place.tree
    git.sync()
    (place.tree / "ckpt.pt").write_text("precious")
    place.sync(kept(place, tar({"train.py": "tar", "only_tar.py": "t"})))
    assert place.files() == {"train.py": "tar", "only_tar.py": "t", "ckpt.pt": "precious"}
    assert not (place.tree / ".git").exists()
    assert place.aside() == {}
    (place.tree / "train.py").write_text("edited")
    git.sync()
    assert place.files() == {"train.py": "git", "only_git.py": "g", "ckpt.pt": "precious"}
    place.sync(kept(place, tar({"train.py": "tar"})))
    assert place.files() == {"train.py": "tar", "ckpt.pt": "precious"}


def test_modes_are_kept_and_no_more(place):
    """Executable stays executable; set-user-id does not come along."""
    info = tarfile.TarInfo("top/run")
    info.mode = 0o6755
    place.sync(kept(place, tar({"train.py": "x", "run": info}, top="top/")))
    assert stat.S_IMODE((place.tree / "run").stat().st_mode) == 0o755


def test_an_archive_larger_than_the_disk_is_refused_before_it_fills_it(place, tmp_path):
    """A zip that says it holds terabytes of zeros is stopped by counting, not by a full disk."""
    writer = _Writer(tmp_path, place.work(), "it")
    writer._room = 1000
    with zipfile.ZipFile(kept(place, zipped({"zeros": "0" * 5000}), "z.zip")) as packed:
        (entry,) = _of_zip(packed)
        with pytest.raises(StepFailed, match="more than the disk has free"):
            writer.take(entry)
