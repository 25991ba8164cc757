"""The loop over real folders: whole histories, and an agent that dies after any line of its journal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pod_agent.run import commands as c
from pod_agent.run import events as e
from pod_agent.run.asks import Cancel, GiveOrder, Restart, Stop
from pod_wire.errors import BadInput, Mistake
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.status import Outcome, Phase
from tests.fakes.world import Act, Died, Lifetime, World, ended, new_boot
from tests.tables import mostly_slow

JOB = JobSpec("digits", "python train.py", resume="", max_restarts=3)
KEEP = replace(JOB, on_finish=ExitPolicy.KEEP, on_failure=ExitPolicy.KEEP)
KILLED = ended(137, signal="KILL", reason="signalled")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_a_job_runs_and_the_pod_stops(world):
    """From the first order to the stop, in the order of the table, with times and one outcome."""
    agent = Lifetime(world, JOB).begin()
    assert [time.phase for time in agent.status.job.phases] == [
        Phase.SYNCING, Phase.INSTALLING, Phase.RESTORING, Phase.RUNNING, Phase.DRAINING, Phase.FINISHED,
        Phase.STOPPING,
    ]  # fmt: skip
    assert agent.status.phase is Phase.STOPPING
    assert agent.status.job.outcome is Outcome.SUCCEEDED
    assert world.stops == [False]
    kinds = [entry["kind"] for entry in agent.journal_kinds("digits")]
    assert kinds == [
        "order", "phase", "phase", "phase", "phase", "attempt_started", "attempt_ended", "phase", "phase",
        "outcome", "phase", "stop_requested",
    ]  # fmt: skip


def test_whoever_learns_the_end_finds_it_in_the_journal(world):
    """While the line of the outcome is being written, the status knows of no outcome yet."""
    agent = Lifetime(world, JOB)
    shown = []
    write = agent.journal.write

    class Looking:
        def write(self, job, entry):
            if entry.kind == "outcome":
                shown.append(agent.status.job.outcome)
            write(job, entry)

    agent.supervisor._journal = Looking()
    agent.begin()
    assert shown == [None]
    assert agent.status.job.outcome is Outcome.SUCCEEDED


HISTORIES = {
    "killed from outside, then done": ([Act(KILLED), Act()], Outcome.SUCCEEDED, 2),
    "failed with progress, then done": ([Act(ended(1), step=5), Act()], Outcome.SUCCEEDED, 2),
    "failed without progress": ([Act(ended(1)), Act()], Outcome.FAILED, 1),
    "progress once, then none": ([Act(ended(1), step=5), Act(ended(1), step=5), Act()], Outcome.FAILED, 2),
    "killed for ever": ([Act(KILLED)], Outcome.FAILED, 4),
    "command not found": ([Act(ended(127)), Act()], Outcome.FAILED, 1),
    "disk full": ([Act(ended(None, reason="disk_full"), step=3), Act()], Outcome.FAILED, 1),
    "exit unknown, then done": ([Act(ended(None, reason="unknown")), Act()], Outcome.SUCCEEDED, 2),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_histories(world, name):
    """A job's attempts follow each other as its ends allow."""
    world.acts, outcome, attempts = HISTORIES[name]
    agent = Lifetime(world, JOB).begin()
    assert agent.status.job.outcome is outcome
    assert [attempt.number for attempt in agent.status.job.attempts] == list(range(1, attempts + 1))
    assert len(world.begun) == attempts


def lines_of(tmp_path, acts):
    whole = World(tmp_path / "whole", list(acts))
    agent = Lifetime(whole, JOB).begin()
    return len(agent.journal_kinds("digits"))


