"""On the pod: gets the agent's bundle, and lays it out as our image has it. Sent as text within the start command.

Takes only what has the sha256 that the start command names: from this disk, from the workspace, or from the laptop, for
which it listens where the agent will. Imports nothing of ours, and never runs on the laptop. DIGEST HOME are its words.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FAILED, HOPELESS = 1, 77
MOST_BYTES, MOST_DIGITS = 16_000_000, 9
USUAL_PORT = 8787
WORKSPACE_S = 5.0  # it may be a mount that hangs
LAPTOP_S = 15 * 60.0
BODY_S = 60.0
PIP = (
    "--disable-pip-version-check",
    "--no-input",
    "--root-user-action=ignore",
    "--retries=5",
    "--timeout=30",
)
BY_HASH = ("--no-cache-dir", "--no-deps", "--only-binary=:all:", "--require-hashes")


def say(text: str) -> None:
    sys.stderr.write(f"podkeep: {text}\n")
    sys.stderr.flush()


def is_it(data: bytes, digest: str) -> bool:
    return hashlib.sha256(data).hexdigest() == digest


# Where the bundle may be


def copied(source: Path, target: Path, within_s: float) -> bool:
    """Copy by a child that is left behind where the mount hangs."""
    words = 'umask 077; mkdir -p "${2%/*}" && cp "$1" "$2.half" && mv "$2.half" "$2"'
    child = subprocess.Popen(
        ["sh", "-c", words, "podkeep", str(source), str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return child.wait(within_s) == 0
    except subprocess.TimeoutExpired:
        child.returncode = 0  # nobody waits for it any more
        return False


def at(place: Path, digest: str) -> bytes | None:
    """What lies there, when it is the right one."""
    try:
        data = place.read_bytes()
    except OSError:
        return None
    if is_it(data, digest):
        return data
    say(f"{place} is not what the start command names: not used")
    return None


def bundle(digest: str, here: Path, workspace: Path) -> bytes:
    """From this disk, else from the workspace, else from the laptop."""
    found = at(here, digest)
    if found is not None:
        return found
    kept = workspace / ".podkeep" / "agent" / f"{digest}.tar"
    if copied(kept, here, WORKSPACE_S) and (found := at(here, digest)) is not None:
        say("the agent's files are on the workspace")
        return found
    found = Listener(digest).wait(LAPTOP_S)
    half = here.with_suffix(".half")
    half.write_bytes(found)
    half.replace(here)
    if not copied(here, kept, WORKSPACE_S):
        say(
            "the agent's files cannot be kept on the workspace: a stopped pod will need the laptop to start again"
        )
    return found


# The laptop's part


def port() -> int:
    """Where the agent will listen; what is no number is its to complain about."""
    said = os.environ.get("POD_PORT", "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < MOST_DIGITS else USUAL_PORT


class Listener(ThreadingHTTPServer):
    """Where the agent will listen: tells who asks what is wanted, and takes it."""

    daemon_threads = True
    block_on_close = False  # a laptop that hangs is not waited for

    def __init__(self, digest: str) -> None:
        self.digest = digest
        self.token = os.environ.get("POD_TOKEN", "")
        self.came = threading.Event()
        self.data = b""
        super().__init__(("0.0.0.0", port()), Handler)  # noqa: S104 - as the agent

    def wait(self, within_s: float) -> bytes:
        thread = threading.Thread(target=partial(self.serve_forever, 0.2), daemon=True)
        thread.start()
        say(
            f"waiting for the agent's files from the laptop that started this pod, at port {self.server_port}"
        )
        try:
            if not self.came.wait(within_s):
                say(f"nobody sent them in {within_s / 60:g} minutes: pod-client up starts this pod again")
                sys.exit(HOPELESS)
        finally:
            self.shutdown()
            self.server_close()
        return self.data

    def knows(self, header: str) -> bool:
        """Whether this is the pod's token, which may be given to the pod as its hash."""
        given = header.removeprefix("Bearer ").strip().encode()
        if self.token.startswith("sha256:"):
            given = f"sha256:{hashlib.sha256(given).hexdigest()}".encode()
        return not self.token or hmac.compare_digest(given, self.token.encode(errors="surrogateescape"))

    def handle_error(self, *_: object) -> None:
        """Whoever asked has gone, or was too slow."""


class Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = BODY_S

    def do_GET(self) -> None:
        self.tell(503, "the agent's files are awaited", self.server.digest)

    do_POST = do_GET  # noqa: N815 - the standard library's name

    def do_PUT(self) -> None:
        said = self.headers.get("Content-Length", "")
        length = (
            int(said) if said.isascii() and said.isdecimal() and len(said) < MOST_DIGITS else MOST_BYTES + 1
        )
        if length > MOST_BYTES:
            self.tell(413, f"a length of {MOST_BYTES} bytes at most is needed")
        elif not self.server.knows(self.headers.get("Authorization", "")):
            self.pass_over(length)
            self.tell(401, "this is not the pod's token")
        elif self.path != f"/agent/{self.server.digest}":
            self.pass_over(length)
            self.tell(409, "another agent is wanted", self.server.digest)
        elif not is_it(data := self.rfile.read(length), self.server.digest):
            say("what was sent is not what the start command names: not used")
            self.tell(422, "this is not what the start command names", self.server.digest)
        else:
            self.server.data = data
            self.tell(200, "")
            self.server.came.set()

    def pass_over(self, length: int) -> None:
        """Else the answer would be lost with the connection."""
        while length > 0 and (piece := self.rfile.read(min(length, 1 << 16))):
            length -= len(piece)

    def tell(self, status: int, detail: str, wanted: str = "") -> None:
        problem = {"title": "no agent yet", "status": status, "detail": detail} if detail else {}
        body = json.dumps(problem).encode()
        self.send_response(status)
        self.send_header("Podkeep-Api", "1")
        if wanted:
            self.send_header("Podkeep-Wants", wanted)
        self.send_header("Content-Type", "application/problem+json" if detail else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):  # who asked has gone
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Whoever scans the proxy's addresses does not fill the console."""


# Laying it out


def install(data: bytes, home: Path) -> None:
    """As our image has it. The entrypoint comes last: what a kill leaves behind is made anew."""
    if home.exists():
        shutil.rmtree(home)
    began = time.monotonic()
    subprocess.run([sys.executable, "-I", "-m", "venv", str(home)], check=True)
    python, new = home / "bin" / "python", home / "new"
    with tarfile.open(fileobj=io.BytesIO(data)) as files:
        files.extraction_filter = lambda member, _path: member  # every byte is known
        files.extractall(new)  # noqa: S202
    subprocess.run(
        [str(python), "-I", "-m", "pip", "install", "-q", *PIP, *BY_HASH, "-r", str(new / "agent.lock")],
        check=True,
    )
    asked = [str(python), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    for part in (new / "site").iterdir():
        part.rename(site / part.name)
    command = home / "bin" / "pod-agent"
    command.write_text(f'#!/bin/sh\nexec "{python}" -I -m pod_agent "$@"\n')
    command.chmod(0o755)
    known = Path("/usr/local/bin/pod-agent")
    if home == Path("/opt/podkeep") and not known.exists():
        with contextlib.suppress(OSError):  # it can be called by its whole name
            known.symlink_to(command)
    (home / "share").mkdir(exist_ok=True)
    (new / "share" / "podkeep").rename(home / "share" / "podkeep")
    shutil.rmtree(new)
    say(f"the agent was brought in {time.monotonic() - began:.0f} s")


def main() -> int:
    digest, home = sys.argv[1], Path(sys.argv[2])
    here = home.with_name(f"{home.name}.tar")
    workspace = Path(os.environ.get("POD_WORKSPACE") or "/workspace")
    try:
        install(bundle(digest, here, workspace), home)
    except subprocess.CalledProcessError as error:
        say(f"{' '.join(map(str, error.cmd[1:5]))} … ended with code {error.returncode}")
        return FAILED
    except OSError as error:
        say(f"the agent's files cannot be put in place: {error.strerror or error}: {error.filename or ''}")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
