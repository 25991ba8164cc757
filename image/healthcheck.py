"""Asks the agent of this container whether it lives, for Docker's HEALTHCHECK: the standard library, and little of it.

It is run as a program with `-I -S`. What it prints is kept by Docker, so it says nothing but the reason.
"""

from __future__ import annotations

import os
import socket
import sys

USUAL_PORT = 8787  # the agent takes it too where POD_PORT is no port
MOST_DIGITS = 9
WAIT_S = 4.0
PROOF = b"\r\npodkeep-api:"


def port(value: str | None) -> int:
    """Where the agent listens, read as the agent reads it."""
    number = (
        int(value) if value is not None and value.isdecimal() and len(value) <= MOST_DIGITS else USUAL_PORT
    )
    return number if 0 < number < 1 << 16 else USUAL_PORT


def fault(head: bytes) -> str | None:
    """What is wrong with an answer, by its head; None: the agent lives."""
    status = head.split(b"\r\n", 1)[0].split(b" ")
    if status[1:2] != [b"200"]:
        return f"/healthz answered {head[:40]!r}"
    return None if PROOF in head.lower() else "something answered that is not the agent"


def ask(where: int) -> bytes:
    """The head of the answer to GET /healthz."""
    with socket.create_connection(("127.0.0.1", where), WAIT_S) as connection:
        connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head and len(head) < 1 << 16:
            more = connection.recv(1 << 14)
            if not more:
                break
            head += more
    return head


def main() -> None:
    try:
        wrong = fault(ask(port(os.environ.get("POD_PORT"))))
    except OSError as error:
        wrong = f"cannot reach the agent: {error}"
    if wrong is not None:
        sys.exit(wrong)


if __name__ == "__main__":
    main()
