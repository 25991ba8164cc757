"""The one strict parse of a job: from an environment, from pod.toml, or from a POST body, by the same rules.

All mistakes are found at once and name the field, never its value. Not here: single values (values.py), rules
between fields (rules.py), the table of variables (contract.py).
"""

from __future__ import annotations

import tomllib
from dataclasses import field
from typing import TYPE_CHECKING, Final

from pod_wire import values
from pod_wire.contract import BY_NAME, JOB_FIELDS, VARIABLES
from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass
from pod_wire.near import nearest
from pod_wire.old_names import translate
from pod_wire.routes import DEFAULT_PORT
from pod_wire.rules import Draft, as_text, job_spec
from pod_wire.secrets import Secret
from pod_wire.texts import BadValue
from pod_wire.variable import PREFIX, Variable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pod_wire.job import JobSpec

WORKSPACE: Final = "/workspace"
_EXPORTED: Final = frozenset({"POD_RESUME_FROM"})  # ours, for the job; a nested environment may hold it
_POD_FIELDS: Final = {variable.field: variable for variable in VARIABLES if variable.level == "pod"}
_NOT_BUILT: Final = "is in the contract but not built yet"


@dataclass(frozen=True, slots=True)
class PodValues:
    """What an environment says of the pod rather than of the job."""

    token: Secret | None = None
    port: int = DEFAULT_PORT
    workspace: str = WORKSPACE
    runpod_url: str | None = None
    price: float | None = None
    order: str | None = None
    git_token: Secret | None = None
    deploy_key: Secret | None = None
    stop_key: Secret | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """``spec`` is None where no job was asked for."""

    spec: JobSpec | None
    warnings: tuple[str, ...] = ()
    pod: PodValues = field(default=PodValues())


def parse_environment(env: Mapping[str, str]) -> Parsed:
    """The job and the pod's own values of an environment, or BadInput with every mistake in it."""
    old = translate(env)
    merged = {**env, **old.variables}

    def name_of(name: str) -> str:
        variable = JOB_FIELDS.get(name) or _POD_FIELDS[name]
        came_from = old.origins.get(variable.name)
        return f"{variable.name} (from {came_from})" if came_from else variable.name

    draft = Draft(name_of, mistakes=list(old.mistakes), warnings=list(old.warnings))
    _report_names(merged, draft)
    _report_unresolved(merged, draft)
    given = {variable.field: merged[variable.name] for variable in VARIABLES if variable.name in merged}
    _collect(given, {**JOB_FIELDS, **_POD_FIELDS}, draft, typed=False)
    spec = job_spec(draft, on_runpod=bool(env.get("RUNPOD_POD_ID")))
    _raise_mistakes("environment", draft)
    return Parsed(spec, tuple(draft.warnings), _pod_values(draft))


def parse_body(body: Mapping[str, object], *, on_runpod: bool = False) -> Parsed:
    """The job of a POST body, whose keys are JobSpec's fields; a command is required."""
    draft = _typed_draft(body)
    if "command" not in draft.values and "command" not in draft.bad:
        draft.wrong("command", "is missing", "say what to run")
    spec = job_spec(draft, on_runpod=on_runpod)
    _raise_mistakes("request", draft)
    return Parsed(spec, tuple(draft.warnings))


def parse_toml(text: str, job: str | None = None) -> Parsed:
    """The job of a pod.toml: ``[job.NAME]`` over the file's top-level defaults; its only job when none is named."""
    document = _load_toml(text)
    jobs = _job_tables(document)
    shared = {key: value for key, value in document.items() if key not in {"job", "pod"}}
    name = job if job is not None else _only(jobs)
    if job is not None and job not in jobs:
        raise _no_such_job(job, jobs)
    merged = {**shared, **(jobs[name] if name is not None else {})}
    if name is not None:
        if "name" in merged:
            mistake = Mistake("name", "is given beside the table's own name", "leave it out")
            raise BadInput("cannot read pod.toml: 1 setting is wrong", (mistake,))
        merged["name"] = name
    draft = _typed_draft(merged)
    if name is not None and "command" not in draft.values and "command" not in draft.bad:
        draft.wrong("command", "is missing", "say what to run")
    spec = job_spec(draft, on_runpod=False)
    _raise_mistakes("pod.toml", draft)
    return Parsed(spec, tuple(draft.warnings))


def toml_job_names(text: str) -> tuple[str, ...]:
    """The names of the jobs of a pod.toml, in the order of the file."""
    return tuple(_job_tables(_load_toml(text)))


def toml_pod_table(text: str) -> Mapping[str, object]:
    """The ``[pod]`` table of a pod.toml, as it is; the client reads it."""
    table = _load_toml(text).get("pod", {})
    if not isinstance(table, dict):
        raise BadInput(
            "cannot read pod.toml: 'pod' is not a table", (Mistake("pod", "must be a table", "write [pod]"),)
        )
    return table


def to_environment(spec: JobSpec) -> dict[str, str]:
    """The POD_* variables that give this job again; what is the default is left out."""
    return {JOB_FIELDS[name].name: value for name, value in as_text(spec).items()}


