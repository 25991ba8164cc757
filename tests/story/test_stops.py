"""Stops at awkward moments, on both kinds of pods: nothing is run twice, and a job's last words are in its log."""

from __future__ import annotations

import pytest

from tests.live import Simulator, wait_for
from tests.story.agents_python import AgentsPython
from tests.story.laptop import Laptop, Story
from tests.story.seen import Seen, order

pytestmark = pytest.mark.slow
AMID, LATER = 17, 42  # where a training waits, two steps after a checkpoint, and where its last attempt does
LAST_WORDS = """\
trap 'for n in $(seq 200); do echo word $n; done; exit 0' TERM
echo ready; while :; do sleep 0.05; done
"""
# A PID 1 without a trap does not hear TERM, so that the first boot may live until it is killed
WAITS = "until [ -e /workspace/on ]; do sleep 0.05; done; exec python3 trainer.py --steps 10 --pause 0.05 {resume}"
TALKS_ON = """\
exec python3 -c '
import itertools, os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
spoken = os.open("/workspace/spoken", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for number in itertools.count(1):
    os.write(1, b"word %d\\n" % number)
    os.write(spoken, b"word %d\\n" % number)
    time.sleep(0.002)
'"""


@pytest.fixture
def laptop(either_laptop) -> Laptop:
    """Every stop here comes to both kinds of pods."""
    return either_laptop


@pytest.fixture
def unhurried(either_laptop) -> Laptop:
    """Its pods end by themselves, as late as a busy machine lets them: RunPod's five seconds are kept in test_ends."""
    return either_laptop.unhurried()


def off(laptop: Laptop, pod: str) -> None:
    """Stop it, and wait until nothing of it runs."""
    status, said = laptop.simulator.call("POST", f"/v2/pods/{pod}/action", {"action": "stop"})
    assert status == 200, said
    wait_for("it is off", lambda: laptop.simulator.pod(pod)["runtime"] is None)


def test_a_stop_while_the_agent_starts(laptop):
    """A pod that is stopped before its agent can answer does its job when it is started again."""
    story = order(laptop, WAITS, "--resume", "--resume {checkpoint}")
    pod = wait_for("a container", lambda: _with_container(story), every_s=0.01)
    off(laptop, pod)
    story.ends()
    again = Seen(laptop.simulator, pod)
    assert b"done" not in (again.log() if again.log_size() else b"")
    (again.disks / "mount" / "on").touch()
    again.act("start")
    again.stopped()
    assert b"done at step 10\n" in again.log()


def amid(story: Story) -> Seen:
    """The pod, once its training waits with a whole checkpoint behind it."""
    pod, _ = story.waits(AMID)
    return Seen(story.laptop.simulator, pod)


def started_again(story: Story, pod: Seen) -> Story:
    """By its person, who follows it; its training goes on to its end."""
    done = story.laptop.client("start", pod.id)
    assert done.returncode == 0, done.stderr
    followed = story.laptop.follow(story)
    followed.goes_on(*followed.waits(LATER))
    return followed


def stopped_early(pod: Seen) -> bool:
    """Start it, and stop it once PID 1 runs; whether /healthz was not there to be asked, then or later."""
    before = len(pod.console())
    pod.act("start")
    wait_for("PID 1", lambda: pod.simulator.pod(pod.id)["runtime"], every_s=0.01)
    healthy = pod.simulator.call("GET", f"/proxy/{pod.id}/8787/healthz")[0] == 200
    pod.act("stop")
    pod.stopped()
    return not healthy and "http=up" not in pod.console()[before:]


def test_a_stop_while_the_agent_of_a_run_starts(laptop):
    """Amid a run: stopped, started, stopped again before its agent can be asked, started: it resumes."""
    story = laptop.up(waits=[AMID, LATER])
    pod = amid(story)
    off(laptop, pod.id)
    story.ends()
    wait_for("a stop before /healthz answers", lambda: stopped_early(pod))
    begun = pod.log().count(b"\nstarting at step ")  # in a cut boot too, maybe: training comes before HTTP
    followed = started_again(story, pod)
    followed.assert_good_end(attempts=begun + 1)
    assert min(followed.starts()[1:]) >= 10


def test_a_stop_between_two_agents(unhurried, tmp_path):
    """Amid a run, its agent dead and none able to begin: the training has its last words, exits well, and resumes."""
    laptop = unhurried
    python = AgentsPython.of(laptop, tmp_path)
    story = laptop.up(*python.options, waits=[AMID, LATER], last_words=True)
    pod = amid(story)
    python.take_away(pod)
    known = pod.journal()
    off(laptop, pod.id)
    story.ends()
    assert pod.log().endswith(b"\nasked to end: these are the last words\nEXIT_CODE=0\n")
    assert pod.journal() == known  # no agent was there to write that it ends
    python.put_back()
    followed = started_again(story, pod)
    followed.assert_good_end(attempts=2)
    assert followed.starts()[1] >= 10


def test_a_stop_right_after_the_agents_death(unhurried):
    """No agent lives, or the next one only begins: the training ends by itself, and all that it said is in the log."""
    laptop = unhurried
    story = order(laptop, LAST_WORDS)
    pod = Seen.only(story)
    wait_for("it runs", lambda: b"\nready\n" in pod.log() if pod.log_size() else None)
    laptop.simulator.kill(pod.id, story.process(pod.id, "-m pod_agent"))
    off(laptop, pod.id)
    story.ends()
    words = [line for line in pod.log().decode().splitlines() if line.startswith("word ")]
    assert words == [f"word {number}" for number in range(1, 201)]
    assert pod.log().count(b"EXIT_CODE=") == 1


@pytest.mark.parametrize("lives", ["an agent", "no agent"])
def test_what_is_said_up_to_the_last_moment_is_in_the_log(unhurried, lives):
    """A job that does not mind TERM is killed in the middle of a word; all that it had said before is in the log."""
    laptop = unhurried
    story = order(laptop, TALKS_ON)
    pod = Seen.only(story)
    spoken = pod.disks / "mount" / "spoken"
    wait_for("a thousand words", lambda: spoken.exists() and b"word 1000\n" in spoken.read_bytes())
    if lives == "no agent":
        laptop.simulator.kill(pod.id, story.process(pod.id, "-m pod_agent"))
    off(laptop, pod.id)
    story.ends()
    said = [line for line in spoken.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    assert len(said) > 1000
    assert b"".join(said) in pod.log()
    assert pod.log().count(b"EXIT_CODE=") == 1


def _with_container(story: Story) -> str | None:
    """The one pod, once it has a PID 1."""
    simulator = Simulator.at(story.laptop.state)
    found = [pod["id"] for pod in simulator.pods().values() if pod["runtime"]] if simulator else []
    assert found or story.program.poll() is None, f"up ended early:\n{story.told.read_text()}"
    return found[0] if found else None