@pytest.mark.parametrize("instead", [False, True], ids=["after", "instead of"])
@pytest.mark.parametrize(
    "name",
    mostly_slow(HISTORIES, "killed from outside, then done", "failed without progress", "disk full"),
)
def test_dying_after_any_line_changes_nothing(tmp_path, name, instead):
    """Whatever line of the journal is an agent's last, or never written, the next one ends the job all the same."""
    acts, outcome, attempts = HISTORIES[name]
    lines = lines_of(tmp_path, acts)
    for line in range(1, lines + 1):
        world = World(tmp_path / str(line), list(acts))
        with pytest.raises(Died):
            Lifetime(world, JOB, dies_after=line, instead=instead).begin()
        agent = Lifetime(world, JOB).begin()
        assert agent.status.job.outcome is outcome, line
        numbers = [number for _, number in world.begun]
        assert numbers == list(range(1, len(numbers) + 1)), line
        assert len(numbers) == attempts, line
        assert world.stops[-1:] == [False], line
        assert agent.status.phase is Phase.STOPPING
        Lifetime(world, JOB).begin()
        assert len(world.begun) == attempts, "a finished order is not run again"


def test_dying_again_and_again(tmp_path):
    """An agent that dies after every single line still gets the job done, each attempt begun once."""
    for step in (1, 3):
        world = World(tmp_path / str(step), [Act(KILLED), Act()])
        for _ in range(16):
            try:
                agent = Lifetime(world, JOB, dies_after=step).begin()
            except Died:
                continue
            break
        else:
            agent = Lifetime(world, JOB).begin()
        assert agent.status.job.outcome is Outcome.SUCCEEDED
        assert [number for _, number in world.begun] == [1, 2]


def test_a_finished_order_is_not_run_again(world):
    """After the end a container restart applies the exit policy again, and runs nothing."""
    Lifetime(world, JOB, order="o1").begin()
    again = Lifetime(world, JOB, order="o1").begin()
    assert len(world.begun) == 1
    assert again.status.phase is Phase.STOPPING
    assert world.stops == [False, False]


def test_a_new_boot_lets_a_finished_job_rest(world):
    """On a new boot a job that succeeded waits under the idle watchdog, which then stops the pod."""
    Lifetime(world, JOB, order="o1").begin()
    agent = new_boot(world, JOB, order="o1")
    assert agent.status.phase is Phase.FINISHED
    assert len(world.begun) == 1
    assert agent.status.stops_because == "idle"
    assert "to run it again" in agent.status.warnings[-1]
    agent.later(15 * 60 + 1)
    assert agent.status.phase is Phase.STOPPING


def test_a_new_order_runs_again_and_counts_on(world):
    """A new order id runs the same job once more: the same run, the next attempt's number."""
    Lifetime(world, JOB, order="o1").begin()
    agent = Lifetime(world, JOB, order="o2").begin()
    assert [number for _, number in world.begun] == [1, 2]
    assert len({run for run, _ in world.begun}) == 1
    assert agent.status.job.order == "o2"


def test_term_interrupts_and_the_next_boot_resumes(world):
    """TERM leaves interrupted on disk and ends the agent; the next boot goes on under the same order."""
    world.acts = [Act(lasts=True), Act()]
    agent = Lifetime(world, JOB, order="o1").begin()
    assert agent.status.phase is Phase.RUNNING
    agent.say(e.Termed())
    assert agent.supervisor.exit == c.ExitAgent(0)
    assert agent.status.job.outcome is Outcome.INTERRUPTED
    assert c.HurryAttempt() in world.done
    after = new_boot(world, JOB, order="o1")
    assert after.status.job.outcome is Outcome.SUCCEEDED
    assert [number for _, number in world.begun] == [1, 2]


def test_cancel_ends_the_attempt_and_waits(world):
    """A cancelled job ends its attempt, then the pod waits; a second cancel is refused with the reason."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin()
    assert agent.ask(Cancel("digits")).accepted
    assert agent.status.job.outcome is Outcome.CANCELLED
    assert agent.status.phase is Phase.FINISHED
    assert world.stops == []
    verdict = agent.ask(Cancel("digits"))
    assert not verdict.accepted
    assert "over" in verdict.reason


def test_restart_resumes_under_the_same_order(world):
    """A restart ends the attempt and begins the next one, and does not use up the tries."""
    world.acts = [Act(lasts=True), Act()]
    agent = Lifetime(world, replace(KEEP, max_restarts=0), order="o1").begin()
    assert agent.ask(Restart("digits")).accepted
    assert agent.status.job.outcome is Outcome.SUCCEEDED
    assert agent.status.job.order == "o1"
    assert len(world.begun) == 2


def test_stop_ends_the_job_first(world):
    """A stop asked for while the job runs cancels it, drains, then stops the pod."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, KEEP).begin()
    assert agent.ask(Stop()).accepted
    assert agent.status.phase is Phase.STOPPING
    assert agent.status.job.outcome is Outcome.CANCELLED
    kinds = [type(command) for command in world.done]
    assert kinds.index(c.Drain) < kinds.index(c.StopPod)


