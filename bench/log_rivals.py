"""Ours and the others that follow a log: each a context that yields a process whose stdout is the followed log.

A follower is asked for with the file that will grow. Supervisor and Docker log their own child's output, so they get
the writer's command instead. What this machine lacks is None with its reason.
"""

from __future__ import annotations

import contextlib
import getpass
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measured import free_port, program, python, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
TOKEN = "a-token-for-the-bench"  # noqa: S105 - opens a bench only
SECRETS = (
    "hf_QmVuY2hUb2tlbjAxMjM0NTY3",
    "9f8e7d6c5b4a39281706f5e4d3c2b1a0ffeeddcc",
    "ghp_Zx9Yw8Vu7Ts6Rq5Po4Nm3Lk2Ji1Hg0Fe",
    "AKIA/q+wertyuiop1234567890=",
)


@contextlib.contextmanager
def ours(file: Path, secrets: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """The agent's API in one process and the client's follow loop in another."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with program(python(HERE / "log_server.py", file.parent, *secrets), **pipes) as server:
        port = int(server.stdout.readline())
        client = python(HERE / "log_client.py", f"http://127.0.0.1:{port}", TOKEN)
        with program(client, stdout=subprocess.PIPE) as running:
            time.sleep(1.0)
            yield running


@contextlib.contextmanager
def ssh_tail(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``ssh tail -f`` to an sshd of our own with a key made for it."""
    folder = file.parent / "ssh"
    folder.mkdir()
    port = free_port()
    for name in ("host", "user"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(make, check=True)
    shutil.copy(folder / "user.pub", folder / "allowed")
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nAuthorizedKeysFile {folder / 'allowed'}\n"
        f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    to = [
        "-i",
        str(folder / "user"),
        "-p",
        str(port),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "LogLevel=ERROR",
    ]
    to += ["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", f"{getpass.getuser()}@127.0.0.1"]
    file.touch()
    with program(
        [shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "config")],
        stderr=subprocess.DEVNULL,
    ):
        time.sleep(0.5)
        tail = f"exec tail -c +1 -f '{file}'"
        with program(
            ["ssh", "-F", "none", *to, tail], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        ) as running:
            time.sleep(1.0)
            yield running


@contextlib.contextmanager
def supervisor(folder: Path, writer: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """supervisord keeps the writer's output, ``supervisorctl tail -f`` follows it."""
    config, port = folder / "supervisor.conf", free_port()
    begin = f"sh -c 'while [ ! -e {folder}/go ]; do sleep 0.02; done; exec {' '.join(writer)}'"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={folder}/s.log\npidfile={folder}/s.pid\n"
        f"[inet_http_server]\nport=127.0.0.1:{port}\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[supervisorctl]\nserverurl=http://127.0.0.1:{port}\n"
        f"[program:job]\ncommand={begin}\nautorestart=false\nstartsecs=0\n"
        f"stdout_logfile={folder}/job.log\nstdout_logfile_maxbytes=0\n"
    )
    with program(["supervisord", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        wait_until("supervisord writes the job's log", (folder / "job.log").exists)
        follow = ["supervisorctl", "-c", str(config), "tail", "-f", "job"]
        with program(follow, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            time.sleep(1.5)
            (folder / "go").touch()
            yield running


@contextlib.contextmanager
def docker(folder: Path, writer: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """``docker logs -f`` of the writer in an empty image with this machine's programs mounted read-only."""
    name = f"podkeep-bench-{free_port()}"
    empty = subprocess.run(["tar", "-c", "--files-from", "/dev/null"], capture_output=True, check=True).stdout
    subprocess.run(["docker", "import", "-", name], input=empty, check=True, stdout=subprocess.DEVNULL)
    mounts = [f"-v={path}:{path}:ro" for path in _needed_folders()] + [f"-v={folder}:{folder}:ro"]
    begin = f"while [ ! -e {folder}/go ]; do sleep 0.02; done; exec {' '.join(writer)}"
    run = ["docker", "run", "-d", "--name", name, "--network", "none", *mounts, name, "/bin/sh", "-c", begin]
    try:
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        with program(["docker", "logs", "-f", name], stdout=subprocess.PIPE) as running:
            time.sleep(1.0)
            (folder / "go").touch()
            yield running
    finally:
        for end in (["docker", "rm", "-f", name], ["docker", "rmi", name]):
            subprocess.run(end, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _needed_folders() -> list[str]:
    """What Python and the writer need, each folder once."""
    wanted = ["/bin", "/lib", "/lib64", "/usr", sys.prefix, sys.base_prefix, str(HERE)]
    found = [path for path in dict.fromkeys(wanted) if Path(path).exists()]
    return [path for path in found if not any(path != up and path.startswith(f"{up}/") for up in found)]


def lacking(who: str) -> str | None:
    """Why this rival cannot run here, or None."""
    if who == "ssh tail -f":
        return (
            None
            if shutil.which("sshd") or Path("/usr/sbin/sshd").exists()
            else "no sshd: apt install openssh-server"
        )
    if who == "supervisor":
        return None if shutil.which("supervisord") else "no supervisord: apt install supervisor"
    asked = shutil.which("docker") and subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False, timeout=20
    )
    return None if asked and asked.returncode == 0 else "no Docker Engine answers"
