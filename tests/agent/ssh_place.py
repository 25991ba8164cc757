"""A pod with a real agent and the real sshd on loopback, and the real ssh, scp, rsync, sftp as its users. For tests.

Nothing of the machine's own sshd, of ~/.ssh or of a running tmux is touched: all files lie in a short folder of ours.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import pty
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.agent.agent_process import AgentProcess, free_port
from tests.fakes.ssh_host import new_key
from tests.live import PATIENCE_S, wait_for

TRAIN = "echo up; sleep 600"
HAS_TERMINALS = (
    os.geteuid() == 0 or ",gid=" in Path("/proc/mounts").read_text()
)  # else sshd may hand none out
ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|\(.|[=>])")


class SshPlace:
    """One pod: its folders, its users' keys, its agents one after another."""

    def __init__(self, **env):
        self.folder = Path(tempfile.mkdtemp(prefix="pk"))  # tmux's socket must have a short name
        self.key = self.folder / "mine"
        new_key(self.key)
        self.ssh_port = free_port()
        keys = {"PUBLIC_KEY": self.public()} if "PUBLIC_KEY" not in env else {}
        self.env = {
            "POD_COMMAND": TRAIN,
            "POD_EPHEMERAL": "1",
            "PODKEEP_SSH_PORT": f"127.0.0.1:{self.ssh_port}",
            **keys,
            **env,
        }
        self.agent = AgentProcess(self.folder / "pod", **self.env)
        self.run_dir = self.agent.folder / "run"

    def public(self, name="mine"):
        if not (self.folder / name).exists():
            new_key(self.folder / name)
        return (self.folder / f"{name}.pub").read_text().strip()

    # The agent

    def start(self, state="running"):
        self.agent.start()
        return self.until(state)

    def until(self, state="running", claim=lambda _: True):
        """Wait until sshd is in this state (and answers), as the status tells."""

        def is_so(status):
            return any(one["state"] == state and claim(one) for one in status["services"])

        found = self.agent.until(f"sshd is {state}", is_so)["services"][0]
        if state == "running":
            wait_for("sshd answers", self.answers)
        return found

    def answers(self):
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.ssh_port), 5) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    def training(self):
        """Wait until the job's own environment is told."""
        self.agent.until("the training runs", lambda now: now["phase"] == "running")
        told = self.run_dir / "ssh" / "environment"
        wait_for(
            "its environment is told", lambda: told.exists() and b"PYTHONUNBUFFERED" in told.read_bytes()
        )

    # Its users

    def options(self, key="mine", user=None):
        known = self.folder / "known_hosts"
        wanted = (
            f"IdentityFile={self.folder / key}",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            f"UserKnownHostsFile={known}",
            "GlobalKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=accept-new",
            "BatchMode=yes",
            "ConnectTimeout=60",
            f"Port={self.ssh_port}",
            f"User={user or getpass.getuser()}",
        )
        return ["-F", "none", *(word for text in wanted for word in ("-o", text))]

    def argv(self, *words, key="mine", user=None):
        return ["ssh", *self.options(key, user), *words]

    def ssh(self, *words, key="mine", user=None, stdin=b""):
        """One ssh to its end."""
        argv = self.argv(*words, key=key, user=user)
        return subprocess.run(argv, input=stdin, capture_output=True, timeout=120, check=False)

    def say(self, command, **more):
        """What a command says over ssh; nothing else may be said."""
        done = self.ssh("127.0.0.1", command, **more)
        assert done.returncode == 0, done
        return done.stdout.decode()

    def run(self, *argv):
        return subprocess.run(argv, capture_output=True, timeout=120, check=False, stdin=subprocess.DEVNULL)

    def terminal(self, *words, rows=40, columns=120):
        return Terminal(self.argv("-tt", "127.0.0.1", *words), rows, columns)

    def close(self):
        self.agent.close()
        with suppress(OSError, ValueError):
            found = (self.run_dir / "services" / "sshd.json").read_text()
            os.kill(int(re.search(r'"pid":(\d+)', found)[1]), signal.SIGTERM)
        socket_of_tmux = self.run_dir / "ssh" / "tmux"
        if socket_of_tmux.exists():
            self.run("tmux", "-S", str(socket_of_tmux), "kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)


class Terminal:
    """A person at a terminal of some size, who logs in."""

    def __init__(self, argv, rows, columns):
        self.master, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {"PATH": os.environ["PATH"], "TERM": "xterm", "HOME": os.environ["HOME"]}
        self.process = subprocess.Popen(
            argv, stdin=inner, stdout=inner, stderr=inner, env=env, start_new_session=True
        )
        os.close(inner)
        os.set_blocking(self.master, False)
        self.seen = b""

    def type(self, text):
        os.write(self.master, text.encode())

    def text(self):
        """All that was shown so far, without the terminal's own signs."""
        with suppress(OSError):
            while data := os.read(self.master, 65536):
                self.seen += data
        return ESCAPES.sub(b"", self.seen).decode("utf-8", "replace")

    def until(self, what, claim):
        """Wait until what was shown fulfils the claim."""
        end = time.monotonic() + PATIENCE_S
        while not claim(self.text()):
            assert time.monotonic() < end, f"not seen: {what}; but: {self.text()[-3000:]!r}"
            assert self.process.poll() is None or claim(self.text()), f"it ended: {self.text()[-3000:]!r}"
            time.sleep(0.05)
        return self.text()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        with closing(os.fdopen(self.master)):
            pass