def _collect(
    given: Mapping[str, object], known: Mapping[str, Variable], draft: Draft, *, typed: bool
) -> None:
    for name, value in given.items():
        variable = known[name]
        if values.is_unset(variable, value) or name in draft.bad:
            continue
        if not variable.built:
            draft.wrong(name, _NOT_BUILT, "leave it out")
            continue
        try:
            draft.values[name] = values.check(variable, value, typed=typed)
        except BadValue as error:
            draft.wrong(name, error.problem, error.remedy)


def _typed_draft(given: Mapping[str, object]) -> Draft:
    """A draft from TOML or JSON: unknown keys are mistakes, values must have their types."""
    draft = Draft(lambda name: name)
    known: dict[str, object] = {}
    for key, value in given.items():
        if key in JOB_FIELDS:
            known[key] = value
            if values.unresolved_secret(value):
                draft.wrong(key, *_UNRESOLVED)
        else:
            draft.mistakes.append(_unknown_key(key))
    _collect(known, JOB_FIELDS, draft, typed=True)
    return draft


def _unknown_key(key: str) -> Mistake:
    by_variable = BY_NAME.get(key.upper())
    if by_variable is not None and by_variable.level == "job":
        return Mistake(
            _shown(key), "is the name of an environment variable", f"here it is called {by_variable.field}"
        )
    meant = nearest(key, JOB_FIELDS)
    return Mistake(
        _shown(key), "is not a setting of a job", f"did you mean {meant}?" if meant else "leave it out"
    )


def _shown(key: str) -> str:
    """A key as a message may hold it: keys are names, but nothing stops one from being a page long."""
    return "".join(char if char.isprintable() else "?" for char in key[:80])


def _report_names(env: Mapping[str, str], draft: Draft) -> None:
    """Misspelt POD_* names are mistakes, other unknown ones are warnings."""
    for name in sorted(env):
        if not name.upper().startswith(PREFIX) or name in BY_NAME or name in _EXPORTED:
            continue
        meant = nearest(name, BY_NAME)
        if meant is not None:
            draft.mistakes.append(Mistake(_shown(name), "is not a known variable", f"did you mean {meant}?"))
        elif name.startswith(PREFIX):
            draft.warnings.append(f"{_shown(name)} is not a variable of podkeep and changes nothing")


_UNRESOLVED: Final = (
    "holds a RunPod secret's template that was not replaced",
    "create the secret of that name in RunPod's console, or correct the name",
)


def _report_unresolved(env: Mapping[str, str], draft: Draft) -> None:
    fields = {variable.name: variable.field for variable in VARIABLES}
    for name in sorted(env):
        if not values.unresolved_secret(env[name]):
            continue
        if name in fields:
            draft.wrong(fields[name], *_UNRESOLVED)
        else:
            draft.mistakes.append(Mistake(_shown(name), *_UNRESOLVED))


def _pod_values(draft: Draft) -> PodValues:
    port = draft.number("port")
    return PodValues(
        token=_secret(draft.text("token")),
        port=DEFAULT_PORT if port is None else int(port),
        workspace=draft.text("workspace") or WORKSPACE,
        runpod_url=draft.text("runpod_url"),
        price=draft.number("price"),
        order=draft.text("order"),
        git_token=_secret(draft.text("git_token")),
        deploy_key=_secret(draft.text("deploy_key")),
        stop_key=_secret(draft.text("stop_key")),
    )


def _secret(text: str | None) -> Secret | None:
    return None if text is None else Secret(text)


def _raise_mistakes(source: str, draft: Draft) -> None:
    if draft.mistakes:
        count = len(draft.mistakes)
        wrong = "1 setting is wrong" if count == 1 else f"{count} settings are wrong"
        raise BadInput(f"cannot read the job of the {source}: {wrong}", tuple(draft.mistakes))


def _load_toml(text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition("(")[2].rstrip(")")  # "at line 3, column 5", without the text itself
        raise BadInput(f"cannot read pod.toml: it is not TOML ({place})") from None
    except RecursionError:
        raise BadInput("cannot read pod.toml: it is nested too deeply") from None


def _job_tables(document: Mapping[str, object]) -> dict[str, dict[str, object]]:
    found = document.get("job", {})
    if not isinstance(found, dict):
        raise BadInput(
            "cannot read pod.toml: 'job' is not a table",
            (Mistake("job", "must be a table", "write [job.NAME]"),),
        )
    tables: dict[str, dict[str, object]] = {}
    mistakes = []
    for name, table in found.items():
        if isinstance(table, dict):
            tables[name] = table
        else:
            mistakes.append(
                Mistake(f"job.{_shown(name)}", "must be a table", "write [job.NAME] above the settings")
            )
    if mistakes:
        raise BadInput("cannot read pod.toml: its jobs are no tables", tuple(mistakes))
    return tables


def _only(jobs: Iterable[str]) -> str | None:
    names = tuple(jobs)
    if len(names) > 1:
        raise BadInput(
            f"cannot choose a job of pod.toml: it has {len(names)}", hint=f"name one of {', '.join(names)}"
        )
    return names[0] if names else None


def _no_such_job(job: str, jobs: Iterable[str]) -> BadInput:
    names = tuple(jobs)
    meant = nearest(job, names)
    hint = (
        f"did you mean {meant}?"
        if meant
        else f"it has {', '.join(names)}"
        if names
        else "it has no [job.NAME]"
    )
    return BadInput(f"cannot find job '{_shown(job)}' in pod.toml", hint=hint)
