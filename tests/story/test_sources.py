"""Code without git, on the real agent: a tarball by its address, and a folder of the pod; killed and resumed."""

from __future__ import annotations

import shutil

import pytest

from tests.agent.sources import tar
from tests.fakes.file_server import FileServer
from tests.live import wait_for
from tests.story.conftest import CLIENT, TRAINER
from tests.story.seen import JOB, Seen

pytestmark = pytest.mark.slow
RESUME = ("--resume", "--resume {checkpoint}")


def start(laptop, *more, steps=30, waits=()):
    command = f"python3 trainer.py --steps {steps} --pause 0.02"
    command += f" --wait-at {' '.join(map(str, waits))}" if waits else ""
    return laptop.start(CLIENT, "up", "--local", "--job", JOB, "--command", command, *more, steps=steps)


def test_a_tarball_is_trained_killed_and_resumed(laptop):
    """A killed training and a crashed container go on with the pinned bytes, though the address has others by then."""
    with FileServer(tar({"trainer.py": TRAINER.read_text(), "requirements.txt": ""})) as server:
        story = start(laptop, "--repo", f"{server.url}/code.tar.gz?sig=abc", *RESUME, waits=(12, 22))
        pod, _ = story.waits(12)
        server.data = tar({"trainer.py": "raise SystemExit('other bytes')"})
        asked = len(server.asked)
        Seen(laptop.simulator, pod).crash("wiped")
        story.goes_on(*story.waits(22))  # the client, which asks once a second, follows again
        story.assert_good_end(attempts=2)
        assert len(server.asked) == asked, "what lies there is not fetched again"
    assert "sig=abc" not in story.log


def test_a_folder_of_the_pod_is_run_in(laptop):
    """The folder on the volume is used in place."""
    first = laptop.start(CLIENT, "up", "--local", "--job", "filler", "--command", "mkdir -p /workspace/mine")
    assert first.ends() == 0, first.evidence()
    pod = next(iter(laptop.simulator.pods()))
    folder = Seen(laptop.simulator, pod).disks / "mount" / "mine"
    shutil.copy(TRAINER, folder)
    body = {"env": laptop.simulator.pod(pod)["env"]}
    assert body["env"]["POD_JOB"] == "filler"
    body["env"] |= {
        "POD_JOB": JOB,
        "POD_REPO": "/workspace/mine",
        "POD_COMMAND": "python3 trainer.py --steps 5",
        "POD_ORDER": "0" * 16,
    }
    assert laptop.simulator.call("PATCH", f"/v2/pods/{pod}", body)[0] < 300
    Seen(laptop.simulator, pod).act("start")
    seen = Seen(laptop.simulator, pod)
    wait_for("the training is done", lambda: seen.log_size() and b"done at step 5" in seen.log())
    seen.stopped()
    assert not seen.tree.exists()
