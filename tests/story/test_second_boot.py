"""A pod that is stopped and started: its packages come from the copy on its volume, and no index is asked."""

from __future__ import annotations

import subprocess

import pytest

from tests.fakes.package_index import PackageIndex
from tests.live import wait_for
from tests.story.laptop import Laptop
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
AMID, LATER = 17, 42


@pytest.fixture
def index(clean_environment):
    """Known to whatever is started from here on."""
    with PackageIndex() as running:
        running.add("keeptest")
        clean_environment.update(running.env())
        yield running


@pytest.fixture
def laptop(index, either_laptop) -> Laptop:
    """On both kinds of pods. Their simulator hands them the index's address, so that it must know it first."""
    return either_laptop


def test_a_second_boot_unpacks_what_the_first_installed(laptop, index):
    """Packed beside the training, found again by the next boot; the run goes on and ends well."""
    (laptop.repo / "requirements.txt").write_text("keeptest\n")
    for words in (["add", "."], ["commit", "-q", "-m", "A list"]):
        subprocess.run(["git", *words], cwd=laptop.repo, env=laptop.env, check=True)
    story = laptop.up(waits=[AMID, LATER])
    pod, _ = story.waits(AMID)
    shelf = Seen(laptop.simulator, pod).disks / "mount" / ".podkeep" / "envs"
    wait_for("the environment's copy on the volume", lambda: list(shelf.glob("*.pack")))
    assert laptop.client("stop", pod).returncode == 0
    story.ends()
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod))
    index.requests.clear()
    assert laptop.client("start", pod).returncode == 0
    followed = laptop.follow(story)
    followed.goes_on(*followed.waits(LATER))
    followed.assert_good_end(attempts=2)
    assert index.requests == []
    assert "podkeep: unpacking environment" in followed.log
    assert followed.log.count(" unpacked, ") == 1
