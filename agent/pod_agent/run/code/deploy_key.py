"""A private ssh key for the time of a sync: an ssh-agent holds it in memory, and is told it on its standard input.

The key is never in a file, an argument or git's environment; git and ssh get the address of the agent's socket.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from pod_agent.run.program import end, spawn
from pod_agent.run.work import StepFailed, Work
from pod_wire.key_text import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pod_wire.secrets import Secret

_PATIENCE_S = 20.0
_WHAT = "cannot use the key in POD_DEPLOY_KEY"
_AS_KEYGEN = 'give a key as `ssh-keygen -t ed25519 -N "" -f podkeep` writes it'


@contextlib.contextmanager
def held(key: Secret | None, env: Mapping[str, str], work: Work) -> Iterator[dict[str, str]]:
    """Variables under which ssh finds the key; none where there is no key."""
    if key is None:
        yield {}
        return
    text = private_key(key.reveal())
    if text is None:
        raise StepFailed(f"{_WHAT}: it is no private key", _AS_KEYGEN)
    for program in ("ssh-agent", "ssh-add", "ssh"):
        if shutil.which(program, path=env.get("PATH", os.defpath)) is None:
            raise StepFailed(
                f"{_WHAT}: the image has no {program}",
                "add openssh-client to the image, or give POD_GIT_TOKEN instead of the key",
            )
    with tempfile.TemporaryDirectory(prefix="pk-") as folder:
        socket = Path(folder, "agent")  # a short path: a socket's name has 107 bytes
        agent = spawn(["ssh-agent", "-D", "-a", str(socket)], Path(folder), _bare(env), apart=False)
        try:
            _wait(agent, socket, work)
            known = {"SSH_AUTH_SOCK": str(socket), "SSH_ASKPASS": "", "SSH_ASKPASS_REQUIRE": "never"}
            _add(text, {**_bare(env), **known})
            yield known
        finally:
            end(agent.pid, agent)
            if agent.stdout is not None:
                agent.stdout.close()


def _bare(env: Mapping[str, str]) -> dict[str, str]:
    """ssh-agent and ssh-add need to find programs, and nothing that is secret."""
    return {"PATH": env.get("PATH", os.defpath), "HOME": env.get("HOME", "/"), "LC_ALL": "C"}


def _wait(agent: subprocess.Popen[bytes], socket: Path, work: Work) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not socket.exists():
        if agent.poll() is not None or time.monotonic() > deadline:
            raise StepFailed(
                f"{_WHAT}: ssh-agent did not start", "try again; the image's openssh may be broken"
            )
        work.beat()
        time.sleep(0.01)


def _add(text: str, env: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            ["ssh-add", "-q", "-"],
            input=text.encode(),
            env=dict(env),
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
            start_new_session=True,  # no terminal: a key with a passphrase is refused, not asked about
        )
    except subprocess.TimeoutExpired as error:
        raise StepFailed(f"{_WHAT}: ssh-add did not answer", "try again") from error
    if done.returncode == 0:
        return
    if b"passphrase" in done.stderr:
        raise StepFailed(
            f"{_WHAT}: it has a passphrase, and nobody is there to type it",
            "give a key without one: " + _AS_KEYGEN,
        )
    raise StepFailed(
        f"{_WHAT}: it is broken or cut off", _AS_KEYGEN + "; base64 of the file is the safest form"
    )
