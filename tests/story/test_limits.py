"""A run with a budget: two boots spend it, the third is refused, a raised one goes on."""

from __future__ import annotations

import json

import pytest

from tests.live import wait_for
from tests.story.seen import Seen

pytestmark = pytest.mark.slow
AMID, LATER = 17, 42
CAP = 40  # dollars
FIRST, SECOND = 720, 2400  # dollars an hour: minutes for the first boot, a minute for the second
FELT = 2  # dollars: two clocks that are read one after the other make less than half of it


def test_a_budget_over_two_boots(laptop):
    """Both boots' seconds count; at the cap the job is timed out and the pod off; more dollars take the run further."""
    priced = ("-e", f"POD_PRICE={FIRST}")
    story = laptop.up("--max-cost", str(CAP), "--on-failure", "keep", *priced, waits=[AMID, LATER])
    pod, _ = story.waits(AMID)
    seen = Seen(laptop.simulator, pod)
    wait_for("a boot that is felt", lambda: ((story.status().get("status") or {}).get("cost") or 0) > FELT)
    told = laptop.client("why", pod).stdout
    assert "the run may cost $40" in told, told
    assert f"at ${FIRST}.00/h (POD_PRICE)" in told, told
    assert laptop.client("stop", pod).returncode == 0
    story.ends()
    wait_for("the pod is off", lambda: laptop.simulator.is_off(pod))
    _costs(seen, SECOND)
    assert laptop.client("start", pod).returncode == 0
    laptop.follow(story)
    wait_for("the pod is off by itself", lambda: laptop.simulator.is_off(pod))
    job = seen.record()
    assert (job["ending"]["outcome"], len(job["attempts"])) == ("timed_out", 2)
    assert job["ending"]["reason"].startswith(
        f"budget: POD_MAX_COST={CAP} is spent, at ${SECOND}/h (POD_PRICE)"
    )
    _assert_spent_by_both(seen)
    assert sum("80 % of POD_MAX_COST" in str(entry) for entry in seen.journal()) == 1
    assert seen.log().count(b"podkeep: 80 % of POD_MAX_COST=40 is spent") == 1

    seen.act("start")
    wait_for("it is off again", lambda: len(_stays(seen)) == 3 and laptop.simulator.is_off(pod))
    job = seen.record()
    assert (job["ending"]["outcome"], len(job["attempts"])) == ("timed_out", 2)
    assert "--max-cost" in job["ending"]["remedy"]

    more = laptop.up("--max-cost", "4000", *priced, waits=[AMID, LATER])
    assert more.ends() == 0, more.evidence()
    assert seen.record()["ending"]["outcome"] == "succeeded"


def _costs(seen: Seen, price: int) -> None:
    """From the next boot on."""
    env = {**seen.simulator.pod(seen.id)["env"], "POD_PRICE": str(price)}
    status, said = seen.simulator.call("PATCH", f"/v2/pods/{seen.id}", {"env": env})
    assert status < 300, said


def _stays(seen: Seen) -> dict[str, dict]:
    """What was billed, by the boot."""
    stays = json.loads((seen.job / "stays.json").read_text())["stays"]
    return {one["boot"]: one for one in stays}


def _assert_spent_by_both(seen: Seen) -> None:
    """The moment set for the end is the one at which both boots together have cost the cap, and it was kept."""
    first, second = _stays(seen).values()
    assert (first["price"], second["price"]) == (FIRST, SECOND)
    before = first["paid_s"] * FIRST / 3600
    assert FELT < before < CAP - 5, "one boot alone must not have spent it"
    (by_dollars,) = json.loads((seen.job / "deadline.json").read_text())["every"]
    billed_s = by_dollars["at"] - (second["seen_at"] - second["paid_s"])
    assert abs(before + billed_s * SECOND / 3600 - CAP) < FELT / 2
    assert seen.record()["attempts"][-1]["ended_at"] > by_dollars["at"] - 1
