"""A container of the image that is entered over ssh, and the real ssh as its user. For tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.ssh_host import new_key
from tests.image.container import Container

PROGRAMS = ("ssh", "scp", "sftp", "rsync", "ssh-keygen")
LACKING = [name for name in PROGRAMS if shutil.which(name) is None]


@dataclass(frozen=True, slots=True)
class Entered:
    """The container, its mapped port, and a client's key files."""

    pod: Container
    port: int
    folder: Path
    checking: str = "accept-new"  # what a client does that does not know the host key

    def options(self, key: str = "mine") -> list[str]:
        wanted = (
            f"IdentityFile={self.folder / key}",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            f"UserKnownHostsFile={self.folder / 'known'}",
            "GlobalKnownHostsFile=/dev/null",
            f"StrictHostKeyChecking={self.checking}",
            "HostKeyAlias=train",  # as docs/ssh.md tells people: the port is new after each start
            "BatchMode=yes",
            "ConnectTimeout=60",
            f"Port={self.port}",
        )
        return ["-F", "none", *(word for text in wanted for word in ("-o", text))]

    def ssh(self, *words: str, key: str = "mine", stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        argv = ["ssh", *self.options(key), *words]
        return subprocess.run(argv, input=stdin, capture_output=True, timeout=120, check=False)

    def run(self, *argv: str) -> None:
        done = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
        assert done.returncode == 0, done

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            return connection.recv(4) == b"SSH-"
        return False


def public_keys(folder: Path, *names: str) -> dict[str, str]:
    """New keys of a client's; their public halves, a line each."""
    for name in names:
        new_key(folder / name)
    return {name: (folder / f"{name}.pub").read_text().strip() for name in names}
