"""From checked values to a JobSpec: the defaults, and the rules between fields. Pure.

Not here: reading the sources (parse.py), and single values (values.py).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pod_wire.contract import JOB_FIELDS
from pod_wire.errors import Mistake
from pod_wire.job import ExitPolicy, JobSpec
from pod_wire.near import distance
from pod_wire.shell_text import shape
from pod_wire.source import SourceKind, read_source, stem_of
from pod_wire.variable import NAME_LIMIT, RESTARTS_WITH_RESUME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_wire.texts import Value

RESUME_MARK: Final = "{resume}"
CHECKPOINT_MARK: Final = "{checkpoint}"
_MARK: Final = re.compile(r"\{([A-Za-z_]+)\}")
_HASH_LETTERS: Final = 8


@dataclass(slots=True)
class Draft:
    """What one source gave: values that are good by themselves, fields that are bad, and the mistakes so far."""

    name_of: Callable[[str], str]  # how the source spells a field
    values: dict[str, Value] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def wrong(self, name: str, problem: str, remedy: str = "") -> None:
        self.bad.add(name)
        self.mistakes.append(Mistake(self.name_of(name), problem, remedy))

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def policy(self, name: str) -> ExitPolicy:
        value = self.values.get(name)
        return value if isinstance(value, ExitPolicy) else ExitPolicy.STOP


def job_spec(draft: Draft, *, on_runpod: bool) -> JobSpec | None:
    """The job, or None where no command was given. What is wrong is added to the draft's mistakes."""
    command = draft.text("command")
    _check_resume(draft, command)
    _check_policies(draft, on_runpod=on_runpod)
    if not command:
        _say_jobless(draft)
        return None
    subdir = draft.text("subdir") or "."
    repo = draft.text("repo")
    resume = draft.text("resume")
    restarts = draft.number("max_restarts")
    idle, stall = draft.number("idle_minutes"), draft.number("stall_minutes")
    if draft.flag("rehearse") and resume is None and "resume" not in draft.bad:
        remedy = f"set {draft.name_of('resume')}, empty for a program that looks for its checkpoint itself"
        draft.wrong("rehearse", f"needs {draft.name_of('resume')}: nothing says how to resume", remedy)
    if draft.text("ref") is not None and repo is None and "repo" not in draft.bad:
        draft.wrong("ref", f"needs {draft.name_of('repo')}", "name the repository, or leave it out")
    _check_ref(draft, repo)
    return JobSpec(
        name=draft.text("name") or default_name(repo, subdir, command),
        command=command,
        repo=repo,
        ref=draft.text("ref"),
        subdir=subdir,
        resume=resume,
        checkpoints=draft.text("checkpoints"),
        fresh=draft.flag("fresh"),
        rehearse=draft.flag("rehearse"),
        requirements=draft.text("requirements"),
        setup=draft.text("setup"),
        on_finish=draft.policy("on_finish"),
        on_failure=draft.policy("on_failure"),
        idle_minutes=15.0 if idle is None else idle,
        max_hours=draft.number("max_hours"),
        max_cost=draft.number("max_cost"),
        max_restarts=default_restarts(resume) if restarts is None else int(restarts),
        signal=draft.text("signal") or "TERM",
        ephemeral=draft.flag("ephemeral"),
        hold_minutes=draft.number("hold_minutes") or 0.0,
        progress=draft.text("progress"),
        stall_minutes=60.0 if stall is None else stall,
    )


def _check_ref(draft: Draft, repo: str | None) -> None:
    if repo is None or draft.text("ref") is None:
        return
    kind = read_source(repo).kind
    if kind is SourceKind.HUB:
        draft.wrong(
            "ref", "belongs to git repositories", "write the revision behind the name: hf://…@revision"
        )
    elif kind not in {SourceKind.GIT, SourceKind.PATH}:
        draft.wrong(
            "ref", "belongs to git repositories", "leave it out: an archive or tree has no other state"
        )


def default_restarts(resume: str | None) -> int:
    """Attempts after the first: some where there is a way to resume, none where all would begin anew."""
    return 0 if resume is None else RESTARTS_WITH_RESUME


def default_name(repo: str | None, subdir: str, command: str) -> str:
    """``<repo>-<8 hex of the hash of subdir and command>``; "job" where there is no repository."""
    digest = hashlib.sha256(f"{subdir}\0{command}".encode()).hexdigest()[:_HASH_LETTERS]
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem_of(repo or "")).lstrip(".-")[
        : NAME_LIMIT - _HASH_LETTERS - 1
    ]
    return f"{stem or 'job'}-{digest}"


def as_text(spec: JobSpec) -> Mapping[str, str]:
    """The fields that differ from the parse's defaults, as an environment spells them."""
    plain = JobSpec(name="", command="", max_restarts=default_restarts(spec.resume))
    found: dict[str, str] = {}
    for name in JOB_FIELDS:
        value: object = getattr(spec, name, None)
        if value is not None and value != getattr(plain, name, None):
            found[name] = _spelt(value)
    return found


def _spelt(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() else repr(value)
    return str(value)


def _check_resume(draft: Draft, command: str | None) -> None:
    resume = draft.text("resume")
    if command is None or {"command", "resume"} & draft.bad:
        return
    told = draft.name_of("resume")
    if CHECKPOINT_MARK in command:
        draft.wrong(
            "command",
            f"holds {CHECKPOINT_MARK}",
            f"write {RESUME_MARK} there, and {CHECKPOINT_MARK} in {told}",
        )
    if resume is None:
        if RESUME_MARK in command:
            draft.wrong(
                "command", f"holds {RESUME_MARK} but there is no {told}", f"set {told}, or take the mark out"
            )
        return
    if RESUME_MARK in resume:
        draft.wrong("resume", f"holds {RESUME_MARK}, which belongs into {draft.name_of('command')}")
    for word in _MARK.findall(resume):
        if word != "checkpoint" and distance(word.lower(), "checkpoint") <= 2:  # noqa: PLR2004 - as for names
            draft.wrong(
                "resume", f"holds a mark that is nearly {CHECKPOINT_MARK}", f"write {CHECKPOINT_MARK}"
            )
    if resume and RESUME_MARK not in command:
        _check_end(draft, command)


def _check_end(draft: Draft, command: str) -> None:
    """Whether the resume text may be added at the command's end."""
    found = shape(command)
    where = f"write {RESUME_MARK} where {draft.name_of('resume')} belongs"
    if found.breaks:
        draft.wrong(
            "command", "holds an unquoted |, ;, &, # or line end, so its end is not where to resume", where
        )
    elif not found.is_closed:
        draft.wrong("command", "ends inside a quotation or after a backslash, so nothing can be added", where)


def _check_policies(draft: Draft, *, on_runpod: bool) -> None:
    for name in ("on_finish", "on_failure"):
        policy = draft.policy(name)
        if policy is ExitPolicy.TERMINATE and not draft.flag("ephemeral"):
            remedy = f"use stop, or allow the loss with {draft.name_of('ephemeral')}"
            draft.wrong(name, "would delete what the job made, as nothing uploads it", remedy)
        if policy is ExitPolicy.EXIT and on_runpod:
            draft.wrong(
                name, "is 'exit', but RunPod restarts a container that exits, and bills on", "use stop"
            )


def _say_jobless(draft: Draft) -> None:
    given = [name for name in ("repo", "resume", "name") if name in draft.values]
    if given and "command" not in draft.bad:
        names = ", ".join(draft.name_of(name) for name in given)
        draft.warnings.append(f"{names} given but no {draft.name_of('command')}: there is no job")
