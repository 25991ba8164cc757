"""What `up` is about to create: a job, its environment on the pod, and the machine. Values and their checks only.

Flags win over pod.toml, and `--env POD_...` over both; nothing is asked of anybody here.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar

from pod_client.bare.start_command import AS_IT_SAYS, start_command
from pod_client.code_place import place_of
from pod_client.user_env import count
from pod_wire.contract import JOB_FIELDS
from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass
from pod_wire.near import nearest
from pod_wire.parse import parse_environment, parse_toml, to_environment, toml_pod_table
from pod_wire.routes import DEFAULT_PORT
from pod_wire.runpod.models import Mount, NewPod

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pod_wire.job import JobSpec

T = TypeVar("T")

MOST_VARIABLES = 50  # RunPod's limit for a pod
OURS_PER_POD = ("POD_TOKEN", "POD_ORDER")  # set by up itself
LOCAL_GPU = "NVIDIA GeForce RTX 4090"
LOCAL_IMAGE = "local"
PORTS = (f"{DEFAULT_PORT}/http", "22/tcp")
LEAST_MOUNT_GB = 10
SEND, IN_IMAGE = AGENTS = ("send", "image")  # where a pod has its agent from


@dataclass(frozen=True, slots=True)
class Machine:
    """The pod's hardware and disks. ``volume`` is a network volume's id; without one a disk of ``mount_gb``."""

    image: str | None = None
    agent: str | None = None  # one of AGENTS
    gpus: tuple[str, ...] = ()  # tried in this order
    count: int = 1
    cloud: str = "SECURE"
    data_centers: tuple[str, ...] = ()
    disk_gb: int = 40
    mount_gb: int = 20
    volume: str | None = None
    mount_path: str = "/workspace"
    registry: str | None = None

    @property
    def sends_agent(self) -> bool:
        return self.agent == SEND


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a pod needs but its token, order and name."""

    spec: JobSpec
    machine: Machine
    user_env: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def new_pod(self, name: str, gpu: str, env: Mapping[str, str]) -> NewPod:
        """The request for one candidate; everything that RunPod might guess is said."""
        machine = self.machine
        size = machine.mount_gb if machine.volume is None else 0
        return NewPod(
            name=name,
            image=machine.image or "",
            gpu_id=gpu,
            gpu_count=machine.count,
            cloud=machine.cloud,
            data_centers=machine.data_centers,
            disk_gb=machine.disk_gb,
            mount=Mount(machine.mount_path, size, machine.volume),
            ports=PORTS,
            env=env,
            registry=machine.registry,
            **(start_command() if machine.sends_agent else AS_IT_SAYS),
        )

    def environment(self, token_hash: str, order: str) -> dict[str, str]:
        """The pod's whole environment. The token itself stays here."""
        pod = {"POD_TOKEN": f"sha256:{token_hash}", "POD_ORDER": order}
        if self.machine.mount_path != "/workspace":
            pod["POD_WORKSPACE"] = self.machine.mount_path
        return {**_not_pod(self.user_env), **to_environment(self.spec), **_pod_level(self.user_env), **pod}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for, as read from flags and files."""

    job: str | None
    toml: str | None  # the text of pod.toml
    contract: Mapping[str, str]  # POD_* from flags
    env: Mapping[str, str]  # --env and --env-file
    machine: Mapping[str, object]  # Machine's fields that flags gave
    is_local: bool = False
    files: tuple[Path, ...] = ()  # what was read for these


def values_of(wishes: Wishes) -> dict[str, str]:
    """All variables of the job: flags over pod.toml, and --env over both."""
    return {**_from_toml(wishes), **wishes.contract, **wishes.env}


def make_plan(wishes: Wishes) -> Plan:
    """A plan that RunPod and the agent will accept as far as can be known here, or every mistake at once."""
    wrong: list[Mistake] = []
    base = _or_mistakes(lambda: _from_toml(wishes), wrong)
    machine = _or_mistakes(lambda: _machine(wishes), wrong)
    if base is None or machine is None:
        raise BadInput(f"cannot use pod.toml: {_so_many(wrong)} wrong", tuple(wrong))
    given = {**base, **wishes.contract, **wishes.env}
    checked = {
        name: value for name, value in given.items() if "{{" not in value
    }  # RunPod fills in its secrets
    parsed = _or_mistakes(lambda: parse_environment({**checked, "RUNPOD_POD_ID": "planned"}), wrong)
    place = place_of(given.get("POD_REPO", ""), _said_as("POD_REPO", wishes), is_local=wishes.is_local)
    if isinstance(place, Mistake):
        wrong.append(place)
    if parsed is None or isinstance(place, Mistake):
        by_flag = tuple(replace(mistake, field=_said_as(mistake.field, wishes)) for mistake in wrong)
        raise BadInput(f"cannot start a job: {_so_many(wrong)} wrong", by_flag)
    if parsed.spec is None:
        raise BadInput(
            "cannot start a job: there is no command",
            hint="write a pod.toml: pod-client init; or give --command"
            if wishes.toml is None
            else 'say in pod.toml what to run: a table [job.NAME] with command = "..."; or give --command',
        )
    spec = replace(parsed.spec, repo=place or None)
    plan = Plan(spec, machine, dict(wishes.env), parsed.warnings)
    mistakes = [*_env_mistakes(plan), *_machine_mistakes(machine)]
    if mistakes:
        raise BadInput(f"cannot start a pod: {_so_many(mistakes)} wrong", tuple(mistakes))
    return plan


def _or_mistakes(read: Callable[[], T], wrong: list[Mistake]) -> T | None:
    """What was read; None where it has mistakes, which join the others. Other errors pass."""
    try:
        return read()
    except BadInput as error:
        if not error.mistakes:
            raise
        wrong += error.mistakes
        return None


def _so_many(wrong: list[Mistake]) -> str:
    return count(len(wrong), "setting is", "settings are")


def _said_as(variable: str, wishes: Wishes) -> str:
    """A variable as the person gave it: the flag, the setting of the file, or the variable itself."""
    field = variable.removeprefix("POD_").lower()
    if variable in wishes.env or not variable.startswith("POD_"):
        return variable
    if variable in wishes.contract:
        return f"--{field.replace('_', '-')}"
    return variable if wishes.toml is None else f"{field} in pod.toml"


def _from_toml(wishes: Wishes) -> dict[str, str]:
    """The job of pod.toml as variables: wanted when it was named, or when no command was given."""
    if wishes.toml is None:
        if wishes.job is not None:
            raise BadInput(
                f"cannot find job '{wishes.job}': there is no pod.toml here",
                hint="write one: pod-client init; or give --file, or --command",
            )
        return {}
    if wishes.job is None and "POD_COMMAND" in wishes.contract:
        return {}
    spec = parse_toml(wishes.toml, wishes.job).spec
    return {} if spec is None else to_environment(spec)


_TABLE: Mapping[str, tuple[str, type]] = {
    "image": ("image", str),
    "agent": ("agent", str),
    "gpu": ("gpus", tuple),
    "count": ("count", int),
    "cloud": ("cloud", str),
    "dc": ("data_centers", tuple),
    "disk_gb": ("disk_gb", int),
    "mount_gb": ("mount_gb", int),
    "volume": ("volume", str),
    "mount_path": ("mount_path", str),
    "registry": ("registry", str),
}


def _machine(wishes: Wishes) -> Machine:
    table = toml_pod_table(wishes.toml) if wishes.toml is not None else {}
    given: dict[str, object] = {}
    mistakes = []
    for key, value in table.items():
        if key not in _TABLE:
            meant = nearest(key, _TABLE)
            remedy = f"did you mean {meant}?" if meant else f"known: {', '.join(_TABLE)}"
            mistakes.append(Mistake(f"pod.{key[:80]}", "is not a setting of a pod", remedy))
            continue
        name, kind = _TABLE[key]
        fitting = _fit(value, kind)
        if fitting is None:
            words = {str: "text", int: "a whole number", tuple: "text, or a list of texts"}[kind]
            mistakes.append(Mistake(f"pod.{key}", f"must be {words}"))
        else:
            given[name] = fitting
    if mistakes:
        raise BadInput("cannot read pod.toml: its [pod] table has mistakes", tuple(mistakes))
    machine = replace(Machine(), **given)  # type: ignore[arg-type]  # each value was fitted to its field above
    machine = replace(machine, **{k: v for k, v in wishes.machine.items() if v is not None and v != ()})  # type: ignore[arg-type]  # click's types are the fields'
    if wishes.is_local:
        machine = replace(machine, image=machine.image or LOCAL_IMAGE, gpus=machine.gpus or (LOCAL_GPU,))
    return replace(machine, agent=machine.agent or (IN_IMAGE if wishes.is_local else SEND))


def _fit(value: object, kind: type) -> object | None:
    if kind is tuple:
        listed = [value] if isinstance(value, str) else value
        good = isinstance(listed, list) and all(isinstance(item, str) and item for item in listed)
        return tuple(listed) if good and isinstance(listed, list) else None
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _machine_mistakes(machine: Machine) -> list[Mistake]:
    wrong = []
    if not machine.image:
        wrong.append(
            Mistake("--image", "is needed: any that has what your job needs", "give --image, or --local")
        )
    if not machine.gpus:
        wrong.append(Mistake("--gpu", "is needed", "for example --gpu 'NVIDIA GeForce RTX 4090'"))
    if machine.agent not in AGENTS:
        wrong.append(Mistake("--agent", f"must be {' or '.join(AGENTS)}"))
    if machine.count < 1:
        wrong.append(Mistake("--count", "must be 1 or more"))
    if machine.cloud not in {"SECURE", "COMMUNITY"}:
        wrong.append(Mistake("--cloud", "must be SECURE or COMMUNITY"))
    if machine.disk_gb < 1:
        wrong.append(Mistake("--disk", "must be 1 GB or more"))
    if machine.volume is None and machine.mount_gb < LEAST_MOUNT_GB:
        wrong.append(Mistake("--mount", f"must be {LEAST_MOUNT_GB} GB or more: RunPod's least"))
    if not machine.mount_path.startswith("/"):
        wrong.append(Mistake("--mount-path", "must be an absolute path"))
    if machine.volume is not None and machine.cloud == "COMMUNITY":
        wrong.append(
            Mistake("--volume", "is not to be had on the community cloud", "leave out --cloud COMMUNITY")
        )
    return wrong


def _env_mistakes(plan: Plan) -> list[Mistake]:
    env = plan.environment("0" * 64, "o" * 16)
    wrong = [
        Mistake(f"--env {name}", "is set by up itself", "leave it out")
        for name in OURS_PER_POD
        if name in plan.user_env
    ]
    if "RUNPOD_API_KEY" in plan.user_env:
        wrong.append(
            Mistake(
                "--env RUNPOD_API_KEY", "is replaced by RunPod with the pod's own key", "use another name"
            )
        )
    if len(env) > MOST_VARIABLES:
        wrong.append(
            Mistake(
                "--env",
                f"makes {len(env)} variables; RunPod allows {MOST_VARIABLES}",
                "pass fewer, or a file",
            )
        )
    return wrong


def _not_pod(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if not name.startswith("POD_")}


def _pod_level(env: Mapping[str, str]) -> dict[str, str]:
    """POD_* of --env that say something of the pod; those of the job are in its spec already."""
    of_job = {variable.name for variable in JOB_FIELDS.values()}
    return {name: value for name, value in env.items() if name.startswith("POD_") and name not in of_job}


def fields_of(spec: JobSpec) -> dict[str, object]:
    """The job as the body of POST /jobs: fields that are set, by JobSpec's names."""
    return {name: value for name, value in asdict(spec).items() if value is not None and name in JOB_FIELDS}
