"""The key by which clients know this pod: one for all boots and pods of a workspace, so that no client screams.

It lies on the workspace; sshd gets a copy on the container's disk with mode 0600, as a network volume shows 0666. The
first pod to link(2) its key there decides. A workspace that does not answer costs five seconds, once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
from typing import TYPE_CHECKING

from pod_agent.pod import scribe
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

NAME = "ssh_host_ed25519_key"
NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
MOST_BYTES = 1 << 16
PATIENCE_S = 30.0
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Held:
    """The private key's place on the container's disk, and why it is not the workspace's, if it is not."""

    path: Path
    public: bytes
    trouble: str | None = None


class HostKey:
    """``near`` is on the container's disk, ``far`` on the workspace, which ``quill`` alone touches."""

    def __init__(self, near: Path, far: Path, quill: scribe.Scribe, program: str = "ssh-keygen") -> None:
        self._near = near / NAME
        self._far = far / NAME
        self._quill = quill
        self._program = program

    def hold(self) -> Held:
        """The key to use: the workspace's, else the one of this container, else a new one. OSError when none can be."""
        scribe.make_folder(self._near.parent)
        mine = self._whole(self._read_near())
        try:
            shared = self._quill.do("read the host key", self._read_far)
            if self._whole(shared) is None:
                mine = mine or self._make()
                shared = self._share(mine[0], shared)
            both = self._whole(shared)
        except (PodError, OSError) as error:
            mine = mine or self._make()
            why = error.message if isinstance(error, PodError) else os.strerror(error.errno or 0)
            self._near.chmod(0o600)
            return Held(self._near, mine[1], why)
        if both is None:  # another pod's half written one: the next start looks again
            mine = mine or self._make()
            return Held(self._near, mine[1], "what lies there is damaged")
        if self._read_near() != both[0]:
            scribe.replace(self._near, both[0])
        self._near.chmod(0o600)
        return Held(self._near, both[1])

    def _share(self, key: bytes, damaged: bytes | None) -> bytes | None:
        return self._quill.do("keep the host key", lambda: self._publish(key, damaged))

    def _read_near(self) -> bytes:
        try:
            return self._near.read_bytes()
        except FileNotFoundError:
            return b""

    def _folder(self, *, make: bool = False) -> int:
        """The workspace's folder for it. Other pods may write there: below the workspace no link is followed."""
        fd = os.open(self._far.parent.parent.parent, FOLDER)
        for name, mode in ((self._far.parent.parent.name, 0o777), (self._far.parent.name, 0o700)):
            outer = fd
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, mode, dir_fd=outer)
                fd = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=outer)
            finally:
                os.close(outer)
        return fd

    def _read_far(self) -> bytes | None:
        """What the workspace holds, if anything; what is no file of its own is as good as damaged."""
        try:
            folder = self._folder()
        except FileNotFoundError:
            return None
        try:
            return _read(folder)
        finally:
            os.close(folder)

    def _publish(self, key: bytes, damaged: bytes | None) -> bytes | None:
        """Put ours there unless somebody was quicker; what is there now."""
        folder = self._folder(make=True)
        draft = f".{NAME}.{os.urandom(6).hex()}"
        try:
            _write(folder, draft, key)
            if damaged is not None:
                os.rename(draft, NAME, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                _link(folder, draft, key)
            return _read(folder)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=folder)
            os.close(folder)

    def _make(self) -> tuple[bytes, bytes]:
        """A new one, in its place on the container's disk."""
        draft = self._near.with_name(f".{NAME}.new")
        for old in (draft, draft.with_name(f"{draft.name}.pub")):
            old.unlink(missing_ok=True)
        self._run("-q", "-t", "ed25519", "-N", "", "-C", "podkeep", "-f", str(draft))
        draft.with_name(f"{draft.name}.pub").unlink(missing_ok=True)
        made = self._whole(draft.read_bytes())
        if made is None:
            raise PodError(f"cannot make a host key: {self._program} wrote none", "is the disk full?")
        draft.rename(self._near)
        return made

    def _whole(self, key: bytes | None) -> tuple[bytes, bytes] | None:
        """The key with its public half, as ssh-keygen understands it; None for what it does not."""
        if key is None or not key.startswith(b"-----BEGIN"):
            return None
        draft = self._near.with_name(f".{NAME}.look")
        scribe.replace(draft, key)
        try:
            return key, self._run("-y", "-P", "", "-f", str(draft))
        except PodError:
            return None
        finally:
            draft.unlink(missing_ok=True)

    def _run(self, *words: str) -> bytes:
        try:
            done = subprocess.run(
                [self._program, *words],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PodError(f"cannot use a host key: {self._program} does not end") from None
        if done.returncode:
            raise PodError(f"cannot use a host key: {self._program} ended with code {done.returncode}")
        return done.stdout


def _read(folder: int) -> bytes | None:
    """None where there is nothing. A link, a pipe or a folder of that name is not read: nothing is waited for."""
    try:
        fd = os.open(NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            return b""
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return b""
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(MOST_BYTES)
    finally:
        os.close(fd)


def _write(folder: int, name: str, key: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(fd, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(fd)


def _link(folder: int, draft: str, key: bytes) -> None:
    """The first one wins."""
    with contextlib.suppress(FileExistsError):
        try:
            os.link(draft, NAME, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            _write(folder, NAME, key)
