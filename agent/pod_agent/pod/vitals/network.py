"""Bytes through the container's network cards, by the kernel's table. Pure but for the looks at it."""

from __future__ import annotations

from pathlib import Path

from pod_agent.pod import kernel_files
from pod_agent.pod.vitals.sample import Link

TABLE = Path("/proc/net/dev")
MOST_BYTES = 1 << 16
MOST = 8  # cards: a host may have hundreds that are others' containers'
SENT, COLUMNS = 8, 9  # the place of the sent bytes in a line, and how many numbers are read of it


def look(table: Path = TABLE) -> tuple[Link, ...] | None:
    """None where the kernel does not tell."""
    data = kernel_files.read(str(table), MOST_BYTES)
    return None if data is None else read(data.decode("utf-8", "replace"))


def read(table: str) -> tuple[Link, ...]:
    """All but the loop, by the table's order."""
    links = []
    for line in table.splitlines():
        name, colon, rest = line.partition(":")
        numbers = rest.split()[:COLUMNS]
        if (
            not colon
            or name.strip() == "lo"
            or len(numbers) < COLUMNS
            or not all(map(str.isdecimal, numbers))
        ):
            continue
        links.append(Link(name.strip(), int(numbers[0]), int(numbers[SENT])))
    return tuple(links[:MOST])
