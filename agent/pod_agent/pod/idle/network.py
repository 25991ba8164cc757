"""What the network has carried so far, and the connections that came from outside with what each has received.

By the kernel's counters: nothing is listened to. The pod's own loopback counts for nothing. Not here: what it means.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from pod_agent.pod.idle.raw import Connection
from pod_agent.pod.idle.signs import Gap, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NO_COUNTERS = Gap(State.ABSENT, "This container does not tell what its network carries.")
NO_TABLE = Gap(State.ABSENT, "The kernel does not list this container's connections.")
UNREADABLE = Gap(State.UNKNOWN, "The connections cannot be read.")
SENT_FIELD = 8
LEAST_FIELDS = 16
# See sock_diag(7) and linux/inet_diag.h
SOCK_DIAG, BY_FAMILY, DONE, ERROR = 4, 20, 3, 2
REQUEST_DUMP = 0x1 | 0x300
ESTABLISHED, LISTEN = 1, 10
INFO = 2  # the attribute with the counters
RECEIVED_AT = 128  # in struct tcp_info
HEADER = struct.Struct("=IHHII")
ASK = struct.Struct("=BBBxI48x")
MESSAGE = struct.Struct("=BBBB2s2s16s16sI8s20x")
ATTRIBUTE = struct.Struct("=HH")
LIMIT_S = 2.0


def traffic(proc: Path) -> int | Gap:
    """Bytes of all interfaces but loopback, both ways."""
    try:
        lines = (proc / "net" / "dev").read_text("ascii", "replace").splitlines()
    except OSError:
        return NO_COUNTERS
    total, seen = 0, False
    for line in lines:
        name, colon, rest = line.partition(":")
        fields = rest.split()
        if not colon or name.strip() == "lo" or len(fields) < LEAST_FIELDS:
            continue
        total, seen = total + int(fields[0]) + int(fields[SENT_FIELD]), True
    return total if seen else NO_COUNTERS


def connections() -> Mapping[str, Connection] | Gap:
    """Those to ports that somebody listens on here, by the kernel's own mark for each."""
    try:
        found = [*_dump(socket.AF_INET), *_dump(socket.AF_INET6)]
    except (OSError, struct.error) as error:
        is_refused = isinstance(error, OSError) and not isinstance(error, TimeoutError)
        return NO_TABLE if is_refused else UNREADABLE
    listened = {port for state, port, *_ in found if state == LISTEN}
    return {
        mark: Connection(port, received)
        for state, port, mark, is_near, received in found
        if state == ESTABLISHED and port in listened and not is_near
    }


def _dump(family: int) -> Iterator[tuple[int, int, str, bool, int]]:
    """State, port here, mark, whether it comes from this pod itself, bytes received."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, SOCK_DIAG) as asking:
        asking.settimeout(LIMIT_S)
        ask = ASK.pack(family, socket.IPPROTO_TCP, 1 << (INFO - 1), 1 << ESTABLISHED | 1 << LISTEN)
        asking.sendall(HEADER.pack(HEADER.size + len(ask), BY_FAMILY, REQUEST_DUMP, 1, 0) + ask)
        while True:
            for kind, body in _messages(asking.recv(1 << 16)):
                if kind == DONE:
                    return
                if kind == ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "sock_diag")
                yield _read(body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _, _, _ = HEADER.unpack_from(data, at)
        yield kind, data[at + HEADER.size : at + length]
        at += max((length + 3) & ~3, HEADER.size)


def _read(body: bytes) -> tuple[int, int, str, bool, int]:
    family, state, _, _, port, _, here, there, _, mark = MESSAGE.unpack_from(body)
    return state, int.from_bytes(port, "big"), mark.hex(), _is_near(family, here, there), _received(body)


def _is_near(family: int, here: bytes, there: bytes) -> bool:
    if here == there:
        return True
    if family == socket.AF_INET:
        return there[0] == 127  # noqa: PLR2004 - 127.0.0.0/8
    return there == bytes(15) + b"\1" or there[:13] == bytes(10) + b"\xff\xff\x7f"


def _received(body: bytes) -> int:
    at = MESSAGE.size
    while at + ATTRIBUTE.size <= len(body):
        length, kind = ATTRIBUTE.unpack_from(body, at)
        if kind == INFO and length >= ATTRIBUTE.size + RECEIVED_AT + 8:
            return int(struct.unpack_from("=Q", body, at + ATTRIBUTE.size + RECEIVED_AT)[0])
        at += max((length + 3) & ~3, ATTRIBUTE.size)
    return 0
