"""Everything the agent is told from outside, read once into one frozen value. Reads a mapping, never the process's own.

A bad value is no crash: the mistakes are kept, the job will end *failed* with them, and the pod's own facts
(port, token, workspace, key) fall back to their defaults so that the agent can say so and stop the pod.
"""

from __future__ import annotations

import re
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pod_agent.invocation import DISK_DIR, RUN_DIR, Invocation
from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.parse import Parsed, parse_environment
from pod_wire.routes import DEFAULT_PORT
from pod_wire.rules import RESUME_MARK
from pod_wire.secrets import Secret, find_secrets, job_environment, weak_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNPOD_URL = "https://api.runpod.io/v2"
IDLE_MINUTES = 15.0
MOST_MINUTES, MOST_PRICE = 366 * 1440.0, 100_000.0  # beyond these they are mistakes, and not believed
MOST_DIGITS = 18  # Python refuses to read thousands of them
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
UNNAMED = "unnamed"
INSIDE = f"write {RESUME_MARK} inside the shell's text, where it belongs"
CODE_LOGINS = ("POD_GIT_TOKEN", "POD_DEPLOY_KEY")
SSH_KEYS = ("PUBLIC_KEY", "SSH_PUBLIC_KEY", "AUTHORIZED_KEYS")
SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class SshAsked:
    """Who may log in, and where sshd listens. On a pod it is wanted; elsewhere PODKEEP_SSH_PORT asks for it."""

    is_wanted: bool = False
    is_expected: bool = False  # somebody has asked for it, by a key that may be bad, or by PODKEEP_SSH_PORT
    keys: Mapping[str, str] = field(default_factory=dict)  # lines of public keys, by variable
    port: int = SSH_PORT
    addresses: tuple[str, ...] = ()  # all


@dataclass(frozen=True, slots=True)
class Settings:
    """The pod's facts, and the job its environment asks for, if any."""

    pod_id: str | None = None
    api_key: Secret | None = None
    stop_key: Secret | None = None  # a second one, for the pod's own stop alone
    runpod_url: str = RUNPOD_URL
    hostname: str = ""
    tcp_ports: tuple[str, ...] = ()  # "22=10341", sorted
    gpu_count: int | None = None
    pretended_gpus: int | None = None  # of a simulated pod
    token: Secret | None = None
    port: int = DEFAULT_PORT
    workspace: Path = Path("/workspace")
    run_dir: Path = RUN_DIR
    disk_dir: Path = DISK_DIR
    machine: Path = Path("/")  # whose processes and terminals are looked at
    price: float | None = None  # dollars per hour
    order: str | None = None
    idle_minutes: float = IDLE_MINUTES  # while there is no job
    max_hours: float | None = None  # the same
    job: JobSpec | None = None
    mistakes: BadInput | None = None
    warnings: tuple[str, ...] = ()
    job_environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = ()
    code_logins: Mapping[str, Secret] = field(default_factory=dict)  # of our own that bring the code, by name
    ssh: SshAsked = SshAsked()

    @property
    def code_environment(self) -> dict[str, str]:
        """The job's environment, and our own logins above it: for what brings the code, which keeps them to itself."""
        return dict(self.job_environment) | {name: it.reveal() for name, it in self.code_logins.items()}

    @property
    def graphql_url(self) -> str:
        parts = urlsplit(self.runpod_url)
        return f"{parts.scheme}://{parts.netloc}/graphql"

    @staticmethod
    def from_env(
        env: Mapping[str, str], invocation: Invocation | None = None, hostname: str = ""
    ) -> Settings:
        """Read the environment, with the start command's own fields above it."""
        asked = invocation or Invocation()
        merged = dict(asked.defaults) | _given(env) | dict(asked.overlay or {})
        parsed, mistakes = _parse(merged, asked)
        return Settings(
            pod_id=env.get("RUNPOD_POD_ID") or None,
            api_key=_secret(env.get("RUNPOD_API_KEY")),
            stop_key=_secret(env.get("POD_STOP_KEY")),
            runpod_url=_url(env.get("POD_RUNPOD_URL")),
            hostname=hostname or env.get("RUNPOD_POD_HOSTNAME", ""),
            tcp_ports=tcp_ports(env),
            gpu_count=_whole(env.get("RUNPOD_GPU_COUNT")),
            pretended_gpus=_whole(env.get("PODKEEP_PRETENDED_GPUS")),
            token=_secret(env.get("POD_TOKEN")),
            port=_port(env.get("POD_PORT")),
            workspace=_workspace(env),
            run_dir=asked.run_dir,
            disk_dir=asked.disk_dir,
            machine=Path(env.get("PODKEEP_MACHINE") or "/"),
            price=_positive(env.get("POD_PRICE"), MOST_PRICE),
            order=env.get("POD_ORDER") or None,
            idle_minutes=_minutes(env.get("POD_IDLE_MINUTES")),
            max_hours=_hours(merged.get("POD_MAX_HOURS")),
            job=parsed.spec,
            mistakes=mistakes,
            warnings=(*asked.warnings, *parsed.warnings, *_weak(merged)),
            job_environment=job_environment(env),
            secrets=find_secrets(env),
            code_logins={name: Secret(env[name]) for name in CODE_LOGINS if env.get(name)},
            ssh=ssh_asked(env),
        )


