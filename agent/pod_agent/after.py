"""``pod-agent after PID…``: somebody's training runs already; look after it, and then apply the exit policy.

A job whose command only looks on (``run.after_watch``). Where an agent lives it is asked to, as for any job; where none
does, ``after_alone`` keeps one alive. Nothing is signalled here, whatever happens to us; and nothing is begun whose end
would wipe what the training made.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.invocation import FIELDS, FLAGS, Invocation
from pod_agent.pod import marks
from pod_agent.pod.preflight import mount
from pod_agent.pod.preflight.look import Look
from pod_agent.run import after_watch
from pod_agent.settings import Settings
from pod_wire.contract import BY_NAME, VARIABLES
from pod_wire.errors import BadInput, Conflict, Mistake, PodError, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy
from pod_wire.old_names import OLD_NAMES
from pod_wire.routes import DEFAULT_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pod_agent.pod.preflight.mount import Mount
    from pod_wire.job import JobSpec

OPTIONS = ("--job", "--on-finish", "--on-failure", "--max-hours", "--max-cost", "--idle-minutes")
EPHEMERAL = "--ephemeral"
USAGE = f"""pod-agent after PID…: looks after a training that runs already, and switches the pod off when it has ended.

  python train.py > train.log 2>&1 &     redirected to a file, so that its log can be kept
  pod-agent after $!

options: {" ".join(OPTIONS)} {EPHEMERAL}
Several PIDs: until the last of them has ended. Its exit code is nobody's to know but its parent's: any end counts.
"""
TYPED = {variable: option for option, variable in (FIELDS | FLAGS).items()}
STANDING = (
    "POD_ON_FINISH",
    "POD_ON_FAILURE",
    "POD_MAX_HOURS",
    "POD_MAX_COST",
    "POD_IDLE_MINUTES",
    "POD_EPHEMERAL",
)
PLACE = ("RUNPOD_POD_ID", "POD_WORKSPACE")
KERNEL_THREAD = 0x00200000  # PF_KTHREAD of the flags in /proc/PID/stat
ANSWER_S = 20.0
MOUNT_S = 5.0
ENOUGH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed, understood. ``fields`` are POD_* variables."""

    pids: tuple[int, ...]
    fields: Mapping[str, str]


def read(words: Sequence[str]) -> Asked:
    """The words behind ``after``; BadInput names all that is wrong with them."""
    pids: list[int] = []
    fields: dict[str, str] = {}
    mistakes: list[Mistake] = []
    left = list(words)
    while left:
        name, equals, value = left.pop(0).partition("=")
        if name in OPTIONS:
            fields[FIELDS[name]] = value if equals or not left else left.pop(0)
            if not fields[FIELDS[name]].strip():
                mistakes.append(Mistake(name, "needs a value", "write it after the option"))
        elif name == EPHEMERAL:
            fields[FLAGS[name]] = value if equals else "1"
        elif name.startswith("-"):
            known = ", ".join((*OPTIONS, EPHEMERAL))
            mistakes.append(Mistake(name, "is no option of `pod-agent after`", f"known: {known}"))
        elif name.isascii() and name.isdecimal() and not equals and len(name) < 10:  # noqa: PLR2004 - no pid is longer
            pids.append(int(name))
        else:
            mistakes.append(Mistake(name, "is no process id", "pgrep -f train.py finds it"))
    if not pids and not mistakes:
        mistakes.append(Mistake("PID", "is missing", "write it: pod-agent after $!"))
    if mistakes:
        raise BadInput("cannot look after it", tuple(mistakes))
    return Asked(tuple(dict.fromkeys(pids)), fields)


def target(pid: int, mine: Sequence[int]) -> str:
    """``PID:START`` of a process that can be waited for; BadInput says why it cannot."""

    def wrong(problem: str, remedy: str) -> BadInput:
        return BadInput("cannot look after it", (Mistake(str(pid), problem, remedy),))

    if pid in mine:
        raise wrong("is this program itself, or waits for it", "name the training's own process")
    if pid == 1:
        raise wrong(
            "is the container's first process, which ends with the pod", "name the training's own process"
        )
    try:
        said = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:
        raise wrong(
            "is no process: has it ended already?", "nothing is looked after; ps shows what runs"
        ) from None
    group = next((line.split()[1] for line in said.splitlines() if line.startswith("Tgid:")), str(pid))
    if group != str(pid):
        raise wrong(f"is a thread of process {group}", f"pod-agent after {group}")
    if is_kernel_s(fields):
        raise wrong("is a thread of the kernel, which never ends", "name the training's own process")
    start = after_watch.started(pid)
    if start is None:
        raise wrong("has ended already, only nobody has asked how", "nothing is looked after")
    return f"{pid}:{start}"


def is_kernel_s(fields: Sequence[str]) -> bool:
    """Whether a process is a thread of the kernel, by the fields of its stat behind its name."""
    return bool(int(fields[6]) & KERNEL_THREAD)


def ourselves() -> list[int]:
    """We and all that wait for us."""
    found: list[int] = []
    pid = os.getpid()
    while pid > 1 and pid not in found:
        found.append(pid)
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()
        except OSError:
            break
        pid = int(fields[1])
    return found


