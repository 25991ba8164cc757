"""Any file of a clone's store may be cut, emptied, zeroed or gone after a power cut: the next sync puts it right."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.agent.code_place import Place
from tests.story.seen import dice, note

pytestmark = pytest.mark.slow
ROUNDS = 40


def damaged(path, chance) -> str:
    """One thing that a power cut does to a file."""
    size = path.stat().st_size
    path.chmod(0o600)
    kind = chance.choice(("cut", "empty", "zeroed", "gone", "flipped"))
    match kind:
        case "cut":
            os.truncate(path, chance.randrange(size) if size else 0)
        case "empty":
            os.truncate(path, 0)
        case "zeroed":
            path.write_bytes(bytes(size))
        case "gone":
            path.unlink()
        case "flipped":
            data = bytearray(path.read_bytes())
            if data:
                data[chance.randrange(len(data))] ^= 0xFF
            path.write_bytes(data)
    return kind


def test_any_damage_to_any_files_of_the_store_is_put_right(tmp_path):
    """One to three files at a time, forty times: the commit lies there, and what a person had is all still there."""
    chance = dice("damage to a store")
    place = Place(tmp_path)
    first = place.commit(**{"train.py": "one\n", "lib.py": "lib\n", ".gitignore": "*.pt\n"})
    second = place.commit(**{"train.py": "two\n", "new.py": "new\n"})
    for number in range(ROUNDS):
        shutil.rmtree(place.tree, ignore_errors=True)
        place.log = b""
        place.sync(ref=first)
        (place.tree / "last.pt").write_text("weights")
        (place.tree / "notes").write_text("mine")
        (place.tree / "train.py").write_text("edited by hand\n")
        files = sorted(path for path in (place.tree / ".git").rglob("*") if path.is_file())
        chosen = chance.sample(files, chance.randint(1, 3))
        note(
            f"round {number}: {[(damaged(path, chance), str(path.relative_to(place.tree))) for path in chosen]}"
        )
        wanted = chance.choice((first, second))
        assert place.sync(ref=wanted).commit == wanted
        assert place.text() == ("one\n" if wanted == first else "two\n")
        assert (place.text("lib.py"), place.text("last.pt"), place.text("notes")) == (
            "lib\n",
            "weights",
            "mine",
        )
        assert place.git("status", "--porcelain", "--untracked-files=no", cwd=place.tree) == ""
        kept = [path for path in place.tree.rglob("podkeep/**/*") if path.is_file()]
        assert any(b"edited by hand" in path.read_bytes() for path in kept), "the edit is nowhere"
