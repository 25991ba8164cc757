"""One small repository, and what `init` must read from it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Sample:
    """``resume`` None: no way to resume. ``reason`` stands in the comment."""

    name: str
    files: dict[str, str]
    command: str | None
    resume: str | None
    reason: str = ""
    comments: tuple[str, ...] = field(default=())


def one(name, text, resume, reason="", command="python train.py", **more):
    """A repository of one program."""
    return Sample(name, {"train.py": text}, command, resume, reason, tuple(more.get("comments", ())))
