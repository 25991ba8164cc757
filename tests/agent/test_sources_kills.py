"""Putting code in place, given up at every point: the next try leaves what one undisturbed try would have left."""

from __future__ import annotations

import pytest

from pod_agent.outputs.came import PLACE
from pod_agent.run.code import archive
from pod_agent.run.code.placing import Placing
from pod_agent.run.work import StepCancelled, StepFailed
from pod_wire.source import read_source
from tests.agent.code_place import Place as GitPlace
from tests.agent.sources import ENV, Place, tar

OLD = {"a.py": "1", "b/c.py": "1", "gone/d.py": "1", "e.py": "1", "w.pt": "old weights"}
NEW = {"a.py": "2", "b/c.py": "2", "new/f.py": "2", "e.py": "1", "w.pt": "old weights"}
OTHER = {"a.py": "3", "z.py": "3"}


class Killed(StepCancelled):
    """As abrupt as a kill, as far as files can tell."""


def dying(place, beats):
    """Work that dies at a sign of life; how many it had."""
    work = place.work()
    left = [beats]

    def beat():
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    work.beat = beat
    return work


def bring(place, path, work):
    (place.tree / PLACE).mkdir(parents=True, exist_ok=True)
    archive.bring(read_source(str(path)), place.tree, None, ENV, work)


@pytest.mark.slow
@pytest.mark.parametrize("after", [NEW, OTHER, OLD])
def test_given_up_at_every_point(tmp_path, after):
    """Whatever comes next (the same, another, the old one again): its files, the run's files, nobody's edits lost."""
    for beats in range(60):
        place = Place(tmp_path / f"{beats}")
        path = place.top / "code.tar.gz"
        path.write_bytes(tar(OLD))
        place.sync(path)
        (place.tree / "ckpt.pt").write_text("precious")
        (place.tree / "gone" / "note").write_text("mine")
        (place.tree / "e.py").write_text("edited")
        path.write_bytes(tar(NEW))
        ended = False
        try:
            bring(place, path, dying(place, beats))
            ended = True
        except Killed:
            pass
        path.write_bytes(tar(after))
        place.sync(path)
        found = place.files()
        expected = after if ended or after != OLD else {**after, "e.py": found["e.py"]}
        extra = {"ckpt.pt": "precious", "gone/note": "mine"}
        kept = {"e.py": "edited"} if "e.py" not in after else {}
        mine = {name: text for name, text in found.items() if name not in kept}
        assert mine == {**expected, **extra}, beats
        everywhere = [found.get("e.py"), *place.aside().values()]
        assert "edited" in everywhere, beats
        assert set(place.aside().values()) <= {"edited"}, beats
        if ended:
            return
    pytest.fail("it never came to its end")


@pytest.mark.slow
def test_switching_from_git_is_given_up_anywhere(tmp_path):
    """Also there no unchanged file of git's counts as a person's, and git's store is kept."""
    for beats in range(80):
        place = Place(tmp_path / f"{beats}")
        git = GitPlace(place.top)
        git.commit(**{"a.py": "git", "only.py": "git"})
        git.tree = place.tree
        git.sync()
        path = place.top / "code.tar.gz"
        path.write_bytes(tar({"a.py": "tar"}))
        ended = False
        try:
            bring(place, path, dying(place, beats))
            ended = True
        except Killed:
            pass
        place.sync(path)
        assert place.files() == {"a.py": "tar"}, beats
        assert place.aside() == {}, beats
        assert list((place.tree / PLACE).glob("git-*"))
        if ended:
            return
    pytest.fail("it never came to its end")


def test_two_kills_and_two_archives(tmp_path):
    """What the first half had put in place is still known as the code's when the second half was killed, too."""
    for beats in range(5, 14):
        place = Place(tmp_path / f"{beats}")
        path = place.top / "code.tar.gz"
        path.write_bytes(tar(OLD))
        place.sync(path)
        path.write_bytes(tar(NEW))
        with pytest.raises(Killed):
            bring(place, path, dying(place, beats))
        path.write_bytes(tar(OTHER))
        for later in range(1, 8):
            with pytest.raises(Killed):
                bring(place, path, dying(place, later))
        place.sync(path)
        assert place.files() == OTHER, beats
        assert place.aside() == {}, beats


def test_two_savings_in_one_second_do_not_meet(tmp_path):
    """What was saved first is not written over."""
    place = Place(tmp_path)
    path = place.top / "code.tar.gz"
    for number in range(4):
        path.write_bytes(tar({"a.py": f"{number}"}))
        place.sync(path)
        (place.tree / "a.py").write_text(f"edit {number}")
    saved = [one.read_text() for one in (place.tree / PLACE).glob("aside-*/a.py")]
    assert sorted(saved) == ["edit 0", "edit 1", "edit 2"]


def test_a_failed_unpacking_leaves_its_room_to_others(tmp_path):
    """What was unpacked in vain does not fill the disk."""
    place = Place(tmp_path)
    path = place.top / "code.tar.gz"
    path.write_bytes(tar({"a.py": "1" * 100_000})[:-30])
    with pytest.raises(StepFailed):
        place.sync(path)
    assert not (place.tree / PLACE / "new").exists()
    assert Placing(place.tree, place.work())._before == ()
