"""The variables of a job: the part of the contract that a ``JobSpec`` is made of, as a table.

Not here: the pod's own variables and those to come (contract.py), and what makes a value good or bad (parse.py).
"""

from __future__ import annotations

from typing import Final

from pod_wire.variable import Kind, Variable

_HOUR_YEAR: Final = 24.0 * 366
_MINUTE_YEAR: Final = _HOUR_YEAR * 60

JOB: Final[tuple[Variable, ...]] = (
    Variable(
        "POD_JOB",
        "name",
        Kind.NAME,
        "`<repo>-<hash of subdir and command>`",
        "",
        "Name of the job; the same name resumes.",
    ),
    Variable(
        "POD_REPO",
        "repo",
        Kind.REPO,
        "none",
        "",
        "Where the code is: a git repository, a .tar.gz or .zip, `hf://datasets/user/name`, or a folder of the pod;"
        " without it the command runs in the workspace.",
    ),
    Variable(
        "POD_REF",
        "ref",
        Kind.REF,
        "the default branch",
        "",
        "Branch, tag, commit or pull request to check out, e.g. `main`, `v1.2`, `#12`.",
    ),
    Variable(
        "POD_SUBDIR",
        "subdir",
        Kind.FOLDER,
        "`.`",
        "",
        "Folder below the code's root in which the command runs.",
    ),
    Variable(
        "POD_COMMAND",
        "command",
        Kind.COMMAND,
        "none",
        "",
        "What to run, as bash text of up to 64 KiB; without it there is no job.",
    ),
    Variable(
        "POD_RESUME",
        "resume",
        Kind.TEXT,
        "no way to resume",
        "",
        "What the command gets when there is a checkpoint, at `{resume}` or at its end; `{checkpoint}` in it is"
        " the path; empty means that a checkpoint is only put back where it was saved.",
    ),
    Variable(
        "POD_CHECKPOINTS",
        "checkpoints",
        Kind.GLOB,
        "found by looking",
        "",
        "Glob of the checkpoints, below the code's folder.",
    ),
    Variable(
        "POD_FRESH",
        "fresh",
        Kind.FLAG,
        "0",
        "",
        "Begin a new run, once for each order; older checkpoints are moved aside, none is deleted.",
    ),
    Variable(
        "POD_REHEARSE",
        "rehearse",
        Kind.FLAG,
        "0",
        "",
        "Once in a run, at its first whole checkpoint: kill the training, resume it, and prove that its steps go on;"
        " if they do not, the job fails at once.",
    ),
    Variable(
        "POD_REQUIREMENTS",
        "requirements",
        Kind.FILE,
        "found by looking",
        "",
        "Package list below the command's folder, e.g. `requirements/train.txt`, `uv.lock`, `environment.yml` or"
        " `.[train]`; empty means that nothing is installed.",
    ),
    Variable(
        "POD_SETUP",
        "setup",
        Kind.COMMAND,
        "none",
        "",
        "Bash text that runs once in each new environment, after everything else is installed.",
    ),
    Variable(
        "POD_ON_FINISH",
        "on_finish",
        Kind.POLICY,
        "stop",
        "",
        "What the pod does after success: stop, terminate, keep, or auto, which reckons (docs/stop.md). Outside RunPod"
        " stopping means that the container ends with the job's exit code, which `exit` says too.",
    ),
    Variable(
        "POD_ON_FAILURE",
        "on_failure",
        Kind.POLICY,
        "stop",
        "",
        "The same after a failure.",
    ),
    Variable(
        "POD_IDLE_MINUTES",
        "idle_minutes",
        Kind.NUMBER,
        "15, after human use 30",
        "minutes",
        "The pod stops itself after this long without a job and without use (docs/idle.md), after twice as long where"
        " it was a person's; 0 is off.",
        most=_MINUTE_YEAR,
    ),
    Variable(
        "POD_HOLD_MINUTES",
        "hold_minutes",
        Kind.NUMBER,
        "0",
        "minutes",
        "A job that failed before its first step keeps its pod so long, if somebody follows it: fix it, and run"
        " `pod-client up` again (docs/hold.md).",
        most=_MINUTE_YEAR,
    ),
    Variable(
        "POD_MAX_HOURS",
        "max_hours",
        Kind.NUMBER,
        "off",
        "hours",
        "The pod stops itself this long after it started, whatever runs.",
        most=_HOUR_YEAR,
        above_least=True,
    ),
    Variable(
        "POD_MAX_COST",
        "max_cost",
        Kind.NUMBER,
        "off",
        "dollars",
        "The pod stops itself when the run has cost this much, over all its boots and pods (docs/limits.md).",
        most=1_000_000.0,
        above_least=True,
    ),
    Variable(
        "POD_STALL_MINUTES",
        "stall_minutes",
        Kind.NUMBER,
        "60",
        "minutes",
        "A running job in which every sign of life has been silent this long is ended with its stacks in the log, goes"
        " on once from its newest checkpoint, then fails (docs/stall.md); 0 is off.",
        most=_MINUTE_YEAR,
    ),
    Variable(
        "POD_MAX_RESTARTS",
        "max_restarts",
        Kind.COUNT,
        "3 with POD_RESUME, else 0",
        "attempts",
        "How many attempts may follow the first.",
        most=1000,
    ),
    Variable(
        "POD_SIGNAL",
        "signal",
        Kind.SIGNAL,
        "TERM",
        "",
        "The signal that asks the training to stop; 30 s later it is killed.",
    ),
    Variable(
        "POD_EPHEMERAL",
        "ephemeral",
        Kind.FLAG,
        "0",
        "",
        "Allow a job whose outputs end with the pod.",
    ),
    Variable(
        "POD_PROGRESS",
        "progress",
        Kind.PROGRESS,
        "read from the log and from files",
        "",
        "How to read progress where podkeep does not: a regular expression with named groups, e.g."
        " `at (?P<step>\\d+) of (?P<total>\\d+)`, or a command that prints such a line.",
    ),
)
