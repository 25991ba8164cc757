"""`pod-client checkpoints`: the table, the sentence below it, and what it says where it cannot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pod_client.checkpoints import verdict
from pod_wire.checkpoints import CheckpointList, CheckpointSeen, Kind
from tests.client.conftest import UP

TOP = "/workspace/job"


def seen(name, kind=Kind.OWN, step=None, *, whole=True, **more):
    return CheckpointSeen(f"{TOP}/{name}", kind, "torch.save", whole, 2_000_000, 1000.0, step, **more)


OWN = seen("out/step-20.pt", step=20, chosen=True)
HALF = seen("out/step-30.pt", step=30, whole=False, why="the end of its zip is missing")
FOUND = CheckpointList(1090.0, "job", "r1", TOP, resumes=True, checkpoints=(
    seen("out/step-5.pt", Kind.OLDER, 5),
    seen("aside/step-9.pt", Kind.ASIDE, 9, whole=False, why="it is empty"),
    seen("kept/step-18.pt", Kind.KEPT, 18, belongs=f"{TOP}/ckpt.pt"),
    OWN,
    HALF,
))  # fmt: skip


@pytest.fixture
def running(pod):
    assert pod.run(*UP, "--detach")[0] == 0
    pod.agent.checkpoints = FOUND
    return pod


def test_the_table_says_what_there_is_and_what_is_resumed(running):
    """One line each, below the job's folder, with why; the next attempt's one is marked, and said in a sentence."""
    code, out, err = running.run("checkpoints", "job")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "CHECKPOINT STEP SIZE AGE FORMAT STATE",
        "out/step-5.pt 5 2.0 MB 90.0 s torch.save whole; of an older run",
        "aside/step-9.pt 9 2.0 MB 90.0 s torch.save not whole: it is empty; set aside",
        "ckpt.pt 18 2.0 MB 90.0 s torch.save whole; a copy that podkeep keeps",
        "out/step-20.pt 20 2.0 MB 90.0 s torch.save whole; <- resumes here",
        "out/step-30.pt 30 2.0 MB 90.0 s torch.save not whole: the end of its zip is missing",
    ]
    assert "run r1 of job 'job' would resume from out/step-20.pt, step 20" in err
    assert [path for method, path in running.agent.requests if method == "POST"] == []


def test_json_is_the_pods_own_answer(running):
    """--json prints one document, with every field of every checkpoint, and nothing else on stdout."""
    told = json.loads(running.run("checkpoints", "job", "--json")[1])
    assert (told["format"], told["run"], len(told["checkpoints"])) == (1, "r1", 5)
    assert told["checkpoints"][-1]["why"] == "the end of its zip is missing"


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (replace(FOUND, checkpoints=()), "would begin at the first step: it has no checkpoint yet"),
        (
            replace(FOUND, checkpoints=(HALF,)),
            "would begin at the first step: none of these is a whole one of it",
        ),
        (replace(FOUND, resumes=False), "has no way to resume"),
        (
            replace(FOUND, checkpoints=(replace(FOUND.checkpoints[2], chosen=True),)),
            "resume from ckpt.pt, step 18, from the copy that podkeep keeps",
        ),
        (replace(FOUND, checkpoints=(replace(OWN, path=f"{TOP}/a\x1b[2Jb"),)), "a?[2Jb"),
    ],
)
def test_the_sentence_is_true(found, words):
    """Nothing there, nothing whole, no way to resume, a kept copy, a name that would speak to the terminal."""
    assert words in verdict(found)
    assert "\x1b" not in verdict(found)


def test_a_pod_without_a_job_and_one_that_does_not_answer(running):
    """No job is no error; a pod that cannot be reached is, with exit code 3."""
    running.agent.checkpoints = CheckpointList(1.0)
    code, out, err = running.run("checkpoints", "job")
    assert (code, out) == (0, "")
    assert "has no job" in err
    running.agent.behind = 502
    code, _, err = running.run("checkpoints", "job")
    assert code == 3
    assert "cannot list the pod's checkpoints" in err


def test_what_a_program_may_take_instead_is_marked(running):
    """podkeep cannot know which name a program looks for."""
    running.agent.checkpoints = replace(FOUND, checkpoints=(OWN, seen("last.pt", step=15, instead=True)))
    out = " ".join(running.run("checkpoints", "job")[1].split())
    assert "whole; <- or here, if the program knows this name only" in out
