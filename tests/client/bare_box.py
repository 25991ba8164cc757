"""The start command of a pod of any image, run by a real sh in folders of its own, with the programs that it has."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pod_client.bare.bundle import FIND_PYTHON, shared
from pod_client.bare.start_command import HERE
from tests.live import PATIENCE_S, wait_for

SYSTEM_PYTHON = str(
    Path(sysconfig.get_path("stdlib")).parents[1] / "bin" / f"python3.{sys.version_info.minor}"
)
TOKEN = "the-token-of-this-pod-0123456789"
HAS = (
    *("sh", "bash", "env", "cat", "sleep", "id", "tr", "mkdir", "cp", "mv", "rm", "mktemp", "git", "timeout"),
    *("dirname", "readlink"),
)
OLD = f"""#!/bin/sh
echo "$*" >>"$HOME/words"
case "$*" in *ensurepip*) exit 1;; esac
exec {SYSTEM_PYTHON} "$@"
"""  # a Python that cannot carry the agent
ENTRYPOINT = """#!/usr/bin/env bash
trap 'echo "told" >&2; exit 0' TERM
echo "begun as $$: $*" >&2
"$(dirname "$0")/../../bin/python" -c 'import pod_agent'
while :; do sleep 0.05; done
"""


def tar(files: Mapping[str, str]) -> bytes:
    """An agent's bundle of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return out.getvalue()


AGENT = tar(
    {
        "agent.lock": "",
        "share/podkeep/entrypoint.sh": ENTRYPOINT,
        "site/pod_agent/__init__.py": "print('the agent is here', flush=True)\n",
    }
)
DIGEST = hashlib.sha256(AGENT).hexdigest()


@dataclass
class Box:
    """What a container would be: `programs` is all of its PATH."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return self.folder / "opt" / "podkeep"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    @property
    def kept(self) -> Path:
        return self.folder / "workspace" / ".podkeep" / "agent" / f"{DIGEST}.tar"

    @property
    def said(self) -> str:
        return (self.folder / "console").read_text(errors="replace")

    def has(self, name: str, text: str) -> None:
        """A program of the image's."""
        place = self.programs / name
        place.unlink(missing_ok=True)
        place.write_text(text)
        place.chmod(0o755)

    def begin(self, *words: str, digest: str = DIGEST, **env: str) -> None:
        """As RunPod starts it."""
        texts = [
            (HERE / "bring.sh").read_text(),
            (HERE / "__main__.py").read_text(),
            shared(FIND_PYTHON).decode(),
        ]
        script, program, find = (
            text.replace(" /usr/bin/python3", "") for text in texts
        )  # this machine's own
        argv = ["/bin/sh", "-c", script, "podkeep", digest, program, find, *words]
        own = {
            "PATH": str(self.programs),
            "HOME": str(self.folder),
            "PODKEEP_HOME": str(self.home),
            "POD_WORKSPACE": str(self.folder / "workspace"),
            "POD_PORT": str(self.port),
            "POD_TOKEN": f"sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}",
            "PODKEEP_BRING_PAUSE": "0.05",
        }
        with (self.folder / "console").open("ab") as console:
            self.process = subprocess.Popen(
                argv,
                env=own | env,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )

    def says(self, words: str, within_s: float = 300.0) -> None:
        assert self.process is not None
        wait_for(
            f"{words!r} on the console",
            lambda: words in self.said or self.process.poll() is not None,
            within_s,
        )
        assert words in self.said, self.said

    def send(self, data: bytes = AGENT, token: str = TOKEN, path: str = f"/agent/{DIGEST}") -> int:
        """PUT it, as the laptop does; the status."""
        self.says("waiting for the agent's files")
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method="PUT")
        request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code

    def end(self) -> None:
        """With all that it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def make(folder: Path, port: int, python: str | None) -> Box:
    """A new one, with a Python or without."""
    box = Box(folder, port)
    for place in (box.programs, folder / "workspace", folder / "opt"):
        place.mkdir(parents=True)
    for name in HAS:
        found = shutil.which(name)
        assert found, name
        (box.programs / name).symlink_to(found)
    if python is not None:
        (box.programs / "python3").symlink_to(python)
    return box
