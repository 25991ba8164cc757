"""Reads the TOML of projects and lock files, whose shape nobody promises: a table that is not there is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Table = dict[str, object]


def load(path: Path) -> Table:
    """The document of a file; empty where there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib  # noqa: PLC0415 - most jobs have no such file

        return tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StepFailed(
            f"cannot read {path.name}: {error.strerror}", "it must be a readable file"
        ) from error
    except (ValueError, RecursionError) as error:
        words = "it is no text" if isinstance(error, UnicodeDecodeError) else str(error).splitlines()[0]
        raise StepFailed(f"cannot read {path.name}: {words}", "correct it and commit it") from error


def quietly(path: Path) -> Table:
    """The same, where somebody else will say what is wrong with it."""
    try:
        return load(path)
    except StepFailed:
        return {}


def table(document: object, *path: str) -> Table:
    """A table below a table."""
    found = document
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def tables(found: object) -> Iterator[Table]:
    """The tables of an array."""
    for one in found if isinstance(found, list) else ():
        if isinstance(one, dict):
            yield one


def texts(found: object) -> Iterator[str]:
    """The texts of an array."""
    for one in found if isinstance(found, list) else ():
        if isinstance(one, str):
            yield one
