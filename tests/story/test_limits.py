"""A run with a budget: two boots spend it, the third is refused, a raised one goes on."""

from __future__ import annotations

import json

import pytest

from tests.live import wait_for
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
AMID, LATER = 17, 42
CAP = 40  # dollars, at a dollar a second


def test_a_budget_over_two_boots(laptop):
    """Both boots' seconds count; at the cap the job is timed out and the pod off; more dollars take the run further."""
    dear = ("-e", "POD_PRICE=3600")
    story = laptop.up("--max-cost", str(CAP), "--on-failure", "keep", *dear, waits=[AMID, LATER])
    pod, _ = story.waits(AMID)
    seen = Seen(laptop.simulator, pod)
    told = laptop.client("why", pod).stdout
    assert "the run may cost $40" in told, told
    assert "at $3600.00/h (POD_PRICE)" in told, told
    assert laptop.client("stop", pod).returncode == 0
    story.ends()
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod))
    first = _spent(seen)
    assert laptop.client("start", pod).returncode == 0
    laptop.follow(story)
    wait_for("the pod is off by itself", lambda: laptop.simulator.is_off(pod), 120)
    job = seen.record()
    assert (job["ending"]["outcome"], len(job["attempts"])) == ("timed_out", 2)
    assert job["ending"]["reason"].startswith(f"budget: POD_MAX_COST={CAP} is spent, at $3600/h (POD_PRICE)")
    assert CAP - 2 < _spent(seen) < CAP + 15
    assert first < CAP - 5, "one boot alone must not have spent it"
    assert sum("80 % of POD_MAX_COST" in str(entry) for entry in seen.journal()) == 1
    assert seen.log().count(b"podkeep: 80 % of POD_MAX_COST=40 is spent") == 1

    assert laptop.client("start", pod).returncode == 0
    wait_for("it is off again", lambda: len(_boots(seen)) == 3 and laptop.simulator.is_off(pod), 60)
    job = seen.record()
    assert (job["ending"]["outcome"], len(job["attempts"])) == ("timed_out", 2)
    assert "--max-cost" in job["ending"]["remedy"]

    more = laptop.up("--max-cost", "4000", *dear, waits=[AMID, LATER])
    assert more.ends() == 0, more.evidence()
    assert seen.record()["ending"]["outcome"] == "succeeded"


def _spent(seen: Seen) -> float:
    stays = json.loads((seen.job / "stays.json").read_text())["stays"]
    return sum(float(one["paid_s"]) for one in stays)


def _boots(seen: Seen) -> set[str]:
    stays = json.loads((seen.job / "stays.json").read_text())["stays"]
    return {one["boot"] for one in stays}
