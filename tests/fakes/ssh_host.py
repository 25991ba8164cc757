"""A git host over ssh on loopback: the real sshd, which lets one key in, to read the repositories of one folder."""

from __future__ import annotations

import contextlib
import getpass
import os
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.live import wait_for

SSHD = "/usr/sbin/sshd"
_CONFIG = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/allowed
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PubkeyAuthentication yes
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
LogLevel ERROR
"""


@dataclass(frozen=True)
class SshHost:
    """Where it listens, and the private key that it knows."""

    port: int
    key: str

    def url(self, path: object) -> str:
        return f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}{path}"

    @classmethod
    @contextlib.contextmanager
    def running(cls, folder: Path) -> Iterator[SshHost]:
        folder.mkdir()
        new_key(folder / "host")
        key = new_key(folder / "client")
        (folder / "allowed").write_bytes((folder / "client.pub").read_bytes())
        (folder / "client").unlink()  # nobody but the test knows it
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd of root insists on it
        server, port = _began(folder)
        try:
            yield cls(port, key)
        finally:
            server.terminate()
            server.wait(60)


def _began(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """sshd has to be told a port, which somebody else may take before it does: then another one."""
    for _ in range(5):
        port = _free_port()
        (folder / "config").write_text(_CONFIG.format(port=port, folder=folder))
        with (folder / "said").open("wb") as said:
            server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=said)
        try:
            wait_for(
                "sshd answers", lambda server=server, port=port: server.poll() is not None or _answers(port)
            )
        except AssertionError:
            server.kill()
            server.wait()
            raise
        if server.poll() is None:
            return server, port
    raise AssertionError((folder / "said").read_text())


def new_key(path: Path, passphrase: str = "") -> str:
    """A new private key, as text."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
    return path.read_text()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1) as connection:
        return connection.recv(4) == b"SSH-"
    return False
