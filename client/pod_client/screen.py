"""All that a person sees: one function takes a kind and a message, and the look is decided here.

Steps, warnings and errors go to stderr; documents and tables to stdout. The job's log does not pass through here.
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from enum import StrEnum
from typing import TYPE_CHECKING

import click

from pod_client.stdout import STDERR, silence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pod_wire.errors import PodError


NAMES = 15  # columns of the names of a sheet


class Kind(StrEnum):
    """What a message is; its look follows from it."""

    STEP = "step"  # something was done or is being waited for
    NOTE = "note"  # a fact or a hint below a step
    MONEY = "money"  # what costs, or what no longer does
    WARNING = "warning"
    ERROR = "error"


_LOOK: Mapping[Kind, tuple[str, str | None, bool]] = {
    Kind.STEP: ("* ", None, True),
    Kind.NOTE: ("  ", None, False),
    Kind.MONEY: ("$ ", "green", False),
    Kind.WARNING: ("! ", "yellow", False),
    Kind.ERROR: ("x ", "red", True),
}


class Screen:
    """Where messages go. Colours only where a person looks: a terminal, unless NO_COLOR; FORCE_COLOR wins."""

    def __init__(self, *, colour: bool | None = None) -> None:
        self._colour = colour
        self._height = 0  # lines that `repaint` goes over
        self._painted: dict[str, str] = {}

    def say(self, kind: Kind, message: str) -> None:
        mark, colour, bold = _LOOK[kind]
        head, *rest = message.split("\n")
        self._tell(click.style(mark + head, fg=colour, bold=bold))
        for line in rest:
            self._tell(f"  {line}")

    def step(self, message: str) -> None:
        self.say(Kind.STEP, message)

    def note(self, message: str) -> None:
        self.say(Kind.NOTE, message)

    def money(self, message: str) -> None:
        self.say(Kind.MONEY, message)

    def warn(self, message: str) -> None:
        self.say(Kind.WARNING, message)

    def fail(self, error: PodError) -> None:
        """An error: what went wrong, every single mistake, and the remedy last."""
        self.say(Kind.ERROR, error.message)
        for mistake in getattr(error, "mistakes", ()):
            self.say(Kind.NOTE, str(mistake))
        if error.hint:
            self.say(Kind.NOTE, f"-> {error.hint}")

    def text(self, text: str) -> None:
        """A block for stderr, as it is: the receipt."""
        self._tell(text)

    def _tell(self, line: str) -> None:
        """A terminal that was closed takes nothing any more, and that is no reason to leave a pod unremoved."""
        try:
            click.echo(line, err=True, color=self._colour)
        except OSError:
            silence(STDERR)

    def ask(self, question: str) -> bool:
        """Yes or no, from a person at a terminal; only where somebody has looked that there is one."""
        return click.confirm(question, default=True, err=True)

    def choose(self, question: str, words: Sequence[str]) -> str:
        """One of these words, from a person at a terminal."""
        answer: str = click.prompt(question, type=click.Choice(list(words), case_sensitive=False), err=True)
        return answer

    def page(self, text: str) -> None:
        """A text for stdout, as it is: a file that somebody asked to see."""
        click.echo(text, nl=False)

    def document(self, value: object) -> None:
        """One JSON document on stdout: what --json asks for."""
        click.echo(json.dumps(value, indent=2))  # ASCII: whole on every terminal and in every pipe

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Rows for people: drawn by rich on a terminal, plain columns in a pipe."""
        if sys.stdout.isatty():
            from rich.console import Console  # noqa: PLC0415 - rich costs 60 ms, and only terminals need it
            from rich.table import Table  # noqa: PLC0415

            table = Table(box=None, pad_edge=False, header_style="bold")
            for place, column in enumerate(columns):
                words = [word for row in rows for word in row[place].split()]
                whole = max(map(len, words), default=0) if place == 0 else None  # an id is there to be copied
                table.add_column(column, overflow="fold", min_width=whole)
            for row in rows:
                table.add_row(*(cell.replace("[", "\\[") for cell in row))
            Console(no_color=self._colour is False).print(table)
            return
        widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
        for row in [columns, *rows]:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            click.echo("  ".join(cells).rstrip())

    def width(self, *, of_stdout: bool = False) -> int | None:
        """Columns of the terminal that stderr, or stdout, is; None in a pipe, whose lines are not wrapped."""
        if not (sys.stdout if of_stdout else sys.stderr).isatty():
            return None
        return shutil.get_terminal_size().columns

    def is_ascii(self) -> bool:
        """Whether stdout knows no more than ASCII: then bars are drawn with its signs."""
        try:
            "▏█".encode(sys.stdout.encoding or "ascii")
        except (UnicodeEncodeError, LookupError):
            return True
        return False

    def sheet(self, title: str, rows: Sequence[Sequence[str]]) -> None:
        """Names and values of one thing."""
        self.table(("", title), rows)

    def repaint(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """The same sheet once more: over the last one on a terminal; elsewhere one line for each that changed."""
        if not sys.stdout.isatty():
            for name, value in rows:
                if value != self._painted.get(name):
                    click.echo(f"{name}: {value}" if name else value)
            self._painted = dict(rows)
            return
        width, height = shutil.get_terminal_size()
        lines = [title, *(line for row in rows for line in _wrapped(*row, width - 1))][: max(1, height - 1)]
        up = f"\x1b[{self._height}A" if self._height else ""
        shown = "".join(f"\x1b[2K{line[: width - 1]}\n" for line in lines)
        click.echo(f"{up}\r{shown}\x1b[J", nl=False)
        self._height = len(lines)

    def settle(self) -> None:
        """What was painted stays; the next sheet begins below it."""
        self._height, self._painted = 0, {}


def _wrapped(name: str, value: str, width: int) -> list[str]:
    """A name and its value on as many lines as the value needs."""
    room = max(10, width - NAMES - 2)
    parts = [part for line in value.splitlines() for part in textwrap.wrap(line, room)] or [""]
    return [f"{name if place == 0 else '':<{NAMES}}  {part}" for place, part in enumerate(parts)]


def colour_wish(env: Mapping[str, str]) -> bool | None:
    """What NO_COLOR and FORCE_COLOR ask for; None leaves it to whether a terminal is there."""
    if env.get("FORCE_COLOR"):
        return True
    return False if env.get("NO_COLOR") else None
