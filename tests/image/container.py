"""One container of ours, on the host's network unless another is named, and what one sees of it from outside."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.agent.agent_process import free_port
from tests.image.engine import Engine
from tests.live import PATIENCE_S, wait_for

TOKEN = "a-token-of-the-image-tests"


class Container:
    """Use as a context manager: it is removed at the end, whatever it does then."""

    def __init__(
        self,
        engine: Engine,
        image: str,
        *command: str,
        mounts: Mapping[Path, str] | None = None,
        options: tuple[str, ...] = (),
        network: str = "host",
        **env: str,
    ) -> None:
        self._engine = engine
        self._image = image
        self._command = command
        self._options = options
        self._network = network
        self._mounts = mounts or {}
        self.port = free_port()
        self.name = f"podkeep-test-{uuid.uuid4().hex[:12]}"
        self._env = {"POD_PORT": str(self.port), "POD_TOKEN": TOKEN, **env}

    def __enter__(self) -> Self:
        words = ["run", "--detach", "--network", self._network, "--name", self.name, *self._options]
        if self._network != "host":
            words += ["--publish", f"127.0.0.1:{self.port}:{self.port}"]
        for name, value in self._env.items():
            words += ["--env", f"{name}={value}"]
        for source, target in self._mounts.items():
            words += ["--volume", f"{source}:{target}"]
        try:
            self._engine.run(*words, self._image, *self._command)
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        self._engine.run("rm", "--force", "--volumes", self.name, check=False)

    # What is done to it

    def docker(self, verb: str, *words: str) -> None:
        """`docker stop`, `kill`, `start` of this container."""
        self._engine.run(verb, *words, self.name)

    def inside(self, *command: str, check: bool = True) -> str:
        """A command beside the agent, as root."""
        return self._engine.run("exec", self.name, *command, check=check).stdout

    def agent(self) -> str:
        """The pid inside of the agent that was last to begin."""
        return self.inside("cat", "/run/podkeep/agent.pid").split()[0]

    # What one sees

    def state(self) -> dict[str, Any]:
        return json.loads(self._engine.run("inspect", "-f", "{{json .State}}", self.name).stdout)

    def logs(self) -> str:
        """Both streams of its console."""
        done = self._engine.run("logs", self.name)
        return done.stdout + done.stderr

    def ended(self, within_s: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended."""
        wait_for(f"the end of {self._command}", lambda: self.state()["Status"] == "exited", within_s, 0.2)
        return int(self.state()["ExitCode"])

    def get(self, path: str) -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read()

    def status(self) -> dict[str, Any] | None:
        """None while the agent does not answer."""
        try:
            code, body = self.get("/status")
        except OSError:
            assert self.state()["Status"] != "exited", self.logs()
            return None
        if code == 503 and b"no agent yet" in body:  # whoever waits for its files answers until it begins
            return None
        assert code == 200, body
        return json.loads(body)

    def reaches(self, phase: str, within_s: float = PATIENCE_S) -> dict[str, Any]:
        """The status once the pod is in this phase."""

        def look() -> dict[str, Any] | None:
            status = self.status()
            return status if status and status["phase"] == phase else None

        try:
            return wait_for(f"phase {phase}", look, within_s, 0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.logs()[-4000:]}") from None

    def says(self, words: str, within_s: float = PATIENCE_S) -> None:
        """Wait until the job's log holds these words."""

        def look() -> bool:
            try:
                return words.encode() in self.get("/logs")[1]
            except OSError:
                return False

        try:
            wait_for(f"{words!r} in the log", look, within_s, 0.1)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.logs()[-4000:]}") from None
