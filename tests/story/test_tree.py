"""`up --tree`: a dirty folder becomes a finished training, through a proxy that cuts; the same folder is sent once."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path

import pytest

from tests.live import Simulator, wait_for
from tests.story.conftest import CLIENT, Laptop
from tests.story.laptop import Story
from tests.story.seen import JOB, Seen, dice

pytestmark = pytest.mark.slow

COMMAND = "python3 trainer.py --steps 40 --pause 0.02 && cat new/data.txt && ls -a && readlink link"
CUTS = 12
SLOWLY = [200_000] * 400  # forty megabytes take minutes so
PRIVATE = "TOKEN=a-very-private-value"


def fill(laptop: Laptop, size: int) -> None:
    """Work that no commit has: an edit, new files, a link, something ignored, something deleted."""
    repo = laptop.repo
    (repo / "trainer.py").write_text((repo / "trainer.py").read_text() + "\nprint('from the dirty code')\n")
    (repo / "new").mkdir()
    (repo / "new" / "data.txt").write_text("new and untracked\n")
    (repo / "new" / "noise.bin").write_bytes(random.Random(7).randbytes(size))
    (repo / "link").symlink_to("new/data.txt")
    (repo / ".gitignore").write_text("secret.env\n*.pt\n")
    (repo / "secret.env").write_text(PRIVATE)
    (repo / ".env").write_text(PRIVATE)
    (repo / "old.pt").write_text("ignored")


def start(laptop: Laptop, *more: str):
    argv = (CLIENT, "up", "--local", "--tree", "--job", JOB, "--command", COMMAND, *more)
    return laptop.start(*argv, steps=40)


def sent_trees(seen: Seen) -> list[Path]:
    return sorted((seen.disks / "mount" / ".podkeep" / "trees").glob("*"))


def cut_while_sent(story: Story, sizes: list[int]) -> Seen:
    """The one pod; its requests are cut from before the first that brings code, however quick the machine is."""
    state = story.laptop.state
    simulator = wait_for("a simulator", lambda: Simulator.at(state))
    pod = next(iter(wait_for("a pod", simulator.pods)))
    _cut(Seen(simulator, pod), sizes)
    return Seen.only(story)


def some_of_it(story: Story, seen: Seen) -> Path:
    """The first tree of which the pod has bytes; without one in time, what the client and the pod said instead."""
    try:
        return wait_for(
            "some of it is there", lambda: [one for one in sent_trees(seen) if one.stat().st_size]
        )[0]
    except AssertionError as error:
        raise AssertionError(f"{error}\n{story.evidence()}") from None


def test_a_dirty_folder_is_trained_through_cuts_and_sent_once(laptop):
    """Twenty megabytes come through cuts; the run is the dirty code's; a second `up --tree` sends nothing."""
    fill(laptop, 20_000_000)
    rng = dice("cuts")
    story = start(laptop)
    seen = cut_while_sent(story, [rng.randrange(20_000, 1_200_000) for _ in range(CUTS)])
    story.assert_good_end()
    assert "from the dirty code" in story.log
    assert _cut(seen, []) == 0, "not every cut came"
    assert "new and untracked" in story.log
    assert "new/data.txt" in story.log
    names = set(story.log.split())
    assert {"secret.env", ".env", "old.pt"} & names == set()
    told = story.told.read_text()
    assert "1 file changed" in told.partition("  outcome ")[2], "the receipt says what code it was"
    assert ".env" in told, "what was held back is named"
    (tree,) = sent_trees(seen)
    assert tree.stat().st_mode & 0o777 == 0o600
    assert PRIVATE.encode() not in b"".join(
        path.read_bytes() for path in (seen.disks / "mount").rglob("*") if path.is_file() and path != tree
    )
    patch = Path(told.partition("the difference is kept in ")[2].split()[0])
    assert patch.stat().st_mode & 0o777 == 0o600
    assert "from the dirty code" in patch.read_text(errors="replace")
    assert PRIVATE not in patch.read_text(errors="replace")
    again = start(laptop)
    assert again.ends() == 0, again.evidence()
    assert "nothing was sent" in again.told.read_text()
    assert sent_trees(seen) == [tree]
    assert len(seen.simulator.pods()) == 1


def test_a_killed_client_s_tree_is_sent_to_its_end_by_the_next(laptop):
    """Killed amid the sending, `up --tree` again finds the pod that waits, and goes on where it was."""
    fill(laptop, 40_000_000)
    story = start(laptop)
    seen = cut_while_sent(story, SLOWLY)
    part = some_of_it(story, seen)
    story.program.send_signal(signal.SIGKILL)
    story.program.wait()
    _cut(seen, [])
    assert part.name.endswith(".part")
    waiting = wait_for("the status says what it waits for", lambda: _doing(laptop))
    assert "waiting for the code" in waiting
    there = part.stat().st_size
    again = start(laptop)
    assert again.ends() == 0, again.evidence()
    told = again.told.read_text()
    assert "waits for its code" in told
    whole = sent_trees(seen)[0].stat().st_size
    assert whole > there
    assert len(seen.simulator.pods()) == 1
    assert "from the dirty code" in again.log


def test_a_folder_that_changed_meanwhile_replaces_what_was_half_sent(laptop):
    """The pod waits for code that nobody will send: that is called off, and the new code runs."""
    fill(laptop, 40_000_000)
    story = start(laptop)
    seen = cut_while_sent(story, SLOWLY)
    some_of_it(story, seen)
    story.program.send_signal(signal.SIGKILL)
    story.program.wait()
    _cut(seen, [])
    (laptop.repo / "new" / "noise.bin").write_bytes(b"smaller")
    again = start(laptop)
    assert again.ends() == 0, again.evidence()
    assert len(seen.simulator.pods()) == 1


def _cut(seen: Seen, sizes: list[int]) -> int:
    """Cut the next requests to the pod after so many bytes each; how many that were asked for before never came."""
    asked = {"mode": "cut", "after": sizes}
    return int(seen.simulator.call("POST", f"/sim/pods/{seen.id}/proxy", asked)[1]["left"])


def _doing(laptop: Laptop) -> str | None:
    done = laptop.client("status", JOB, "--json")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    return ((said.get("status") or {}).get("job") or {}).get("doing")
