"""Two pods on one network volume, as RunPod lets anybody mount it: one job has one owner, two jobs have one each.

On process pods and on container pods.
"""

from __future__ import annotations

import json
import re
import secrets
import signal

import pytest

from tests.fakes.git_server import GitHost
from tests.live import wait_for
from tests.story.laptop import with_repository
from tests.story.templates import TOKEN, TemplatePod

pytestmark = pytest.mark.slow
AMID = 7
RENEWED = {"owner.json", "stays.json", "progress.json", "log", "log.index", "journal.jsonl"}
DRAFT = re.compile(r"\..+\.\d+\.\d+|progress\.new")  # of what is renewed, before it has its name


@pytest.fixture
def repo(clean_environment, tmp_path):
    """A repository with the training, which any pod of this machine may read."""
    with_repository(tmp_path / "code" / "repo", clean_environment)
    with GitHost.running(tmp_path / "code") as host:
        yield host.url("repo/.git")


@pytest.fixture
def shared(runpod, repo):
    """Makes pods on one and the same volume, which nobody else has."""
    volume = f"vol-{secrets.token_hex(4)}"
    return lambda job: Shared(runpod, repo, job, volume)


class Shared:
    """One pod on the volume, and its job there."""

    def __init__(self, simulator, repo, job, volume):
        env = {
            "POD_JOB": job,
            "POD_COMMAND": f"exec python3 trainer.py --steps 12 --pause 0.02 --wait-at {AMID}",
            "POD_REPO": repo,
            "POD_REQUIREMENTS": "",
            "POD_RESUME": "--resume {checkpoint}",
        }
        self.pod = TemplatePod.create(simulator, env, volume=volume)
        self.simulator = simulator
        self.left = self.pod.left(job)
        self.tree = self.pod.mount / job

    def waits(self):
        """Its training stands amid its run, with a whole checkpoint; the training's pid."""
        wait_for("amid the run", (self.tree / f"waited-{AMID}").exists)
        wait_for("a whole checkpoint", lambda: self.left.state["checkpoint"])
        return self.left.state["attempts"][-1]["pid"]

    def goes_on(self, pid):
        self.simulator.kill(self.pod.id, pid, signal.SIGUSR1)

    def ends(self):
        self.pod.switches_itself_off()
        return self.left.state["ending"]

    def billed(self):
        """The pods in its book."""
        return {stay["pod"] for stay in json.loads((self.left.folder / "stays.json").read_bytes())["stays"]}


def listing(top):
    """Every file below, with its size and time of writing; what an owner renews apart."""
    found = {}
    for path in sorted(top.rglob("*")):
        if path.name not in RENEWED and not DRAFT.fullmatch(path.name) and path.is_file():
            stat = path.stat()
            found[str(path.relative_to(top))] = (stat.st_size, stat.st_mtime_ns)
    return found


def at_rest(*tops):
    """Their listing, once the owner has written its last word of the checkpoint: no draft is there, nothing changes."""
    seen = [{}]

    def look():
        seen.append({name: stat for top in tops for name, stat in listing(top).items()})
        drafts = [name for name in seen[-1] if name.endswith(".new")]
        return seen[-1] if seen[-1] == seen[-2] and not drafts else None

    return wait_for("nothing is written any more", look, every_s=2.0)


def test_the_same_job_on_a_second_pod_is_refused(shared, runpod):
    """The second pod names the owner, touches nothing of the job, and stops itself; the first one trains on."""
    first = shared("digits")
    pid = first.waits()
    wait_for("its bill", (first.left.folder / "stays.json").exists)
    before = at_rest(first.tree, first.left.folder)
    second = shared("digits")
    seen = second.pod.told_its_end()
    second.pod.switches_itself_off()
    job = seen["job"]
    assert job["outcome"] == "failed", seen
    assert first.pod.id in job["reason"], job["reason"]
    assert job["remedy"]
    assert {**listing(first.tree), **listing(first.left.folder)} == before
    assert runpod.pod(first.pod.id)["status"] == "RUNNING"
    first.goes_on(pid)
    assert first.ends()["outcome"] == "succeeded"
    assert first.billed() == {first.pod.id}
    state = first.left.state
    assert [attempt["number"] for attempt in state["attempts"]] == [1]
    begun = re.findall(rb"^starting at step (\d+)$", first.left.log, re.MULTILINE)
    assert begun == [b"0"], "one training wrote this log"


def test_different_jobs_on_two_pods_both_finish(shared):
    """Two jobs from one repository on one volume train at the same time, and neither meets the other."""
    both = [shared(name) for name in ("digits-a", "digits-b")]
    pids = [one.waits() for one in both]
    for one, pid in zip(both, pids, strict=True):
        one.goes_on(pid)
    for one in both:
        assert one.ends()["outcome"] == "succeeded"
        assert one.left.log.count(b"done at step 12\n") == 1
        assert one.left.state["commit"]
        assert sorted(path.name for path in (one.tree / "checkpoints").iterdir()) == [
            "step-0005.pkl",
            "step-0010.pkl",
        ]


def test_a_job_goes_on_where_its_first_pod_left_it(shared, runpod):
    """The first pod is stopped amid the run: a second one takes the job over at once and resumes it."""
    first = shared("digits")
    first.waits()
    status, said = runpod.call("POST", f"/v2/pods/{first.pod.id}/action", {"action": "stop"})
    assert status < 300, said
    wait_for("the first pod is off", lambda: runpod.is_off(first.pod.id))
    second = shared("digits")
    assert second.ends()["outcome"] == "succeeded"
    attempts = second.left.state["attempts"]
    assert [attempt["number"] for attempt in attempts] == [1, 2]
    assert attempts[1]["resumed_step"] == 5
    assert TOKEN.encode() not in second.left.log
