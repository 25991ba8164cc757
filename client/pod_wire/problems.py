"""Errors over HTTP: the problem+json document of a PodError, and the words of an answer that may be one.

Not here: which status means which error of RunPod's (runpod/pods.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from pod_wire.errors import BadInput, Mistake, PodError
from pod_wire.frozen import dataclass

CONTENT_TYPE: Final = "application/problem+json"
_WORDS_LIMIT: Final = 300


@dataclass(frozen=True, slots=True)
class Problem:
    """What an answer said went wrong, from whichever shape it came in."""

    status: int
    detail: str
    mistakes: tuple[Mistake, ...] = ()
    remedy: str = ""


def to_problem(error: PodError, status: int | None = None) -> bytes:
    """The document for an error: title, status, detail, remedy, and each mistake's field, problem and remedy."""
    number = error.status if status is None else status
    document: dict[str, object] = {"title": _title(number), "status": number, "detail": error.message}
    if error.hint:
        document["remedy"] = error.hint
    if isinstance(error, BadInput) and error.mistakes:
        document["errors"] = [
            {"field": mistake.field, "problem": mistake.problem, "remedy": mistake.remedy}
            for mistake in error.mistakes
        ]
    return json.dumps(document).encode("ascii")


def from_answer(status: int, body: bytes) -> Problem:
    """The problem in an answer's body: ``detail``, else ``error``, else ``message``, else its text, else the status."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return Problem(status, _text(body) or _title(status))
    if isinstance(document, str):
        return Problem(status, _short(document) or _title(status))
    if not isinstance(document, Mapping):
        return Problem(status, _title(status))
    mistakes = _mistakes(document.get("errors"))
    detail = _first_words(document) or "; ".join(map(str, mistakes)) or _title(status)
    remedy = document.get("remedy")
    return Problem(status, detail, mistakes, _short(remedy) if isinstance(remedy, str) else "")


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP status {status}"


def _first_words(document: Mapping[str, object]) -> str:
    for key in ("detail", "error", "message", "title"):
        value = document.get(key)
        if isinstance(value, Mapping):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            return _short(value)
    return ""


def _mistakes(errors: object) -> tuple[Mistake, ...]:
    """Ours are objects, RunPod's v2 has plain texts, GraphQL's are objects with a message."""
    found: list[Mistake] = []
    for item in errors if isinstance(errors, list) else []:
        if isinstance(item, str):
            found.append(Mistake("", _short(item)))
        elif isinstance(item, Mapping):
            problem = item.get("problem") or item.get("message")
            field, remedy = item.get("field"), item.get("remedy")
            if isinstance(problem, str):
                found.append(Mistake(str(field or ""), _short(problem), str(remedy or "")))
    return tuple(found)


def _text(body: bytes) -> str:
    """The words of a body that is no JSON: a proxy's HTML page becomes its title, or its text."""
    words = body[:65536].decode("utf-8", "replace")
    title = re.search(r"<title[^>]*>(.*?)</title>", words, re.IGNORECASE | re.DOTALL)
    return _short(title[1] if title else re.sub(r"<[^>]*>", " ", words))


def _short(words: str) -> str:
    flat = "".join(char if char.isprintable() else " " for char in words)
    flat = " ".join(flat.split())
    return flat if len(flat) <= _WORDS_LIMIT else flat[: _WORDS_LIMIT - 1] + "…"
