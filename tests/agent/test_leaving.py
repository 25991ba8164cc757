"""What the exit policy comes to: the arithmetic of auto with its figures, and the proof rule above every policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.run import leaving
from pod_agent.run.leaving import Numbers
from pod_agent.run.left import Leave
from pod_agent.run.state import Ending, Job
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.proof import Estate, Keeps
from pod_wire.status import Attempt, CheckpointPlace, Outcome, Phase, PhaseTime, Progress

MADE = ("its outputs", "its log")
FREE = Estate(Keeps.DISK, MADE, may_be_lost=True)
ALL = Numbers(disk_gb=20.0, price=2.0, again_s=600.0)
STOP, TERMINATE, KEEP = ExitPolicy.STOP, ExitPolicy.TERMINATE, ExitPolicy.KEEP
S, I, R, RUN = Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING  # noqa: E741 - as in the table

RECKONED = {
    "the disk costs more": (FREE, ALL, TERMINATE, "its 20 GB disk costs $0.92 a week"),
    "coming back costs more": (FREE, replace(ALL, again_s=3600.0), STOP, "$2.00 (60 min at $2.00/h)"),
    "both cost the same": (FREE, replace(ALL, disk_gb=1e-9, again_s=0.0), TERMINATE, "auto: terminate"),
    "a larger disk": (FREE, replace(ALL, disk_gb=500.0, again_s=3600.0), TERMINATE, "$23.00 a week"),
    "no proof": (
        Estate(Keeps.DISK, MADE),
        ALL,
        STOP,
        "only this pod is known to have its outputs and its log",
    ),
    "nothing was made": (Estate(Keeps.DISK), ALL, TERMINATE, "nothing exists only here"),
    "a network volume": (replace(FREE, keeps=Keeps.NETWORK), ALL, STOP, "billed either way"),
    "no mount": (replace(FREE, keeps=Keeps.NOTHING), ALL, STOP, "no disk that would be billed"),
    "a mount that does not answer": (replace(FREE, keeps=Keeps.UNKNOWN), ALL, STOP, "is not known"),
    "disk unknown": (FREE, replace(ALL, disk_gb=None), STOP, "the size of its disk is not known"),
    "disk of 0": (FREE, replace(ALL, disk_gb=0.0), STOP, "the size of its disk is not known"),
    "price unknown": (FREE, replace(ALL, price=None), STOP, "its price is not known"),
    "price of 0": (FREE, replace(ALL, price=0.0), STOP, "its price is not known"),
    "way unknown": (FREE, replace(ALL, again_s=None), STOP, "until its first step is not known"),
}


@pytest.mark.parametrize("case", RECKONED)
def test_auto_reckons_and_says_with_what(case):
    """Whichever costs less; what is not known, or not proved, means stop. The figures are in the reason."""
    estate, numbers, policy, words = RECKONED[case]
    found = leaving.decide(ExitPolicy.AUTO, estate, numbers, is_braked=True)
    assert found.policy is policy, found
    assert words in found.because
    assert found.because.startswith(f"auto: {policy}")


PROVED = {
    "stop": (STOP, Estate(Keeps.DISK, MADE), True, STOP, ""),
    "stop, the mount does not answer": (STOP, Estate(Keeps.UNKNOWN, MADE), True, STOP, ""),
    "stop without a mount": (STOP, Estate(Keeps.NOTHING, MADE), True, KEEP, "not stopped at once"),
    "the same, and nothing else would stop it": (STOP, Estate(Keeps.NOTHING, MADE), False, STOP, ""),
    "stop without a mount, ephemeral": (STOP, replace(FREE, keeps=Keeps.NOTHING), True, STOP, ""),
    "stop without a mount, nothing made": (STOP, Estate(Keeps.NOTHING), True, STOP, ""),
    "terminate, ephemeral": (TERMINATE, FREE, True, TERMINATE, ""),
    "terminate, not proved": (TERMINATE, Estate(Keeps.DISK, MADE), True, STOP, "not terminated"),
    "terminate, on a network volume": (TERMINATE, Estate(Keeps.NETWORK, MADE), True, TERMINATE, ""),
    "terminate, not proved, no mount": (TERMINATE, Estate(Keeps.NOTHING, MADE), True, KEEP, "not terminated"),
    "keep": (KEEP, Estate(Keeps.NOTHING, MADE), True, KEEP, ""),
    "exit": (ExitPolicy.EXIT, Estate(Keeps.NOTHING, MADE), True, ExitPolicy.EXIT, ""),
}


@pytest.mark.parametrize("case", PROVED)
def test_the_proof_rule_stands_above_every_policy(case):
    """What would destroy what exists only here is not done; where it must be, that is said."""
    asked, estate, is_braked, policy, words = PROVED[case]
    found = leaving.decide(asked, estate, Numbers(), is_braked=is_braked)
    assert found.policy is policy
    assert words in found.because
    assert bool(found.because) is bool(words)


SPEC = JobSpec("digits", "x")
PHASES = (PhaseTime(S, 0, 30.0), PhaseTime(I, 30, 50.0), PhaseTime(R, 80, 0.5), PhaseTime(RUN, 80.5, 100.0))
AGAIN = (PhaseTime(S, 200, 1.0), PhaseTime(I, 201, 1.0), PhaseTime(R, 202, 1.0), PhaseTime(RUN, 203, None))
JOB = Job(
    SPEC, "o", "r", 0.0, "b", phases=PHASES + AGAIN, attempts=(Attempt(1), Attempt(2, started_at=203.0))
)


@pytest.mark.parametrize(
    ("job", "first", "way_s"),
    [
        (JOB, 213.0, 90.5),
        (JOB, None, None),
        (JOB, 100.0, None),
        (replace(JOB, way_s=500.0), 213.0, 500.0),
        (replace(JOB, way_s=500.0), None, 500.0),
        (replace(JOB, way_s=5.0), 213.0, 90.5),
        (replace(JOB, attempts=()), 213.0, None),
        (replace(JOB, phases=()), 213.0, 10.0),
    ],
)
def test_the_longest_way_that_was_seen_counts(job, first, way_s):
    """A second boot finds most of it there; a first step of another attempt tells nothing."""
    assert leaving.again_s(job, Progress(first_step_at=first)) == way_s
    assert first is not None or leaving.again_s(job, None) == way_s


def test_without_a_look_a_pod_is_stopped():
    """Nothing could be found out when the job had drained: auto and terminate mean stop, as its disk may hold more."""
    ended = replace(JOB, ending=Ending(Outcome.FAILED), checkpoint=CheckpointPlace("/w/c", 5, 1, 1.0))
    for policy, ephemeral, then in (
        (ExitPolicy.AUTO, True, STOP),
        (TERMINATE, False, STOP),
        (TERMINATE, True, STOP),
        (KEEP, False, KEEP),
    ):
        spec = replace(SPEC, on_failure=policy, on_finish=KEEP, ephemeral=ephemeral)
        assert leaving.of(replace(ended, spec=spec)).policy is then
    known = Leave(TERMINATE, "auto: terminate")
    assert leaving.of(replace(ended, leave=known)) is known
