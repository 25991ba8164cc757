"""Names from the time before POD_*: translated where one of ours means the same, else refused by name.

Pure: an environment in; the translated variables, warnings and mistakes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pod_wire.errors import Mistake
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class _Flag:
    """An old switch. For each position: (name, value) to set, "" for nothing to do, or a refusal's remedy."""

    on: tuple[str, str] | str | None
    off: tuple[str, str] | str | None
    remedy: str


_SERVICE: Final = "services beside the job come with POD_SERVICES, which is not built yet"
RENAMED: Final = {"REPO_URL": "POD_REPO", "REPO_REF": "POD_REF"}
FLAGS: Final[Mapping[str, _Flag]] = {
    "CLONE_REPO_ON_START": _Flag("", None, "leave out POD_REPO to run without a repository"),
    "GIT_AUTO_PULL": _Flag(None, "", "a run keeps its commit (POD_REF); a new order moves it"),
    "SYNC_REQUIREMENTS_ON_START": _Flag("", ("POD_REQUIREMENTS", ""), ""),
    "FORCE_PIP_SYNC": _Flag(None, "", "what POD_REQUIREMENTS names is installed whenever it has changed"),
    "FORCE_RESTART": _Flag(("POD_FRESH", "1"), "", ""),
    "START_SSHD": _Flag(None, "", _SERVICE),
    "START_JUPYTER": _Flag(None, "", _SERVICE),
    "START_INFERENCE_API": _Flag(None, "", _SERVICE),
    "START_HF_WATCH": _Flag(None, "", "uploads come with POD_UPLOAD, which is not built yet"),
    "START_IDLE_WATCHDOG": _Flag("", ("POD_IDLE_MINUTES", "0"), ""),
    "RUNPOD_PHASE_TIMING_ENABLED": _Flag("", None, "phases are always timed: GET /status shows them"),
}
REFUSED: Final = {
    "REPO_DIR": "the code lies in a folder of the job's name (POD_JOB) in the workspace (POD_WORKSPACE)",
    "VENV_DIR": "the job's environment is made on the container's disk from POD_REQUIREMENTS",
    "RUNPOD_PHASE_TIMING_LOG": "the phases and their seconds are in GET /status and GET /events",
}
OLD_NAMES: Final = frozenset({*RENAMED, *FLAGS, *REFUSED})


@dataclass(frozen=True, slots=True)
class Translated:
    """``variables`` are to be added to the environment; ``origins`` says which old name each came from."""

    variables: Mapping[str, str]
    origins: Mapping[str, str]
    warnings: tuple[str, ...]
    mistakes: tuple[Mistake, ...]


def translate(env: Mapping[str, str]) -> Translated:
    """What the old names of an environment say in ours. What is set under its new name wins."""
    variables: dict[str, str] = {}
    origins: dict[str, str] = {}
    warnings: list[str] = []
    mistakes: list[Mistake] = []
    for old in sorted(OLD_NAMES & env.keys()):
        value = env[old].strip()
        if not value:
            continue
        meaning = _meaning(old, value)
        if isinstance(meaning, Mistake):
            mistakes.append(meaning)
        elif meaning is None:
            warnings.append(f"{old} is an old name and changes nothing: leave it out")
        elif meaning[0] in env:
            warnings.append(f"{old} is an old name and is not used, as {meaning[0]} is set")
        else:
            variables[meaning[0]] = meaning[1]
            origins[meaning[0]] = old
            warnings.append(f"{old} is an old name: use {_spelt(meaning)}")
    return Translated(variables, origins, tuple(warnings), tuple(mistakes))


def _meaning(old: str, value: str) -> tuple[str, str] | Mistake | None:
    if old in RENAMED:
        return RENAMED[old], value
    if old in REFUSED:
        return Mistake(old, "is an old name that nothing here stands for", REFUSED[old])
    flag = FLAGS[old]
    word = value.lower()
    if word not in _ON | _OFF:
        return Mistake(old, "is an old name, and must be 0 or 1", "leave it out")
    found = flag.on if word in _ON else flag.off
    if found is None:
        return Mistake(old, "is an old name that nothing here stands for", flag.remedy)
    return None if isinstance(found, str) else found


def _spelt(meaning: tuple[str, str]) -> str:
    name, value = meaning
    return name if name in RENAMED.values() else f"{name}={value}"