def unfit_job(env: Mapping[str, str]) -> JobSpec:
    """The stand-in for a job whose settings cannot be read: only its name and its exit policy, where they are clear."""
    name = env.get("POD_JOB", "")
    policy = env.get("POD_ON_FAILURE", "")
    safe = {ExitPolicy.STOP.value, ExitPolicy.KEEP.value, ExitPolicy.EXIT.value}
    return JobSpec(
        name=name if SAFE_NAME.fullmatch(name) else UNNAMED,
        command="",
        on_failure=ExitPolicy(policy) if policy in safe else ExitPolicy.STOP,
        idle_minutes=_minutes(env.get("POD_IDLE_MINUTES")),
        max_hours=_hours(env.get("POD_MAX_HOURS")),
    )


def ssh_asked(env: Mapping[str, str]) -> SshAsked:
    """``PODKEEP_SSH_PORT`` is a port, or ``address:port``; a bad one is as good as none."""
    address, _, port = env.get("PODKEEP_SSH_PORT", "").rpartition(":")
    number = _whole(port) or 0
    asked = 0 < number < 1 << 16 and re.fullmatch(r"[0-9A-Fa-f.:\[\]]*", address) is not None
    keys = {name: env[name] for name in SSH_KEYS if env.get(name)}
    return SshAsked(
        is_wanted=asked or bool(env.get("RUNPOD_POD_ID")),
        is_expected=asked or bool(keys),
        keys=keys,
        port=number if asked else SSH_PORT,
        addresses=(address,) if asked and address else (),
    )


def tcp_ports(env: Mapping[str, str]) -> tuple[str, ...]:
    """RunPod's outside ports of this container; new ones after every start."""
    prefix = "RUNPOD_TCP_PORT_"
    return tuple(sorted(f"{name[len(prefix) :]}={env[name]}" for name in env if name.startswith(prefix)))


def _parse(env: Mapping[str, str], asked: Invocation) -> tuple[Parsed, BadInput | None]:
    try:
        parsed = parse_environment(env)
    except BadInput as error:
        found = BadInput(error.message, (*asked.mistakes, *error.mistakes), error.hint)
        return Parsed(unfit_job(env), ()), found
    if (
        asked.is_nested
        and parsed.spec is not None
        and parsed.spec.resume
        and RESUME_MARK not in parsed.spec.command
    ):
        told = Mistake("POD_RESUME", "has no place in the start command", INSIDE)
        return Parsed(unfit_job(env), ()), BadInput("cannot read the start command", (told,))
    if asked.mistakes:
        return Parsed(unfit_job(env), ()), BadInput("cannot read the start command", asked.mistakes)
    return parsed, None


def _given(env: Mapping[str, str]) -> dict[str, str]:
    """An empty policy is none, so that the start command's stands."""
    return {
        name: value for name, value in env.items() if value or name not in {"POD_ON_FINISH", "POD_ON_FAILURE"}
    }


def _weak(env: Mapping[str, str]) -> tuple[str, ...]:
    names = weak_secrets(env)
    if not names:
        return ()
    return (f"not masked in the log, being shorter than 8 bytes: {', '.join(names)}",)


def _workspace(env: Mapping[str, str]) -> Path:
    named = env.get("POD_WORKSPACE") or "/workspace"
    return Path(named) if named.startswith("/") else Path("/workspace")


def _url(value: str | None) -> str:
    try:
        parts = urlsplit(value or "")
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    return (value if value and good else RUNPOD_URL).rstrip("/")


def _secret(value: str | None) -> Secret | None:
    return Secret(value) if value else None


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdecimal() and len(value) <= MOST_DIGITS else None


def _port(value: str | None) -> int:
    number = _whole(value)
    return number if number is not None and number < 1 << 16 else DEFAULT_PORT


def _positive(value: str | None, most: float) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number <= most else None


def _hours(value: str | None) -> float | None:
    """None is off; so is what cannot be read, which is a mistake wherever there is a job."""
    return _positive(value, MOST_MINUTES / 60) or None


def _minutes(value: str | None) -> float:
    number = _positive(value, MOST_MINUTES)
    return IDLE_MINUTES if number is None else number
