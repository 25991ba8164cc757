"""Start commands as people write them, on pods: each is a looked-after job, run once over restarts of the container.

On both kinds of pods; what only waits is in containers without a pod too (tests/image).
"""

from __future__ import annotations

import pytest

from tests.live import wait_for
from tests.story.seen import Seen
from tests.story.templates import LEFT, TemplatePod

pytestmark = pytest.mark.slow
SH = "echo on >> /workspace/ran; echo well"

JOBS = [
    ("pod-agent", "run", "--job", "tried", "--max-hours=2", "--", "bash", "-c", SH),
    ("run", "--", SH),
    (SH,),
    ("bash", "-c", SH),
    ("/bin/bash", "-lc", SH),
    ("sh", "-c", f"cd /workspace && {SH}"),
    (
        "bash",
        "-c",
        "printf 'echo on >> ran\\necho well\\n' > /workspace/train.sh && bash /workspace/train.sh",
    ),
    ("python3", "-c", "open('ran', 'a').write('on\\n'); print('well')"),
]


@pytest.mark.parametrize("cmd", JOBS, ids=" ".join)
def test_a_start_command_is_a_job(runpod, cmd):
    """It runs once in the workspace, its output is in the log, and the pod switches itself off."""
    pod = TemplatePod.create(runpod, {}, cmd=cmd)
    pod.switches_itself_off(watched=False)
    assert (pod.mount / "ran").read_text() == "on\n", pod.console()
    assert b"\nwell\n" in pod.left().log
    assert pod.left().job["outcome"] == "succeeded"


def test_a_one_shot_that_fails_switches_the_pod_off(runpod):
    """As a bare start command it would begin again and again, and be billed for ever."""
    pod = TemplatePod.create(runpod, {}, cmd=("bash", "-c", "echo on >> /workspace/ran; exit 3"))
    pod.switches_itself_off(watched=False)
    assert (pod.mount / "ran").read_text() == "on\n"
    assert pod.left().job["reason"] == "exit code 3"


@pytest.mark.parametrize(
    "cmd", [("sleep", "infinity"), ("/start.sh",), ("bash", "-c", "sleep infinity")], ids=" ".join
)
def test_what_only_waits_waits(simulator, cmd):
    """The agent waits for an order under the idle watchdog, and goes off when none comes."""
    pod = TemplatePod.create(simulator, {"POD_JOB": "", "POD_IDLE_MINUTES": "0.2"}, cmd=cmd)
    wait_for("waiting", lambda: (pod.ask("/status") or {}).get("phase") == "waiting")
    pod.switches_itself_off()


def test_a_sleep_behind_the_job_keeps_the_pod_for_its_idle_minutes(simulator):
    """The job has ended, the pod stays for a while, says so in its status, and then goes off by itself."""
    cmd = ("bash", "-c", f"{SH}; sleep infinity")
    pod = TemplatePod.create(simulator, {"POD_IDLE_MINUTES": "0.2"}, cmd=cmd)
    seen = pod.switches_itself_off()
    assert any("ends in `sleep infinity`" in text for text in (*seen["warnings"], *seen["job"]["warnings"]))
    assert pod.left().job["outcome"] == "succeeded"
    assert (pod.mount / "ran").read_text() == "on\n"


@pytest.mark.parametrize(("runpod", "layer", "started_at"), LEFT, indirect=["runpod"])
def test_a_restarted_container_does_not_run_a_one_shot_again(runpod, layer, started_at):
    """Whatever a crash leaves: the finished job of the start command rests, and its deadline is where it was."""
    cmd = ("run", "--on-finish", "keep", "--max-hours", "3", "--job", "tried", "--", SH)
    made = TemplatePod.create(runpod, {}, cmd=cmd)
    pod = Seen(runpod, made.id, "tried")
    pod.begins(1)
    wait_for("finished", lambda: pod.record()["phase"] == "finished")
    deadline = pod.record()["deadline"]
    for _ in range(2):
        known = len(pod.journal())
        pod.crash(layer, started_at)
        pod.finished_again(known)
    assert (made.mount / "ran").read_text() == "on\n"
    assert pod.record()["deadline"] == deadline
    assert pod.begun() == [1]
    pod.act("terminate")


def test_a_restarted_container_goes_on_with_a_one_shot(runpod):
    """An unfinished one is begun a second time where there is a way to resume, by the same deadline."""
    command = "echo on >> /workspace/ran; until [ -e /workspace/on ]; do sleep 0.1; done; echo well"
    made = TemplatePod.create(runpod, {"POD_RESUME": "", "POD_MAX_HOURS": "3"}, cmd=("bash", "-c", command))
    pod = Seen(runpod, made.id, "tried")
    pod.begins(1)
    wait_for("the job is on", (made.mount / "ran").exists)
    deadline = pod.record()["deadline"]
    pod.crash("kept", "kept")
    pod.begins(2)
    assert pod.record()["deadline"] == deadline
    (made.mount / "on").touch()
    made.switches_itself_off(watched=False)
    assert made.left().job["outcome"] == "succeeded"
