"""How a request leaves: the protocol, and the one that needs nothing but the standard library.

Not here: what the answers mean (pods.py, graphql.py). Redirects are not followed, answers are bounded.
"""

from __future__ import annotations

import http.client
import ssl
import time
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from pod_wire.errors import BadInput, Unreachable
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

USER_AGENT: Final = "podkeep/0.1"
ANSWER_LIMIT_BYTES: Final = 32 << 20
_PIECE: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``headers`` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport(Protocol):
    """Sends one request and brings its whole answer, whatever its status."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        """The answer; Unreachable where there is none in time."""


class StdlibTransport:
    """``http.client``, a new connection each time; the timeout holds for the whole exchange."""

    def __init__(self, user_agent: str = USER_AGENT) -> None:
        self._user_agent = user_agent

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        deadline = time.monotonic() + timeout_s
        where, connection, target = _connection(url, timeout_s)
        try:
            connection.request(method, target, body, {"User-Agent": self._user_agent, **headers})
            response = connection.getresponse()
            received = _read(response, deadline)
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, received)
        except TimeoutError:
            raise Unreachable(f"cannot reach {where}: no answer within {timeout_s:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"cannot reach {where}: {_words(error)}") from None
        finally:
            connection.close()


def _connection(url: str, timeout_s: float) -> tuple[str, http.client.HTTPConnection, str]:
    """Who is asked, as a person may read it; the connection to them; and the request's target."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise BadInput("cannot send a request: the URL is not well-formed") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise BadInput("cannot send a request: the URL is neither http nor https")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    where = host if port is None else f"{host}:{port}"
    if parts.scheme == "http":
        return where, http.client.HTTPConnection(host, port, timeout=timeout_s), target
    context = ssl.create_default_context()
    return where, http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context), target


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body piece by piece, so that neither a slow drip nor an endless answer holds us."""
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > ANSWER_LIMIT_BYTES:
            raise http.client.HTTPException(f"the answer is larger than {ANSWER_LIMIT_BYTES} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(pieces)


def _words(error: Exception) -> str:
    if isinstance(error, http.client.IncompleteRead):
        return "the answer ended early"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate was not accepted: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
