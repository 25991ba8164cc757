"""One call to RunPod with its key, its JSON and its retries; what a call means is pods.py's and graphql.py's.

Retried: 429 on any method (it was not done), 5xx on GET only. Never retried: a POST of unknown fate.
"""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pod_wire.clock import RealClock
from pod_wire.errors import Broken, Refused
from pod_wire.runpod.answers import error_of, is_good

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.clock import Clock
    from pod_wire.runpod.transport import Answer, Transport
    from pod_wire.secrets import Secret

TRIES: Final = 4
LONGEST_WAIT_S: Final = 60.0  # a longer wish is the caller's to fulfil
_SERVER_ERROR: Final = 500


class Caller:
    """Asks as one key through one transport. ``tries``: 1 for a caller that has better to do than to wait."""

    def __init__(
        self,
        key: Secret,
        transport: Transport,
        timeout_s: float = 20.0,
        clock: Clock | None = None,
        *,
        tries: int = TRIES,
    ) -> None:
        self._key = key
        self._transport = transport
        self._timeout_s = timeout_s
        self._clock = clock or RealClock()
        self._tries = tries

    def call(self, what: str, method: str, url: str, body: Mapping[str, object] | None = None) -> object:
        """The answer's JSON, None for no body; a PodError for everything else. ``what`` follows "cannot"."""
        data = None if body is None else json.dumps(body).encode("ascii")
        answer = self._send(method, url, data)
        for tried in range(1, self._tries):
            wait = self._wait(method, answer, tried)
            if wait is None:
                break
            self._clock.sleep(wait)
            answer = self._send(method, url, data)
        if not is_good(answer.status):
            raise error_of(what, answer, self._retry_after(answer))
        return _load(what, answer)

    def _send(self, method: str, url: str, data: bytes | None) -> Answer:
        headers = {"Authorization": f"Bearer {_sendable(self._key)}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        return self._transport.send(method, url, headers, data, self._timeout_s)

    def _wait(self, method: str, answer: Answer, tried: int) -> float | None:
        """How long to wait before the next try, or None for no other try."""
        backoff = float(2 ** (tried - 1))
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            asked = self._retry_after(answer)
            wait = backoff if asked is None else asked
            return wait if wait <= LONGEST_WAIT_S else None
        if answer.status >= _SERVER_ERROR and method == "GET":
            return backoff
        return None

    def _retry_after(self, answer: Answer) -> float | None:
        """``Retry-After`` in seconds, from either of its two spellings."""
        text = answer.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        try:
            return max(0.0, parsedate_to_datetime(text).timestamp() - self._clock.now())
        except (ValueError, TypeError, OverflowError):
            return None


def _sendable(key: Secret) -> str:
    """The key as a header may hold it; said here, as ``http.client`` would show the key in its error."""
    text = key.reveal().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise Refused(
            "cannot ask RunPod: the API key is empty or holds characters that no key has", status_seen=401
        )
    return text


def _load(what: str, answer: Answer) -> object:
    if not answer.body.strip():
        return None
    try:
        loaded: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Broken(f"cannot {what}: RunPod's answer is not JSON (HTTP {answer.status})") from None
    return loaded
