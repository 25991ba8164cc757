"""The contract with the user: every POD_* variable there is, as one table. The parse, the docs and the tests read it.

Not here: what makes a value good or bad (parse.py), and what a JobSpec is (job.py).
"""

from __future__ import annotations

from typing import Final

from pod_wire.variable import PREFIX, Kind, Variable


def _later(name: str, default: str, sentence: str, kind: Kind = Kind.TEXT, unit: str = "") -> Variable:
    field = name.removeprefix(PREFIX).lower()
    return Variable(name, field, kind, default, unit, sentence, built=False)


_HOUR_YEAR: Final = 24.0 * 366
_MINUTE_YEAR: Final = _HOUR_YEAR * 60

VARIABLES: Final[tuple[Variable, ...]] = (
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
    Variable(
        "POD_TOKEN",
        "token",
        Kind.TOKEN,
        "made by the agent",
        "",
        "Bearer token of the agent's API, or `sha256:<hex>` of it.",
        level="pod",
    ),
    Variable(
        "POD_PORT",
        "port",
        Kind.PORT,
        "8787",
        "",
        "Port the agent listens on.",
        level="pod",
    ),
    Variable(
        "POD_WORKSPACE",
        "workspace",
        Kind.WORKSPACE,
        "`/workspace`",
        "",
        "Folder that outlives a stop, where code and state are kept.",
        level="pod",
    ),
    Variable(
        "POD_RUNPOD_URL",
        "runpod_url",
        Kind.URL,
        "RunPod's",
        "",
        "Base URL of RunPod's v2 API.",
        level="pod",
    ),
    Variable(
        "POD_PRICE",
        "price",
        Kind.NUMBER,
        "asked of RunPod",
        "dollars per hour",
        "What the pod costs, where RunPod is not to be asked.",
        level="pod",
        most=100_000.0,
    ),
    Variable(
        "POD_ORDER",
        "order",
        Kind.NAME,
        "none",
        "",
        "Id of the order behind this environment; `pod-client up` writes it, people need not.",
        level="pod",
    ),
    Variable(
        "POD_GIT_TOKEN",
        "git_token",
        Kind.LOGIN,
        "none",
        "",
        "Token, or `user:token`, for the host of `POD_REPO` and for its submodules there, over https.",
        level="pod",
    ),
    Variable(
        "POD_DEPLOY_KEY",
        "deploy_key",
        Kind.KEY,
        "none",
        "",
        "Private ssh key for a `POD_REPO` over ssh: as it is, on one line with `\\n`, or as base64; no passphrase.",
        level="pod",
    ),
    Variable(
        "POD_STOP_KEY",
        "stop_key",
        Kind.LOGIN,
        "none",
        "",
        "A second key of RunPod's for the pod's own stop, tried where the pod's key is refused; best a RunPod secret"
        " (docs/stop.md).",
        level="pod",
    ),
    _later("POD_OUTPUTS", "all that the run made or changed", "Globs of what to keep."),
    _later("POD_DATA", "none", "Data to fetch before the job, `store[@rev] -> path`."),
    _later("POD_UPLOAD", "none", "Stores that outputs are uploaded to."),
    _later("POD_KEEP", "last 2", "How many checkpoints to keep in a store.", Kind.COUNT),
    _later("POD_BEST", "none", "Metric of the best checkpoint."),
    _later("POD_DRAIN_MINUTES", "30", "Patience with the last uploads.", Kind.NUMBER, "minutes"),
    _later("POD_NOTIFY", "none", "Who is told about the end of a job."),
    _later("POD_SERVICES", "none", "Services to start beside the job."),
    _later("POD_WATCH", "none", "What else is watched."),
)

BY_NAME: Final = {variable.name: variable for variable in VARIABLES}
JOB_FIELDS: Final = {variable.field: variable for variable in VARIABLES if variable.level == "job"}


def row(variable: Variable) -> str:
    """The variable's line in the table of docs/settings.md."""
    built = "yes" if variable.built else "not yet"
    cells = (f"`{variable.name}`", variable.default, variable.unit, variable.sentence, built)
    return "| " + " | ".join(cell.replace("|", "\\|") or "-" for cell in cells) + " |"
