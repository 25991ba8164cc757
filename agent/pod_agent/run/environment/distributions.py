"""What lies in folders of packages, read from their records: names, versions, sizes, commands. No program is run.

Not here: which of them a job may use as they are (``locked``, ``torch``).
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RECORDS = (".dist-info", ".egg-info")
_RECORD = re.compile(r"(?P<name>.+?)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_COMMAND = re.compile(r"([\w.-]+)\s*=\s*([\w.]+)\s*:\s*([\w.]+)")


def canonical(name: str) -> str:
    """A project's name as all its spellings share it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def names(sites: Iterable[str]) -> list[str]:
    """The records in these folders, as they are called: `numpy-2.1.0.dist-info`."""
    found: set[str] = set()
    for site in sites:
        with contextlib.suppress(OSError):
            found |= {name for name in os.listdir(site) if name.endswith(RECORDS)}  # noqa: PTH208 - hot
    return sorted(found)


def versions(sites: Iterable[str]) -> dict[str, str]:
    """Name -> version of what these folders hold."""
    read = (_RECORD.fullmatch(name) for name in names(sites))
    return {canonical(one["name"]): one["version"] for one in read if one}


def commands(sites: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """(command, module, function) of every console script of what these folders hold."""
    for site in sites:
        for name in names([site]):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                yield from _commands(Path(site, name, "entry_points.txt").read_text(encoding="utf-8"))


def _commands(text: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith("["):
            section = bare.strip("[] ")
        elif section == "console_scripts" and (found := _COMMAND.match(bare)):
            yield found[1], found[2], found[3]


def size(info: Path) -> int:
    """What a package takes on the disk: the files of its own record."""
    import csv  # noqa: PLC0415 - only where something was installed

    total = 0
    with contextlib.suppress(OSError, UnicodeDecodeError, csv.Error):
        record = (info / "RECORD").read_text(encoding="utf-8")
        for row in csv.reader(record.splitlines()):
            with contextlib.suppress(OSError):
                total += (info.parent / row[0]).lstat().st_size if row else 0
    return total