def targets(asked: Asked, mine: Sequence[int]) -> list[str]:
    """``PID:START`` of each."""
    return [target(pid, mine) for pid in asked.pids]


def job_of(asked: Asked, names: Sequence[str]) -> dict[str, str]:
    """The job as POD_* variables: a command that only looks on, nothing fetched, nothing installed."""
    program = str(Path(after_watch.__file__))
    command = "exec " + shlex.join([sys.executable, "-I", "-S", program, *names])
    return {
        "POD_JOB": "after-" + "-".join(str(pid) for pid in asked.pids[:6]),
        "POD_COMMAND": command,
        "POD_REQUIREMENTS": "",
        **asked.fields,
    }


# What it means for the pod


def understood(
    job: Mapping[str, str], env: Mapping[str, str], invocation: Invocation
) -> tuple[dict[str, str], Settings]:
    """The environment with this job and no other, and what it says; BadInput names what is wrong with it.

    Said here, to who typed it: an agent that met it would end the job *failed*, and stop the pod amid the training.
    """
    others = {variable.name for variable in VARIABLES if variable.level == "job"} - set(STANDING)
    kept = {name: value for name, value in env.items() if name not in others and name not in OLD_NAMES}
    kept |= job
    settings = Settings.from_env(kept, Invocation(invocation.run_dir, invocation.disk_dir))
    if settings.mistakes is not None:
        named = [replace(it, field=TYPED.get(it.field, it.field)) for it in settings.mistakes.mistakes]
        raise BadInput("cannot look after it", tuple(named))
    return kept, settings


def hold(
    settings: Settings, look: Callable[[Path], Mount | None] = mount.look, limit_s: float = MOUNT_S
) -> None:
    """A pod is not to be stopped whose stop wipes all: refuse. A mount that does not answer is one, as elsewhere."""
    spec = settings.job
    if settings.pod_id is None or spec is None or spec.ephemeral or never_stops(spec):
        return
    on = Look("mount", lambda: look(settings.workspace)).within(limit_s)
    if on is not None and on.is_fleeting:
        raise Conflict(
            f"cannot look after it: the pod's stop would wipe what it made, as {settings.workspace} is no mounted"
            " volume",
            "POD_WORKSPACE=… names the volume where there is one elsewhere; --on-finish keep --on-failure keep"
            " --idle-minutes 0 never stops the pod; --ephemeral allows the loss",
        )


def never_stops(spec: JobSpec) -> bool:
    """Whether the job brings no stop of the pod with it. To keep it is to stop it after the idle minutes."""
    policies = {spec.on_finish, spec.on_failure}
    limits = (spec.idle_minutes or None, spec.max_hours, spec.max_cost)
    return policies == {ExitPolicy.KEEP} and not any(limits)


# Where an agent lives


def environment_of(pid: int) -> dict[str, str]:
    """A process's environment; empty without the right to read it."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "surrogateescape").split("\0")
    except OSError:
        return {}
    return {name: value for name, equals, value in (pair.partition("=") for pair in pairs) if equals}


def hand_over(job: Mapping[str, str], agent: int, invocation: Invocation) -> str:
    """Ask the living agent; what it said in one line. Refusals are errors with their remedy.

    A posted job knows nothing of the pod's environment: the limits that stand there are handed over with it.
    """
    its = environment_of(agent)
    disk_dir = Path(its.get("PODKEEP_DISK_DIR") or invocation.disk_dir)
    try:
        token = (disk_dir / marks.LOCAL_TOKEN).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Unreachable(
            f"cannot ask the agent of this pod: its token: {error}", "run this as root"
        ) from None
    given = {**{name: its[name] for name in STANDING if its.get(name)}, **job}
    pod = {name: its[name] for name in PLACE if its.get(name)}
    _, settings = understood(given, pod, invocation)
    hold(settings)
    asked = [BY_NAME[name].field for name in given]
    body = {name: getattr(settings.job, name) for name in asked} | {"requirements": ""}
    port = its.get("POD_PORT") or str(DEFAULT_PORT)
    status, answer = post(int(port) if port.isdecimal() else DEFAULT_PORT, token, body)
    if status == http.client.CONFLICT:
        raise Conflict(
            str(answer.get("detail") or "the pod has a job already"), str(answer.get("remedy") or "")
        )
    if status != http.client.ACCEPTED:
        raise PodError(
            str(answer.get("detail") or f"the agent answered {status}"), str(answer.get("remedy") or "")
        )
    return f"the pod's agent looks after it as job {job['POD_JOB']!r}: pod-client status, logs and cancel know it"


def post(port: int, token: str, body: Mapping[str, object]) -> tuple[int, Mapping[str, object]]:
    """POST /jobs on this machine; the status and the answer's object."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("POST", "/jobs", json.dumps(body), headers)
        response = connection.getresponse()
        answer = json.loads(response.read(ENOUGH_BYTES) or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(
            f"cannot ask the agent of this pod: {error}", "it may be starting: try again"
        ) from None
    finally:
        connection.close()
    return response.status, answer if isinstance(answer, dict) else {}
