"""The Docker Engine's HTTP API over its unix socket, by the standard library. What is asked of it is docker.py's."""

from __future__ import annotations

import http.client
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pod_wire.errors import BadInput, Broken, Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

USUAL_SOCKET = "/var/run/docker.sock"
CALL_TIMEOUT_S = 60.0
FRAME_HEAD = 8  # one byte of stream, three of nothing, four of size
NOT_FOUND, FIRST_REFUSAL = 404, 400


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a path instead of a host."""

    def __init__(self, path: str, timeout_s: float | None) -> None:
        super().__init__("localhost")
        self._path = path
        self._timeout_s = timeout_s

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._timeout_s)
        self.sock.connect(self._path)


class Engine:
    """One engine. Every call is a connection of its own, from any thread."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def at(cls, docker_host: str) -> Engine:
        """Where DOCKER_HOST says, as the docker program reads it; only on this machine."""
        if not docker_host:
            return cls(USUAL_SOCKET)
        scheme, _, path = docker_host.partition("://")
        if scheme != "unix" or not path:
            raise BadInput(
                "cannot use the Docker Engine that DOCKER_HOST names: it is not on this machine",
                hint="name its socket: DOCKER_HOST=unix:///var/run/docker.sock",
            )
        return cls(path)

    def call(
        self,
        what: str,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        *,
        is_needed: bool = False,
        **query: str,
    ) -> dict[str, object] | None:
        """The answer's object, {} for none; None where there is no such thing, unless it is needed.

        ``what`` follows "cannot".
        """
        connection = UnixConnection(self.path, CALL_TIMEOUT_S)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, _target(path, query), data, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise self._away(what, error) from None
        finally:
            connection.close()
        if answer.status == NOT_FOUND and not is_needed:
            return None
        known = _object(said)
        if answer.status >= FIRST_REFUSAL:
            raise Broken(f"cannot {what}: the Docker Engine says: {known.get('message') or answer.reason}")
        return known

    def output(self, name: str, *, follow: bool) -> Iterator[bytes]:
        """All that a container's processes wrote since its creation, to its end or, following, as it comes."""
        connection = UnixConnection(self.path, None if follow else CALL_TIMEOUT_S)
        wish = {"stdout": "1", "stderr": "1", "follow": "1" if follow else "0"}
        try:
            connection.request("GET", _target(f"/containers/{name}/logs", wish))
            answer = connection.getresponse()
            if answer.status >= FIRST_REFUSAL:
                return
            while len(head := _read(answer, FRAME_HEAD)) == FRAME_HEAD:
                yield _read(answer, int.from_bytes(head[4:], "big"))
        except (OSError, http.client.HTTPException) as error:
            raise self._away("read a container's output", error) from None
        finally:
            connection.close()

    def _away(self, what: str, error: Exception) -> Unreachable:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        return Unreachable(
            f"cannot {what}: the Docker Engine at {self.path} does not answer ({why})",
            "start it (as root: dockerd), or name another: DOCKER_HOST=unix:///path/of/its.sock",
        )


def _target(path: str, query: Mapping[str, str]) -> str:
    return quote(path, safe="/:@") + (f"?{urlencode(query)}" if query else "")


def _object(said: bytes) -> dict[str, object]:
    try:
        known = json.loads(said) if said.strip() else {}
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    try:
        return answer.read(size)
    except http.client.IncompleteRead as cut:
        return cut.partial
