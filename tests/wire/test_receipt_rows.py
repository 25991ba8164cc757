"""The words of a receipt: golden texts of the stories that people have, on one screen each."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from pod_wire.codec import from_json, to_json
from pod_wire.receipt import BootTold, Receipt, Spell, Steps, Stop
from pod_wire.receipt_page import page
from pod_wire.receipt_rows import end_of, rows
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase, Rehearsal, Rehearsed

GPU = "1 x NVIDIA RTX A4000"


def boot(name, began_at, spans, ending=None, **more):
    spells = tuple(Spell(phase, span, span * 0.36 / 3600) for phase, span in spans)
    paid = sum(one.seconds for one in spells)
    told = BootTold(
        name, "abc", GPU, 0.36, began_at, began_at + paid, paid * 0.36 / 3600, spells, ending=ending
    )
    return replace(told, **more)


ONE = boot(
    "b1", 0.0, (("boot", 3.0), ("syncing", 2.0), ("running", 3595.0)), "interrupted: the pod was taken"
)
TWO = boot("b2", 7200.0, (("boot", 4.0), ("running", 1796.0)), "succeeded: exit code 0", lives=True)
RESUMED = Receipt(
    9000.0,
    "digits",
    Phase.FINISHED,
    run="3f2a91bc",
    order="o2",
    commit="0123456789abcdef",
    outcome=Outcome.SUCCEEDED,
    reason="exit code 0",
    boots=(ONE, TWO),
    phases=(Spell("boot", 7.0, 0.0007), Spell("syncing", 2.0, 0.0002), Spell("running", 5391.0, 0.5391)),
    installed="requirements.txt, installed",
    attempts=(
        Attempt(1, 9, 5.0, 3600.0, 143, "TERM", "the pod was taken from under it"),
        Attempt(2, 9, 7204.0, 9000.0, 0, None, "exit code 0", None, "/workspace/digits/ckpt-400", 400),
    ),
    steps=(Steps(1, 412), Steps(2, 600, 12, 108.0)),
    step=600,
    total=600,
    loss=0.23114,
    checkpoint=CheckpointPlace("/workspace/digits/ckpt-600", 600, 1_234_567, 8999.0),
    paid_s=5400.0,
    dollars=0.54,
    price_per_hour=0.36,
    goodput=0.91,
    stop=Stop("the job has succeeded", 9000.2, 0.2),
    log_bytes=4096,
)
GOLDEN_RESUMED = """\
outcome: succeeded: exit code 0
job: digits, run 3f2a91bc, code 0123456789
on: pod abc with 1 x NVIDIA RTX A4000 at $0.36/h
boots: 1 from 00:00, 60 min 00 s ($0.36): interrupted: the pod was taken
: 2 from 02:00, 30 min 00 s ($0.18): succeeded: exit code 0
phases: boot              7.0 s   $0.0007
: code              2.0 s   $0.0002
: running     89 min 51 s     $0.54
attempts: 1 from the start to step 412, 59 min 55 s: the pod was taken from under it
: 2 from step 400 (ckpt-400) to step 600, 29 min 56 s: exit 0
progress: step 600 of 600, loss 0.2311
checkpoint: /workspace/digits/ckpt-600 (step 600, 1.2 MB)
paid: $0.54 for 90 min 00 s of GPU time
goodput: 91 % of the paid time made new steps
wasted: set-up 9.0 s ($0.0009); 12 steps made again 1 min 48 s ($0.0108)
stop: podkeep asked: the job has succeeded, 0.2 s after the training had ended
log: 4.1 kB
"""
FAILED = Receipt(
    60.0,
    "big",
    Phase.FINISHED,
    outcome=Outcome.FAILED,
    reason="GPU out of memory: tried to allocate 2.00 GiB (exit code 1)",
    remedy="halve the batch size",
    boots=(boot("b1", 0.0, (("boot", 5.0), ("running", 50.0), ("idle", 900.0)), lives=True),),
    phases=(Spell("boot", 5.0, 0.0005), Spell("installing", 0.04, 0.0), Spell("running", 50.0, 0.005),
            Spell("idle", 900.0, 0.09)),
    attempts=(Attempt(1, 9, 5.0, 55.0, 1, None, "GPU out of memory: tried to allocate 2.00 GiB (exit code 1)"),),
    paid_s=955.0,
    dollars=0.0955,
    warnings=("the disk is small", "the disk is small"),
    stop=Stop("idle: no job for 15 minutes", 955.0, 900.0, 2),
)  # fmt: skip
GOLDEN_FAILED = """\
outcome: failed: GPU out of memory: tried to allocate 2.00 GiB (exit code 1)
remedy: halve the batch size
job: big
on: pod abc with 1 x NVIDIA RTX A4000 at $0.36/h, from 00:00
phases: boot              5.0 s   $0.0005
: running          50.0 s   $0.0050
: idle        15 min 00 s   $0.0900
attempts: 1 from the start, 50.0 s: exit code 1, for the reason above
paid: $0.0955 for 15 min 55 s of GPU time
wasted: set-up 5.0 s ($0.0005); idle 15 min 00 s ($0.0900)
stop: podkeep asked: idle: no job for 15 minutes, 15 min 00 s after the training had ended; 2 requests before had \
no effect
warning: the disk is small
"""
BARE = Receipt(1.0, "j", Phase.SYNCING)
GOLDEN_BARE = """\
outcome: none yet: the job is syncing
job: j
"""


def clock(moment):
    return time.strftime("%H:%M", time.gmtime(moment))


def told(receipt):
    return "".join(f"{name}: {words}\n" for name, words in rows(receipt, clock))


@pytest.mark.parametrize(
    ("receipt", "golden"),
    [(RESUMED, GOLDEN_RESUMED), (FAILED, GOLDEN_FAILED), (BARE, GOLDEN_BARE)],
    ids=["resumed", "failed", "nothing known"],
)
def test_a_story_is_exact_and_fits_a_screen(receipt, golden):
    """Each story in these very words; it crosses the wire unchanged."""
    assert told(receipt) == golden
    assert golden.count("\n") <= 22
    assert from_json(Receipt, to_json(receipt)) == receipt


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (Attempt(1), "still running"),
        (Attempt(1, ended_at=2.0), "exit unknown"),
        (Attempt(1, ended_at=2.0, exit_code=0), "exit 0"),
        (Attempt(1, ended_at=2.0, exit_code=0, reason="exit code 0"), "exit 0"),
        (Attempt(1, ended_at=2.0, exit_code=3), "exit 3"),
        (Attempt(1, ended_at=2.0, exit_code=3, reason="exit code 3"), "exit code 3"),
        (Attempt(1, ended_at=2.0, exit_code=1, reason="a module is missing (exit code 1)"),
         "a module is missing (exit code 1)"),
        (Attempt(1, ended_at=2.0, exit_code=1, reason="the loss is NaN"), "the loss is NaN (exit code 1)"),
        (Attempt(1, ended_at=2.0, exit_code=1, reason="exit code 13 times"), "exit code 13 times (exit code 1)"),
        (Attempt(1, ended_at=2.0, exit_code=0, reason="ended on request"), "ended on request (exit code 0)"),
        (Attempt(1, ended_at=2.0, signal="KILL"), "ended by signal KILL"),
        (Attempt(1, ended_at=2.0, exit_code=137, signal="KILL", reason="killed"), "killed"),
    ],
)  # fmt: skip
def test_an_exit_code_is_said_once(attempt, words):
    """Whatever the reason tells already is not told again."""
    assert end_of(attempt) == words


def test_boots_on_several_pods_say_where():
    """Pod, GPU and price stand with each where they differ; a boot that went down says so, an unknown price too."""
    other = replace(TWO, pod="xyz", price_per_hour=None, dollars=None, ending=None)
    lost = replace(ONE, ending=None)
    said = told(replace(RESUMED, boots=(lost, other), outcome=None))
    assert "on:" not in said
    assert (
        "1 from 00:00, pod abc with 1 x NVIDIA RTX A4000 at $0.36/h, 60 min 00 s ($0.36): it went down"
        in said
    )
    assert "2 from 02:00, pod xyz with 1 x NVIDIA RTX A4000, price not known, 30 min 00 s: goes on" in said
    here = replace(TWO, pod="here", price_per_hour=None, gpu=None)
    assert "on: a machine that is no RunPod pod, from 02:00" in told(replace(RESUMED, boots=(here,)))


def test_many_boots_and_attempts_stay_on_one_screen():
    """The newest are shown, the others counted."""
    boots = tuple(replace(ONE, boot=str(n), began_at=n * 4000.0, seen_at=n * 4000.0 + 60) for n in range(300))
    attempts = tuple(replace(RESUMED.attempts[0], number=n) for n in range(1, 101))
    said = told(replace(RESUMED, boots=boots, attempts=attempts))
    assert "294 earlier ones" in said
    assert "92 earlier ones" in said
    assert "300 from " in said
    assert said.count("\n") < 40


def test_unknown_figures_are_no_zeros():
    """Without a price there are seconds and no dollars; a part without one is said."""
    said = told(replace(RESUMED, dollars=None, boots=(), phases=(Spell("running", 60.0),)))
    assert "$" not in said.replace("$0.36", "")
    assert "the price is not known" in said
    assert "at least $0.54 for 90 min 00 s of GPU time (60.0 s at a price not known)" in told(
        replace(RESUMED, unpriced_s=60.0)
    )
    assert "goodput" not in told(replace(RESUMED, goodput=None))
    assert "of $2.00 allowed" in told(replace(RESUMED, cap=2.0))


def test_who_stopped_the_pod_is_said():
    """A person's request, podkeep's own policy, and neither."""
    assert "stop: somebody asked for it\n" in told(replace(RESUMED, stop=Stop("asked to stop")))
    taken = replace(RESUMED, outcome=Outcome.INTERRUPTED, stop=None)
    assert "stop: not by podkeep: RunPod or a person took the pod" in told(taken)
    assert "stop:" not in told(replace(RESUMED, stop=None))


def test_the_page_is_a_table_that_holds_any_text():
    """In Markdown nothing of a reason is taken for a sign of its own, and each row is one line."""
    odd = replace(
        RESUMED, reason="a|b\n`c` <d> [e](f) *g*", rehearsal=Rehearsal(Rehearsed.CONTINUED, 1, text="ok")
    )
    text = page(odd)
    assert "a\\|b \\`c\\` \\<d\\> \\[e\\](f) \\*g\\*" in text
    assert "| on | pod abc with 1 x NVIDIA RTX A4000 at $0.36/h |" in text
    assert "1970-01-01 02:00 UTC" in text
    assert all(line.startswith("|") for line in text.splitlines()[4:])


def test_every_line_is_on_its_page():
    """docs/receipt.md names each line by the word with which it begins."""
    whole = replace(
        FAILED, rehearsal=Rehearsal(Rehearsed.CONTINUED, 1), unknown=("x",), goodput=0.5, step=1, log_bytes=1,
        checkpoint=RESUMED.checkpoint, boots=RESUMED.boots,
    )  # fmt: skip
    text = (Path(__file__).parents[2] / "docs" / "receipt.md").read_text(encoding="utf-8")
    names = {name for name, _ in rows(whole, clock) if name}
    assert len(names) >= 15
    assert [name for name in names if f"`{name}`" not in text and f"\n  {name} " not in text] == []
