"""`up --tree`: a dirty folder becomes a finished training, through a proxy that cuts; the same folder is sent once."""

from __future__ import annotations

import json
import random
import signal
import threading
from pathlib import Path

import pytest

from tests.live import wait_for
from tests.story.conftest import CLIENT, Laptop
from tests.story.seen import JOB, Seen, dice

pytestmark = pytest.mark.slow

COMMAND = "python3 trainer.py --steps 40 --pause 0.02 && cat new/data.txt && ls -a && readlink link"
CUTS = 12
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


def test_a_dirty_folder_is_trained_through_cuts_and_sent_once(laptop):
    """Twenty megabytes come through cuts; the run is the dirty code's; a second `up --tree` sends nothing."""
    fill(laptop, 20_000_000)
    story = start(laptop)
    seen = Seen.only(story)
    over = threading.Event()
    hits: list[int] = []

    def cut() -> None:
        rng = dice("cuts")
        while len(hits) < CUTS and not over.wait(rng.uniform(0.005, 0.05)):
            if not any(one.name.endswith(".part") for one in sent_trees(seen)):
                continue
            _, said = seen.simulator.call("POST", f"/sim/pods/{seen.id}/proxy", {"mode": "cut"})
            hits.extend([1] * said["cut"])

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        wait_for(
            "the code is there",
            lambda: "sent the code" in story.told.read_text() or story.program.poll() is not None,
            60,
        )
    finally:
        over.set()
        cutter.join()
    assert hits, "nothing was cut"
    story.assert_good_end()
    assert "from the dirty code" in story.log
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
    seen = Seen.only(story)
    part = wait_for("some of it is there", lambda: [one for one in sent_trees(seen) if one.stat().st_size])[0]
    story.program.send_signal(signal.SIGKILL)
    story.program.wait()
    if not part.name.endswith(".part"):
        pytest.fail("the machine was so quick that nothing was left to send")
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
    seen = Seen.only(story)
    wait_for("some of it is there", lambda: [one for one in sent_trees(seen) if one.stat().st_size])
    story.program.send_signal(signal.SIGKILL)
    story.program.wait()
    (laptop.repo / "new" / "noise.bin").write_bytes(b"smaller")
    again = start(laptop)
    assert again.ends() == 0, again.evidence()
    assert len(seen.simulator.pods()) == 1


def _doing(laptop: Laptop) -> str | None:
    done = laptop.client("status", JOB, "--json")
    said = json.loads(done.stdout) if done.returncode == 0 else {}
    return ((said.get("status") or {}).get("job") or {}).get("doing")
