"""Downloads one file into the tree's own folder: goes on where it was cut, tries again, says what was tried.

The address may hold a signature and is never said whole; a token of GitHub's goes to GitHub alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pod_agent.outputs.came import write_whole
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import requests

    from pod_agent.run.work import Work

WAITS_S = (
    1.0,
    4.0,
    15.0,
    30.0,
)  # pauses before the tries after the first; a try that brought bytes starts anew
_TRIES_MOST = 200
_CONNECT_S, _SILENT_S = 20.0, 60.0
_BLOCK = 1 << 16  # what a cut may cost
_SAY_EVERY = 256 << 20
_GITHUB = ("github.com", "api.github.com", "codeload.github.com")
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Got:
    """A downloaded file; None where the server says that nothing has changed."""

    path: Path | None
    validator: str


class _Again(Exception):
    """The network's fault, not ours: worth another try."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


def download(url: str, into: Path, validator: str, env: Mapping[str, str], work: Work) -> Got:
    """The file at ``url`` in the folder ``into``; asks first whether it changed since ``validator``."""
    shown = url.partition("?")[0]
    download = _Download(url, shown, into, env, work)
    failed = 0
    for _ in range(_TRIES_MOST):
        had = download.size
        try:
            return download.once(validator)
        except _Again as trouble:
            failed = 1 if download.size > had else failed + 1
            if failed > len(WAITS_S):
                raise StepFailed(
                    f"cannot download {shown}: {trouble.reason} (tried {failed} times)",
                    "check the address and the pod's network, then run the job again: it goes on where it was",
                ) from None
            wait_s = min(trouble.wait_s or WAITS_S[failed - 1], _LONGEST_WAIT_S)
            work.say(f"podkeep: {shown}: {trouble.reason}; trying again in {wait_s:.0f} s")
            work.pause(wait_s)
    raise StepFailed(
        f"cannot download {shown}: it was cut {_TRIES_MOST} times", "check the server and the pod's network"
    )


class _Download:
    def __init__(self, url: str, shown: str, into: Path, env: Mapping[str, str], work: Work) -> None:
        self._url = url
        self._shown = shown
        self._path = into / "download"
        self._note = into / "download.json"
        self._origin = hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()
        self._token = _token(url, env)
        self._work = work

    @property
    def size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

    def once(self, known: str) -> Got:
        import requests  # noqa: PLC0415 - not needed where the code lies there

        begun = self._begun()
        headers = {"Accept-Encoding": "identity", "User-Agent": "podkeep"}
        if begun and self.size:
            headers |= {"Range": f"bytes={self.size}-", "If-Range": begun}
        elif known:
            headers["If-None-Match" if '"' in known else "If-Modified-Since"] = known
        try:
            with requests.get(
                self._url,
                headers=headers,
                stream=True,
                timeout=(_CONNECT_S, _SILENT_S),
                auth=self._sign,
            ) as answer:
                return self._take(answer)
        except requests.exceptions.SSLError:
            raise StepFailed(
                f"cannot download {self._shown}: the server's certificate is not trusted",
                "give the image its CA certificate",
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise StepFailed(f"cannot download {self._shown}: it is no address", "check POD_REPO") from None
        except requests.exceptions.ChunkedEncodingError:
            raise _Again(f"it was cut after {self.size} bytes") from None
        except requests.RequestException as error:
            raise _Again(_reason(error)) from None

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """As an auth of requests': a .netrc does not replace it, and a redirect elsewhere loses it."""
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _take(self, answer: requests.Response) -> Got:
        validator = _validator(answer)
        status = answer.status_code
        if status == HTTPStatus.NOT_MODIFIED:
            return Got(None, validator)
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if (
                answer.headers.get("Content-Range") == f"bytes */{self.size}"
            ):  # an agent was killed at its end
                return Got(self._path, validator or self._begun())
            self._path.unlink(missing_ok=True)
            raise _Again("the file there has changed")
        if status == HTTPStatus.PARTIAL_CONTENT:
            found = _RANGE.match(answer.headers.get("Content-Range", ""))
            if found is None or int(found[1]) != self.size:
                self._path.unlink(missing_ok=True)
                raise _Again("the server sent another part than was asked for")
            self._write(answer, "ab")
        elif status == HTTPStatus.OK:
            note = {"origin": self._origin, "validator": validator}
            write_whole(self._note, json.dumps(note).encode())
            self._write(answer, "wb")
        else:
            raise self._refused(answer)
        return Got(self._path, validator)

    def _write(self, answer: requests.Response, mode: str) -> None:
        said = 0
        with self._path.open(mode) as file:
            for block in answer.iter_content(_BLOCK):
                self._work.beat()  # first: one that was called off while it waited would write into the next one's
                file.write(block)
                said += len(block)
                if said >= _SAY_EVERY:
                    said = 0
                    self._work.say(f"podkeep: {file.tell() / 1e6:.0f} MB of {self._shown} are here")
            have = file.tell()
        length = answer.headers.get("Content-Length", "")
        whole = (_RANGE.match(answer.headers.get("Content-Range", "")) or ["", "", length])[2]
        if whole.isdigit() and have < int(whole):
            raise _Again(f"it was cut after {have} of {whole} bytes")

    def _begun(self) -> str:
        """The validator under which a part lies there; without one it cannot be gone on with."""
        try:
            note = json.loads(self._note.read_bytes())
            validator = str(note["validator"]) if note["origin"] == self._origin else ""
        except (OSError, ValueError, KeyError, TypeError):
            validator = ""
        if not validator:
            self._path.unlink(missing_ok=True)
        return validator

    def _refused(self, answer: requests.Response) -> Exception:
        status = answer.status_code
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            after = answer.headers.get("Retry-After", "")
            return _Again(f"the server answers {status}", float(after) if after.isdigit() else None)
        what = f"cannot download {self._shown}: "
        if status in {401, 403, 404, 410}:
            meant = "there is nothing at that address" if status in {404, 410} else "access was denied"
            host = urlsplit(self._url).hostname or ""
            remedy = (
                "check the address; for a private repository give GITHUB_TOKEN with read access"
                if host in _GITHUB
                else "check the address; a signed one may have expired"
            )
            return StepFailed(f"{what}{meant} (the server answers {status})", remedy)
        return StepFailed(f"{what}the server answers {status}", "check the address")


def _token(url: str, env: Mapping[str, str]) -> str:
    """GitHub's token, for GitHub by https. A redirect to another host does not carry it on."""
    parts = urlsplit(url)
    is_github = parts.scheme == "https" and parts.hostname in _GITHUB
    return (env.get("GITHUB_TOKEN") or env.get("GH_TOKEN") or "") if is_github else ""


def _validator(answer: requests.Response) -> str:
    """What names this very state of the file: a strong ETag, else the time of its last change."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _reason(error: Exception) -> str:
    text = str(error)
    for sign, words in (
        ("Name or service", "there is no such host"),
        ("resolve", "there is no such host"),
        ("refused", "nobody answers there"),
        ("timed out", "the server does not answer in time"),
    ):
        if sign in text:
            return words
    return "the connection broke"
