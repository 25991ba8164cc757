"""The contract with the user: every POD_* variable there is, as one table. The parse, the docs and the tests read it.

Not here: what makes a value good or bad (parse.py), and what a JobSpec is (job.py).
"""

from __future__ import annotations

from typing import Final

from pod_wire.contract_job import JOB
from pod_wire.variable import PREFIX, Kind, Variable


def _later(name: str, default: str, sentence: str, kind: Kind = Kind.TEXT, unit: str = "") -> Variable:
    field = name.removeprefix(PREFIX).lower()
    return Variable(name, field, kind, default, unit, sentence, built=False)


VARIABLES: Final[tuple[Variable, ...]] = (
    *JOB,
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
