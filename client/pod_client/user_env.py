"""The variables a person gives the job: from flags and files, and how they are shown. Secrets show stars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, Mistake
from pod_wire.secrets import is_secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HINTED = ("HF_TOKEN", "WANDB_API_KEY")


def starred(env: Mapping[str, str]) -> dict[str, str]:
    """The environment for a person's eyes: what is a secret by its name shows stars."""
    return {
        name: "********" if is_secret_name(name) or name == "POD_TOKEN" else env[name] for name in sorted(env)
    }


def read_env_file(text: str, name: str) -> dict[str, str]:
    """K=V a line, # comments, an optional `export`, optional quotes. A mistake names the line, not what it says."""
    found: dict[str, str] = {}
    mistakes = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip().removeprefix("export ").strip()
        if not bare or bare.startswith("#"):
            continue
        key, equals, value = bare.partition("=")
        if not equals or not _is_name(key.strip()):
            mistakes.append(Mistake(f"{name}, line {number}", "is not NAME=VALUE"))
            continue
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        found[key.strip()] = value
    if mistakes:
        raise BadInput(
            f"cannot read {name}: {count(len(mistakes), 'line is', 'lines are')} wrong", tuple(mistakes)
        )
    return found


def read_env_options(options: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """--env K=V sets, --env K passes on our own K."""
    found: dict[str, str] = {}
    mistakes = []
    for position, option in enumerate(options, 1):
        key, equals, value = option.partition("=")
        if not _is_name(key):
            mistakes.append(Mistake(f"--env number {position}", "does not begin with a variable's name"))
        elif equals:
            found[key] = value
        elif key in own:
            found[key] = own[key]
        else:
            mistakes.append(Mistake(f"--env {key}", "is not set here", f"set it, or give {key}=VALUE"))
    if mistakes:
        raise BadInput("cannot pass the environment on", tuple(mistakes))
    return found


def hints(env: Mapping[str, str], own: Mapping[str, str]) -> tuple[str, ...]:
    """Nothing secret is passed on unasked; what many jobs need is mentioned."""
    unasked = [name for name in HINTED if own.get(name) and name not in env]
    return tuple(
        f"{name} is set here and not passed on; add --env {name} if the job needs it" for name in unasked
    )


def count(number: int, one: str, many: str) -> str:
    return f"1 {one}" if number == 1 else f"{number} {many}"


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier()
