"""The text of our own sshd_config. Pure: root by key only, nothing of the image's configuration counts.

Not here: keys, host keys, and what a login meets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
# Written by podkeep at each start of its sshd; changes are lost.
Port {port}
{addresses}HostKey {host_key}
AuthorizedKeysFile {keys}
AllowUsers {user}
PermitRootLogin prohibit-password
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
PermitUserEnvironment no
AuthenticationMethods publickey
StrictModes no
UsePAM {pam}
UseDNS no
X11Forwarding no
AllowTcpForwarding yes
AllowAgentForwarding yes
PrintMotd no
PrintLastLog no
TCPKeepAlive yes
ClientAliveInterval 30
ClientAliveCountMax 10
MaxSessions 64
MaxStartups 64:30:256
LoginGraceTime 30
LogLevel INFO
PidFile none
Subsystem sftp {sftp}
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """What differs from pod to pod. ``StrictModes`` is off: a home on a network volume shows 0666 for all files."""

    port: int
    host_key: Path
    keys: tuple[str, ...]
    user: str
    sftp: str
    has_locked_password: bool = False  # without PAM, sshd then lets nobody in, not even by key
    addresses: tuple[str, ...] = ()  # all, unless named


def text(sshd: Sshd) -> bytes:
    """The file. A path that sshd could not read back is refused."""
    return TEXT.format(
        port=sshd.port,
        addresses="".join(f"ListenAddress {address}\n" for address in sshd.addresses),
        host_key=_quoted(str(sshd.host_key)),
        keys=" ".join(_quoted(path) for path in sshd.keys),
        user=sshd.user,
        pam="yes" if sshd.has_locked_password else "no",
        sftp=_quoted(sshd.sftp),
    ).encode("utf-8", "surrogateescape")


def _quoted(path: str) -> str:
    if any(not c.isprintable() or c in '"\\' for c in path):
        raise BadInput(
            "cannot configure sshd: a path of the pod holds a quote, a backslash or a control character"
        )
    return f'"{path}"' if " " in path else path


def is_locked(shadow: str, user: str) -> bool:
    """Whether the account's password is locked, as /etc/shadow says."""
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        if name == user:
            return rest.startswith("!")
    return False
