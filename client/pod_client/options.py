"""The flags of the commands, and `up`'s flags as one value. Only click is imported here: --help must be quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

MINUTES = click.FloatRange(min=0.1)
WAIT_FLAG = "--wait-minutes"
WAIT_HELP = "Give up, and undo it, when the pod has not said by then that it can stop itself."
LOCAL_HELP = "Use pods of the simulator on this machine; costs nothing."
JSON_HELP = "Print one JSON document on stdout."
RAW_HELP = "Do not fold progress bars on a terminal."

LOCAL = click.option("--local", is_flag=True, help=LOCAL_HELP)
JSON = click.option("--json", "as_json", is_flag=True, help=JSON_HELP)
RAW = click.option("--raw", is_flag=True, help=RAW_HELP)
WAIT = click.option(WAIT_FLAG, type=MINUTES, default=20.0, show_default=True, help=WAIT_HELP)
POD = click.argument("pod")
TOKEN_FILE = click.option(
    "--token-file",
    type=click.Path(dir_okay=False),
    help="File with the pod's token, for a pod that this machine did not start. POD_TOKEN does the same.",
)


@dataclass(frozen=True, slots=True)
class UpFlags:
    """What `up` was given, before anything is read or checked."""

    job: str | None
    contract: Mapping[str, str]  # POD_* variables
    machine: Mapping[str, object]  # fields of plan.Machine
    env: tuple[str, ...]
    env_files: tuple[str, ...]
    toml: str | None


# Flags that are contract variables: flag, variable, what it means. Given ones win over pod.toml.
CONTRACT = (
    ("--job", "POD_JOB", "Name of the job; the same name resumes."),
    ("--repo", "POD_REPO", "Git repository with the code; with --local also a folder."),
    ("--ref", "POD_REF", "Branch, tag or commit."),
    ("--subdir", "POD_SUBDIR", "Folder of the repository in which the command runs."),
    ("--command", "POD_COMMAND", "What to run, as bash text."),
    (
        "--resume",
        "POD_RESUME",
        "What the command gets when there is a checkpoint, e.g. '--resume {checkpoint}'.",
    ),
    ("--checkpoints", "POD_CHECKPOINTS", "Glob of checkpoints; without it they are found by looking."),
    (
        "--requirements",
        "POD_REQUIREMENTS",
        "Package list of the job, e.g. '.[train]'; without it looked for; '' installs nothing.",
    ),
    ("--setup", "POD_SETUP", "Bash text that runs in each new environment, after the installing."),
    ("--on-finish", "POD_ON_FINISH", "After success: stop, keep, terminate, or auto: what costs less."),
    ("--on-failure", "POD_ON_FAILURE", "After a failure: stop, keep, terminate, auto."),
    (
        "--hold-minutes",
        "POD_HOLD_MINUTES",
        "Keep the pod so long after a failure before the first step, if somebody follows.",
    ),
    ("--idle-minutes", "POD_IDLE_MINUTES", "Stop the pod after so long without a job; 0 is off."),
    ("--max-hours", "POD_MAX_HOURS", "Stop the pod after so many hours of a boot, whatever runs."),
    ("--max-cost", "POD_MAX_COST", "Stop the pod when the run has cost so many dollars, over all boots."),
    ("--max-restarts", "POD_MAX_RESTARTS", "Attempts after the first."),
    ("--stall-minutes", "POD_STALL_MINUTES", "Silence after which a running job is stalled; 0 is off."),
)


def _option(*names: str, **settings: object) -> click.Option:
    return click.Option(names, **settings)  # type: ignore[arg-type]  # click's own keywords, as written below


_FILE = click.Path(dir_okay=False)
_CLOUDS = click.Choice(["SECURE", "COMMUNITY"], case_sensitive=False)

_MACHINE = (
    _option("--image", help="Container image, any that has what the job needs. Needed, unless --local."),
    _option(
        "--agent",
        type=click.Choice(["send", "image"]),
        help="Send the agent where the image has none, or the image has it.  [default: send; with --local image]",
    ),
    _option("--gpu", "gpus", multiple=True, help="GPU by RunPod's name; several are tried in order."),
    _option("--count", type=int, help="GPUs of the pod.  [default: 1]"),
    _option("--cloud", type=_CLOUDS, help="[default: SECURE]"),
    _option("--dc", "data_centers", multiple=True, help="Only in these data centres."),
    _option("--disk", "disk_gb", type=int, help="Container disk in GB; wiped by a stop.  [default: 40]"),
    _option("--mount", "mount_gb", type=int, help="Disk in GB that outlives a stop.  [default: 20]"),
    _option("--volume", help="A network volume's id, in place of --mount."),
    _option("--mount-path", help="Where the mount is seen.  [default: /workspace]"),
    _option("--registry", help="Id of RunPod's registry credential, for a private image."),
)

_REST = (
    _option(
        "--env",
        "-e",
        multiple=True,
        metavar="NAME[=VALUE]",
        help="Variable for the job; NAME alone passes on yours, and keeps its value out of your shell's history.",
    ),
    _option("--env-file", "env_files", multiple=True, type=_FILE, help="File of NAME=VALUE lines."),
    _option("--file", "toml", type=_FILE, help="Job file.  [default: pod.toml, if there]"),
    _option("--fresh", is_flag=True, help="Begin a new run; checkpoints are moved aside, none is deleted."),
    _option(
        "--rehearse",
        is_flag=True,
        help="At the first checkpoint: kill, resume, and prove that the steps go on; else fail at once.",
    ),
    _option(
        "--tree",
        is_flag=True,
        help="Send this folder as it is: what git tracks, and what it neither tracks nor ignores.",
    ),
    _option("--pushed", is_flag=True, help="Run what is pushed, without your local work."),
    _option("--new-pod", is_flag=True, help="Do not reuse a pod, also not the job's own."),
    _option("--detach", "-d", is_flag=True, help="Do not follow the log."),
    _option("--dry-run", is_flag=True, help="Show what would be created, and its price; secrets as stars."),
    _option("--raw", is_flag=True, help=RAW_HELP),
    _option(WAIT_FLAG, type=MINUTES, default=20.0, show_default=True, help=WAIT_HELP),
    _option("--local", is_flag=True, help=LOCAL_HELP),
    _option("--json", "as_json", is_flag=True, help=JSON_HELP),
)

UP: list[click.Parameter] = [
    click.Argument(["job"], required=False),
    *(_option(flag, variable, help=sentence) for flag, variable, sentence in CONTRACT),
    *_MACHINE,
    *_REST,
]

INIT: list[click.Parameter] = [
    click.Argument(["to"], required=False, metavar="[-]", type=click.Choice(["-"])),
    _option(
        "--force", is_flag=True, help="Also where there is a pod.toml; that one is kept as pod.toml.bak."
    ),
    _option("--print", "to_stdout", is_flag=True, help="Print it and write nothing."),
]


def read_up(values: Mapping[str, object]) -> UpFlags:
    """Sort click's values by what they belong to."""
    contract = {
        variable: str(values[variable]) for _, variable, _ in CONTRACT if values[variable] is not None
    }
    if values["fresh"]:
        contract["POD_FRESH"] = "1"
    if values["rehearse"]:
        contract["POD_REHEARSE"] = "1"
    names = (
        "image",
        "agent",
        "gpus",
        "count",
        "cloud",
        "data_centers",
        "disk_gb",
        "mount_gb",
        "volume",
        "mount_path",
        "registry",
    )
    machine = {name: values[name] for name in names if values[name] not in (None, ())}
    job, toml = values["job"], values["toml"]
    return UpFlags(
        job=None if job is None else str(job),
        contract=contract,
        machine=machine,
        env=_texts(values["env"]),
        env_files=_texts(values["env_files"]),
        toml=None if toml is None else str(toml),
    )


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, tuple) else ()