def test_a_posted_order_is_taken_up_and_stands(world):
    """A job given over HTTP runs; a restarted agent knows it, and the same order id asks for nothing new."""
    agent = Lifetime(world).begin()
    assert agent.status.phase is Phase.WAITING
    assert agent.ask(GiveOrder(KEEP, "p1")).accepted
    assert agent.status.job.outcome is Outcome.SUCCEEDED
    assert agent.ask(GiveOrder(KEEP, "p1")).accepted
    again = Lifetime(world).begin()
    assert again.status.job.order == "p1"
    assert len(world.begun) == 1


def test_a_second_order_while_one_runs_is_refused(world):
    """Wrong order is refused, with the phase and a remedy."""
    world.acts = [Act(lasts=True)]
    agent = Lifetime(world, JOB).begin()
    verdict = agent.ask(GiveOrder(JobSpec("other", "x"), "p2"))
    assert not verdict.accepted
    assert "running" in verdict.reason
    assert verdict.remedy


def test_a_step_that_fails_ends_the_job(world):
    """An unreachable repository is a failed job with a reason, a remedy, and a stopped pod."""
    world.fail = {c.Sync: e.StepFailed(Phase.SYNCING, "no such ref 'dev'", "push it")}
    agent = Lifetime(world, JOB).begin()
    assert agent.status.job.outcome is Outcome.FAILED
    assert agent.status.job.reason == "syncing failed: no such ref 'dev'"
    assert agent.status.job.remedy == "push it"
    assert agent.status.phase is Phase.STOPPING


def test_bad_settings_end_failed_with_all_mistakes(world):
    """The mistakes are the reason, the policy applies, and nothing was run."""
    mistakes = BadInput(
        "cannot read the job", (Mistake("max_hours", "is negative"), Mistake("POD_COMAND", "?"))
    )
    agent = Lifetime(world, JobSpec("digits", ""), mistakes=mistakes).begin()
    assert agent.status.job.outcome is Outcome.FAILED
    assert "max_hours: is negative" in agent.status.job.reason
    assert "POD_COMAND" in agent.status.job.reason
    assert agent.status.phase is Phase.STOPPING
    assert world.begun == []


def test_an_unwritable_workspace_fails_on_the_disk(world):
    """The outcome of a job whose workspace takes no file lies on the container's disk, and the pod stops."""
    world.root.mkdir(exist_ok=True)
    (world.root / "ws").write_text("a file where a folder should be")
    agent = Lifetime(world, JOB).begin()
    assert agent.status.job.outcome is Outcome.FAILED
    assert "cannot write to the workspace" in agent.status.job.reason
    assert (world.root / "disk" / "jobs" / "digits" / "state.json").exists()
    assert agent.status.phase is Phase.STOPPING


@pytest.mark.parametrize("first", ["o1", None])
def test_an_order_that_was_accepted_and_not_begun_runs(world, first):
    """The agent dies between remembering an order and opening its folder: the next one begins it, once."""
    job = KEEP if first else None
    agent = Lifetime(world, job, order=first).begin()
    if first is None:
        assert agent.ask(GiveOrder(KEEP, "p1")).accepted
    agent.opening.accept(KEEP, "p2")
    again = Lifetime(world, job, order=first).begin()
    assert (again.status.job.order, again.status.job.outcome) == ("p2", Outcome.SUCCEEDED)
    assert len(world.begun) == 2
    Lifetime(world, job, order=first).begin()
    assert len(world.begun) == 2
