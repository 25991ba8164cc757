"""The service sshd: keys, host key, configuration and a login's files are made ready, then the image's own program.

Root by key only. Its sessions are processes of their own: neither its end nor the agent's takes a login away. Not here:
when it is begun again (``services_care``), nor the texts themselves (``sshd_*``).
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.pod import scribe, sshd_config, sshd_keys, sshd_login
from pod_agent.pod.services import Off, Start
from pod_agent.pod.sshd_host_key import HostKey
from pod_agent.settings import SSH_KEYS
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_agent.settings import Settings
    from pod_wire.clock import Clock
    from pod_wire.status import Status

PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SFTP = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
SEPARATION = Path("/run/sshd")
SCRIPTS = {"login": "sshd_login.sh", "bashrc": "sshd_bashrc.sh"}
REMEDY = "see `sshd.log` below the run folder, and what else listens on its port; RunPod's web terminal still works"


class Sshd:
    """The row of the table. ``status`` and ``job`` (its folder and variables) are asked every few seconds."""

    name = "sshd"
    remedy = REMEDY

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        *,
        status: Callable[[], Status],
        job: Callable[[], tuple[Path, Mapping[str, str] | None] | None],
        warn: Callable[[str], None],
        limit_s: float = scribe.LIMIT_S,
        programs: str = PROGRAM_PATH,
    ) -> None:
        self._programs = programs
        self._settings = settings
        self._clock = clock
        self._status = status
        self._job = job
        self._warn = warn
        self._warned: set[str] = set()
        self._folder = settings.run_dir / "ssh"
        shared = settings.workspace / ".podkeep" / "ssh"
        keygen = shutil.which("ssh-keygen", path=programs) or "ssh-keygen"
        self._quill = scribe.Scribe(limit_s)
        self._host_key = HostKey(settings.disk_dir / "ssh", shared, self._quill, keygen)
        self._facts: dict[str, str] = {}
        self._environment = b""
        self._known: tuple[Path, Mapping[str, str] | None] | None = None

    def prepare(self) -> Start | Off:
        """Everything that sshd reads, and how it is begun."""
        asked = self._settings.ssh
        if not asked.is_wanted:
            return Off("this is no pod; PODKEEP_SSH_PORT=PORT asks for it all the same", is_expected=False)
        found = sshd_keys.find(asked.keys)
        if found.bad:
            self._say(sshd_keys.warning(found.bad))
        program = shutil.which("sshd", path=self._programs)
        if not found.keys and not self._has_own_keys():
            self._write("authorized_keys", b"")
            return Off(
                f"there is no public key in {', '.join(SSH_KEYS)}; RunPod sets PUBLIC_KEY from your account",
                is_expected=asked.is_expected,
            )
        if program is None:
            return Off("the image has no sshd: install openssh-server in it")
        self._files(found.keys)
        held = self._host_key.hold()
        if held.trouble is not None:
            self._say(
                "the host key of ssh could not be kept on the workspace, so clients may say that it changed: "
                + held.trouble
            )
        config = sshd_config.text(self._wanted(held.path))
        self._write("sshd_config", config)
        if os.geteuid() == 0:
            SEPARATION.mkdir(mode=0o755, exist_ok=True)  # sshd of root insists on it
        path = str(self._folder / "sshd_config")
        env = {"PATH": PROGRAM_PATH}
        return Start((program, "-D", "-e", "-f", path), env, Path("/"), config + held.public)

    def refresh(self) -> None:
        """The pod's state for the banner, and the job's environment, written when they have changed."""
        if not (self._folder / "login").exists():
            return  # off
        known = self._of_the_job()
        folder = known[0] if known is not None else self._settings.workspace
        told = sshd_login.facts(self._status(), folder, os.getpid())
        if sshd_login.is_news(self._facts, told):
            self._write("facts", sshd_login.assignments(told, self._clock.now()))
            self._facts = told
        self._tell_environment(known[1] if known is not None else None)

    def _of_the_job(self) -> tuple[Path, Mapping[str, str] | None] | None:
        """As it was last known, where the workspace does not answer."""
        with contextlib.suppress(PodError, OSError):
            self._known = self._quill.do("find the job's folder", self._job)
        return self._known

    def _tell_environment(self, variables: Mapping[str, str] | None) -> None:
        """A job's own; before there is one, the pod's, unless an earlier agent of this pod has told a job's."""
        pods = sshd_login.environment(self._settings.job_environment)
        mark = sshd_login.mark(pods)
        if variables is None and self._environment == b"" and self._read("environment").startswith(mark):
            return
        wanted = mark + (pods if variables is None else sshd_login.environment(variables))
        if wanted != self._environment:
            self._write("environment", wanted)
            self._environment = wanted

    def _files(self, keys: tuple[sshd_keys.Key, ...]) -> None:
        scribe.make_folder(self._folder)
        here = Path(__file__).parent
        for name, source in SCRIPTS.items():
            self._write(name, (here / source).read_bytes())
        self._write("authorized_keys", sshd_keys.authorized(keys, str(self._folder / "login")))
        self.refresh()

    def _has_own_keys(self) -> bool:
        """Whether somebody has put a key where ssh usually looks for it."""
        home = self._settings.job_environment.get("HOME", "")
        if not home.startswith("/"):
            return False
        path = Path(home) / ".ssh" / "authorized_keys"
        try:
            text = self._quill.do(
                "read the user's authorized_keys", lambda: path.read_text("utf-8", "replace")
            )
        except (PodError, OSError):
            return False
        return any(sshd_keys.read(line.strip()) for line in text.splitlines())

    def _wanted(self, host_key: Path) -> sshd_config.Sshd:
        account = pwd.getpwuid(os.geteuid())
        home = self._settings.job_environment.get("HOME", "")
        theirs = ["%h/.ssh/authorized_keys"]
        if home.startswith("/") and home != account.pw_dir:
            theirs.append(f"{home}/.ssh/authorized_keys".replace("%", "%%"))
        return sshd_config.Sshd(
            port=self._settings.ssh.port,
            host_key=host_key,
            keys=(str(self._folder / "authorized_keys").replace("%", "%%"), *theirs),
            user=account.pw_name,
            sftp=next((path for path in SFTP if os.access(path, os.X_OK)), "internal-sftp"),
            has_locked_password=sshd_config.is_locked(_text(Path("/etc/shadow")), account.pw_name),
            addresses=self._settings.ssh.addresses,
        )

    def _say(self, text: str) -> None:
        """Once in this agent's life."""
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)

    def _read(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return b""

    def _write(self, name: str, data: bytes) -> None:
        """Whole or not at all, 0600, and only when it is another: a login may be reading it."""
        if self._read(name) != data:
            scribe.make_folder(self._folder)
            scribe.replace(self._folder / name, data)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
