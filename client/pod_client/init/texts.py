"""Reads a file of a stranger's repository as text: never more than a limit, whatever its encoding, or not at all."""

from __future__ import annotations

import os
import re
import stat

LARGEST = 2 << 20  # of a program
LARGEST_NOTEBOOK = 16 << 20
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a FIFO must not hold us up
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def read_text(path: str, most: int = LARGEST) -> str | None:
    """None for what is too large, no regular file, not ours to read, or not text."""
    try:
        fd = os.open(path, _READ)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        with open(fd, "rb", closefd=False) as file:
            data = file.read(most + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    return None if len(data) > most or b"\0" in data else decode(data)


def decode(data: bytes) -> str:
    """As Python would read it; what is no UTF-8 and says nothing else is taken for Latin-1."""
    text = data.removeprefix(b"\xef\xbb\xbf")
    for encoding in ("utf-8", *_named(text), "latin-1"):
        try:
            return text.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except (UnicodeDecodeError, LookupError):
            continue
    return text.decode("ascii", "replace")


def _named(data: bytes) -> tuple[str, ...]:
    for line in data.split(b"\n", 2)[:2]:
        if found := _CODING.match(line):
            name = found[1].decode("ascii")
            return () if name.replace("_", "-").lower() in {"utf-8", "raw-unicode-escape"} else (name,)
    return ()
