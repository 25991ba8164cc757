"""The text of a pod.toml, with the reason of each line as a comment. What it says was found by looking.py.

The text is held against the one strict parse before it is given out: a setting that it refuses becomes a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_client.init.looking import resume_fits
from pod_wire.errors import BadInput
from pod_wire.parse import parse_toml

if TYPE_CHECKING:
    from pod_client.init.looking import Found
    from pod_client.init.resume.way import Way

_WIDTH = 108
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MAKE_PASSES = '{name}="{text}"'
_HEAD = """\
# Written by `pod-client init` from what it saw in this folder; every line is yours to change.
# Try it on this machine, for nothing: pod-client up --local. On RunPod: pod-client up.

[pod]
# image = "pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime"   # needed on RunPod; any will do (docs/image.md)
# gpu = "NVIDIA GeForce RTX 4090"    # yours to choose, needed on RunPod; of a list the first that is free is taken
"""
_SAFETY = """\
# The pod switches itself off when the job has ended, or nothing runs for 15 minutes. A limit besides:
# max_hours = 12
# max_cost = 20   # dollars of the whole run (docs/limits.md)
"""


@dataclass(slots=True)
class Lines:
    """Settings by name, so that one can be taken back, and the words above each."""

    rows: list[tuple[str | None, str]] = field(default_factory=list)

    def say(self, words: str) -> None:
        self.rows += [(None, f"# {line}".rstrip()) for line in wrapped(words)]

    def put(self, name: str, value: str, *, active: bool = True) -> None:
        row = f"{name} = {toml_text(value)}"
        self.rows.append((name, row) if active else (None, f"# {row}"))

    def gap(self) -> None:
        if self.rows and self.rows[-1] != (None, ""):
            self.rows.append((None, ""))

    def take_back(self, names: set[str], why: str) -> None:
        kept: list[tuple[str | None, str]] = []
        for name, row in self.rows:
            refused = name in names
            kept.append((None, f"# {row}  # {why}") if refused else (name, row))
        self.rows = kept


def render(found: Found) -> str:
    """A whole file that ``parse_toml`` accepts."""
    lines = _lines(found)
    for _ in range(4):
        text = _text(found, lines)
        try:
            parse_toml(text)
        except BadInput as error:
            refused = {mistake.field for mistake in error.mistakes}
            lines.take_back(refused, "podkeep cannot use this as it is; see docs/settings.md")
        else:
            return text
    return _text(found, Lines())


def _text(found: Found, lines: Lines) -> str:
    """Without a command there is no job: its table is shown as a comment."""
    is_job = any(name == "command" for name, _ in lines.rows)
    name = found.name if _BARE.fullmatch(found.name) else toml_text(found.name)
    rows = [f"[job.{name}]", *(row for _, row in lines.rows)]
    if not is_job:
        rows = [row if not row or row.startswith("#") else f"# {row}" for row in rows]
    return "\n".join([_HEAD, *rows, "", _SAFETY])


def _lines(found: Found) -> Lines:
    lines = Lines()
    _code(found, lines)
    lines.gap()
    _command(found, lines)
    lines.gap()
    _resume(found, lines)
    if found.checkpoints is not None:
        lines.say("The program saves these, which podkeep would not take for checkpoints by their names:")
        lines.put("checkpoints", found.checkpoints)
    lines.gap()
    lines.say(f"Packages: {found.packages.words}.")
    if found.packages.named is not None:
        lines.put("requirements", found.packages.named)
        for other in found.packages.others:
            lines.put("requirements", other, active=False)
    for secret in found.secrets:
        lines.say(
            f"The program may want {secret}: pod-client up --env {secret} passes yours on; it is not kept here."
        )
    return lines


def _code(found: Found, lines: Lines) -> None:
    git = found.git
    if git.remote is not None:
        if git.had_login:
            lines.say(
                "The remote's address holds a login, which was left out; give the token with --env GITHUB_TOKEN."
            )
        lines.put("repo", git.remote)
        if git.branch is not None:
            lines.say("The branch that is checked out here; leave it out for the default one.")
            lines.put("ref", git.branch)
    elif git.top is not None:
        lines.say(
            "No remote that a pod could clone from was found. This folder serves for --local; for RunPod push it "
            "somewhere and give its https:// address, or send it as it is: pod-client up --tree."
        )
        up = "/".join([".."] * len(git.subdir.split("/"))) if git.subdir != "." else "."
        lines.put("repo", up)
    else:
        lines.say(
            "This folder is not in git: pod-client up --tree sends it as it is. Or put it there (git init; git add -A; "
            "git commit), push it, and give its address here:"
        )
        lines.put("repo", "https://github.com/you/project", active=False)
    if git.subdir != ".":
        lines.put("subdir", git.subdir)


def _command(found: Found, lines: Lines) -> None:
    command = found.command
    if command.text is None:
        lines.say(
            "No program that trains was found here. Say what to run, and take the # away from the lines above:"
        )
        lines.put("command", "python train.py", active=False)
        return
    lines.say(f"{command.reason}.{' Also possible:' if command.others else ''}")
    for other in command.others:
        lines.put("command", other, active=False)
    if command.needs:
        needed = ", ".join(command.needs[:6])
        lines.say(f"The program insists on {needed}, and nothing here says with what: add it.")
    lines.put("command", command.text)


def _resume(found: Found, lines: Lines) -> None:
    way, gap = found.resuming.way, found.resuming.gap
    if found.command.text is None:
        return
    others = list(found.resuming.others)
    if way is not None and (text := _as_setting(found, way)) is not None:
        _said_way(lines, way)
        lines.put("resume", text)
    else:
        others = [*([way] if way is not None else []), *others]
        if way is not None:
            lines.say(
                "The program can resume, but its flags cannot be added behind this command; run it directly, or write "
                "{resume} where its flags belong."
            )
        elif gap is not None:
            lines.say(f"No way to resume was found: {gap.reason} ({gap.place}).")
            lines.say(f"podkeep changes no training code. Should you want to: {gap.remedy}.")
        else:
            lines.say(
                "No way to resume was found in the code. podkeep changes no training code. Should you want to: save "
                "the state now and then, load it from a flag, and write the line below."
            )
        lines.say(
            "So max_restarts stays 0: a crash ends the job, and a later start begins at the first step. Checkpoints "
            "stay where they are."
        )
        if not others:
            lines.put("resume", "--resume {checkpoint}", active=False)
    for other in others:
        lines.say(f"Else: {other.reason}.")
        lines.put("resume", other.text, active=False)


def _said_way(lines: Lines, way: Way) -> None:
    if way.text:
        lines.say("What the command gets when there is a checkpoint. Seen in the code:")
    else:
        lines.say(
            "Nothing is added to the command: a checkpoint is put back where it was saved. Seen in the code:"
        )
    lines.say(f"{way.reason}.")
    for note in way.notes:
        lines.say(f"{note[:1].upper()}{note[1:]}.")


def _as_setting(found: Found, way: Way) -> str | None:
    """The value of ``resume`` behind this command; None where it cannot stand there."""
    if not way.text or resume_fits(found):
        if found.command.passes is not None and way.text:
            return _MAKE_PASSES.format(name=found.command.passes, text=way.text)
        return way.text
    return None


def wrapped(words: str) -> list[str]:
    """At most so wide, and nothing in it that would end the comment or speak to a terminal."""
    clean = "".join(letter if letter.isprintable() else "?" for letter in words)
    lines = [""]
    for word in clean.split(" "):
        if len(lines[-1]) + len(word) > _WIDTH and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def toml_text(value: str) -> str:
    """A TOML string, in the spelling that is easiest to read."""
    plain = value.isprintable() and "\\" not in value
    if plain and '"' not in value:
        return f'"{value}"'
    if plain and "'" not in value:
        return f"'{value}'"
    if plain and "'''" not in value and not value.endswith("'"):
        return f"'''{value}'''"
    escaped = "".join(_escaped(letter) for letter in value)
    return f'"{escaped}"'


def _escaped(letter: str) -> str:
    if letter in {'"', "\\"}:
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08X}"
