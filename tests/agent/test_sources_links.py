"""Links where the code goes, whoever made them: nothing behind one is removed or written, and none stops the code."""

from __future__ import annotations

import hashlib
import json
import tarfile

import pytest

from pod_agent.outputs.came import PLACE
from tests.agent.code_place import Place as GitPlace
from tests.agent.sources import Place, member, tar


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def packed(place, **files):
    path = place.top / "code.tar.gz"
    path.write_bytes(tar({name.replace("__", "/"): text for name, text in files.items()}))
    return path


@pytest.mark.parametrize(
    "after", [{"train": "2"}, {"train": "2", "data__rows": "new"}], ids=["gone", "newer"]
)
def test_what_was_moved_out_and_linked_is_no_longer_ours(place, after):
    """A person moved a folder of the code to a larger disk: the next code leaves what is there alone."""
    place.sync(packed(place, train="1", data__rows="rows"))
    elsewhere = place.top / "elsewhere"
    (place.tree / "data").rename(elsewhere)
    (place.tree / "data").symlink_to(elsewhere)
    place.sync(packed(place, **after))
    assert (elsewhere / "rows").read_text() == "rows"
    assert (place.tree / "train").read_text() == "2"


def test_links_that_go_round_come_as_they_are(place):
    """They lead nowhere, so not out either; git would bring them, too."""
    code = {
        "train.py": "1",
        "a": member("digits-main/a", tarfile.SYMTYPE, "b"),
        "b": member("digits-main/b", tarfile.SYMTYPE, "a"),
    }
    path = place.top / "code.tar.gz"
    path.write_bytes(tar(code))
    assert place.sync(path).warnings == ()
    assert place.files() == {"a": "-> b", "b": "-> a", "train.py": "1"}


def test_a_file_that_is_its_own_twin_keeps_its_content(place):
    """GNU tar writes that for a file with a second name, when it is given twice."""
    name = "digits-main/train.py"
    path = place.top / "code.tar.gz"
    path.write_bytes(tar({"train.py": "one", "again": member(name, tarfile.LNKTYPE, name)}))
    place.sync(path)
    assert place.files() == {"train.py": "one"}


@pytest.mark.parametrize("way", ["whole", "upwards", "through a link"])
def test_a_repository_cannot_say_that_files_elsewhere_are_ours(tmp_path, way):
    """A manifest that was committed names a file outside the tree: it stays."""
    place = GitPlace(tmp_path)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = {"whole": str(victim), "upwards": "../../victim", "through a link": "out/victim"}[way]
    (place.repo / "out").symlink_to(tmp_path)
    came = [8, 0, hashlib.sha256(b"precious").hexdigest(), None]
    plain = {"format": 1, "id": "x", "origin": "", "validator": "", "files": {name: came}}
    (place.repo / PLACE).mkdir()
    (place.repo / PLACE / "manifest.json").write_text(json.dumps(plain))
    place.commit(**{"train.py": "one"})
    place.sync()
    place.commit(**{"train.py": "two"})
    place.sync()
    assert victim.read_text() == "precious"
    assert place.text() == "two"
