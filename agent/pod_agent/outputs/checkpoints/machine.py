"""The machine on which pickles are followed: a stack, a memo, and plain values; everything else is only named.

It looks up no class and calls nothing. Not here: what each opcode does (opcodes).
"""

from __future__ import annotations

import io
from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO

from pod_agent.outputs.checkpoints.candidate import NotWhole
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_TEXT = 1024  # longer texts and bytes are stepped over
_MOST_LINE = 1 << 20
_RUN = {
    "os", "posix", "nt", "subprocess", "_posixsubprocess", "pty", "runpy", "socket", "shutil", "webbrowser", "ctypes",
    "importlib", "code", "commands", "popen2", "pip",
}  # fmt: skip
_RUN_BUILTIN = {"eval", "exec", "execfile", "compile", "open", "__import__", "breakpoint", "input"}
_BUILTINS = {"builtins", "__builtin__"}
_DICTS = {("collections", "OrderedDict"), ("collections", "defaultdict"), ("builtins", "dict")}


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function that a pickle names."""

    module: str
    name: str


@dataclass(slots=True)
class Made:
    """What a pickle wants made, with the arguments for it and its state. It is not made."""

    by: object
    args: object
    state: object = None


class _Opaque:
    """Something long or odd, of which nothing was kept."""


OPAQUE = _Opaque()
OTHERS = "\0"  # under this name a map holds, as pairs, what has no text for a name


@dataclass(slots=True)
class Machine:
    """Follows pickles in a file. ``references`` are the persistent ids they name, as torch does its storages."""

    file: BinaryIO
    size: int
    on_build: Callable[[Made, Machine], object] | None = (
        None  # reads what follows a state, as joblib's arrays do
    )
    references: list[object] = field(default_factory=list)
    stack: list[object] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)  # how high the stack was at each
    memo: dict[int, object] = field(default_factory=dict)

    def take(self, length: int) -> bytes:
        """That many bytes."""
        data = self.file.read(length)
        if len(data) < length:
            raise NotWhole("its pickle is cut off")
        return data

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little")

    def skip(self, length: int) -> None:
        """Over what is not wanted, without reading it."""
        self.file.seek(length, io.SEEK_CUR)
        if self.file.tell() > self.size:
            raise NotWhole("its pickle is cut off")

    def skip_ahead(self, length: int) -> None:
        """A frame promises this many more bytes."""
        if self.file.tell() + length > self.size:
            raise NotWhole("its pickle is cut off")

    def line(self) -> str:
        data = self.file.readline(_MOST_LINE)
        if not data.endswith(b"\n"):
            raise NotWhole("its pickle is cut off")
        return data[:-1].decode("raw-unicode-escape", "replace")

    def text(self, length: int, *, raw: bool = False) -> None:
        """Push a text, or ``raw`` bytes, of this length; of a long one only that it is there."""
        if length > MOST_TEXT:
            self.skip(length)
            self.stack.append(OPAQUE)
            return
        data = self.take(length)
        self.stack.append(data if raw else data.decode("utf-8", "replace"))

    def since_mark(self) -> list[object]:
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def pop(self) -> None:
        """Off the stack: a mark, if one is on top."""
        if self.marks and self.marks[-1] == len(self.stack):
            self.marks.pop()
        else:
            self.stack.pop()

    def named(self, module: str, name: str) -> Name:
        """A class or function. Raises NotWhole for those that no checkpoint needs: loading it would run a program."""
        is_builtin = module in _BUILTINS and name in _RUN_BUILTIN
        if is_builtin or module.partition(".")[0] in _RUN:
            raise NotWhole(f"loading it would run {module}.{name}")
        return Name(module, name)

    def made(self, by: object, args: object) -> object:
        """What is to be made of these, unmade; dictionaries alone are plain values."""
        is_dict = isinstance(by, Name) and (by.module, by.name) in _DICTS
        return {} if is_dict else Made(by, args)

    def setitems(self, items: list[object]) -> None:
        into = self.stack[-1]
        if not isinstance(into, dict):
            return
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, str):
                into[key] = value
            else:
                into.setdefault(OTHERS, []).append((key, value))

    def extend(self, items: list[object]) -> None:
        into = self.stack[-1]
        if isinstance(into, list):
            into.extend(items)

    def build(self) -> None:
        state = self.stack.pop()
        into = self.stack[-1]
        if isinstance(into, Made):
            into.state = state
            if self.on_build is not None:
                self.stack[-1] = self.on_build(into, self)

    def reference(self, pid: object) -> None:
        self.references.append(pid)
        self.stack.append(OPAQUE)


def is_risky(text: str) -> bool:
    """Whether this could be half of a name that ``Machine.named`` refuses."""
    return text.partition(".")[0] in _RUN or text in _RUN_BUILTIN or text in _BUILTINS
