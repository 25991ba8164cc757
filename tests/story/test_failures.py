"""A real agent and jobs that fail: it is said why, what would come again is not tried again, the rest goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story.bare_agent import BareAgent, take_apart

pytestmark = pytest.mark.slow
SECRET = "hf_QxZkWvBnMpLrTsYdFgHj"
TRAINER = Path(__file__).parents[1] / "programs" / "trainer.py"
MORE = "$(( $(ls checkpoints 2>/dev/null | wc -l) * 5 + 5 ))"  # five steps more than there are
SAVES = f"python {TRAINER} --pause 0 --steps {MORE} {{resume}}"
PATIENCE_S = 180  # several attempts, on a machine that has much else to do
RESUMES = {"resume": "--resume {checkpoint}", "max_restarts": 2}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareAgent]:
    with BareAgent(tmp_path_factory.mktemp("agent"), HF_TOKEN=SECRET) as running:
        yield running


def test_what_would_come_again_is_not_tried_again(agent):
    """It saved a checkpoint and restarts are left, but a missing module stays missing: one attempt."""
    agent.give("once", f"{SAVES} && python -c 'import nothing_of_that_name'", **RESUMES)
    job = agent.end_of("once", PATIENCE_S)
    assert [attempt["failure"] for attempt in job["attempts"]] == ["import"]
    assert job["outcome"] == "failed"
    assert job["reason"].startswith(
        "a module is missing: ModuleNotFoundError: No module named 'nothing_of_that_name'"
    )
    assert "add 'nothing_of_that_name' to the requirements" in job["remedy"]
    last = take_apart(agent.log_file("once").read_bytes()).ending.decode()
    assert last == f"podkeep: failed: {job['reason']} ({job['remedy']})\n"
    journal = (agent.log_file("once").parent / "journal.jsonl").read_text().splitlines()
    assert [line["failure"] for line in map(json.loads, journal) if line["kind"] == "attempt_ended"] == [
        "import"
    ]


def test_what_may_pass_is_tried_again_while_it_makes_progress(agent):
    """An error of the program's own, with a newer checkpoint each time, is tried until the restarts are used."""
    agent.give("often", f"{SAVES} && python -c 'raise LookupError(\"no luck with {SECRET}\")'", **RESUMES)
    job = agent.end_of("often", PATIENCE_S)
    assert [attempt["failure"] for attempt in job["attempts"]] == ["exception"] * 3
    assert "LookupError: no luck with" in job["reason"]
    assert "all 2 restarts are used" in job["reason"]
    assert SECRET not in json.dumps(job)
    assert f"no luck with {'*' * len(SECRET)}" in job["reason"]
