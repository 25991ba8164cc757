"""The agent's HTTP API as the client sees it, through whatever proxy lies in between.

An answer without the agent's own header came from a proxy: it means "not ready or gone", whatever its number says.
"""

from __future__ import annotations

import json
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pod_client.stream import LogStream, open_stream
from pod_wire import routes
from pod_wire.checkpoints import CheckpointList
from pod_wire.codec import from_json
from pod_wire.errors import (
    BadInput,
    Broken,
    Conflict,
    NoRoom,
    NotFound,
    PodError,
    RateLimited,
    Refused,
    Unreachable,
)
from pod_wire.frozen import dataclass
from pod_wire.idle import KeepAnswer
from pod_wire.problems import from_answer
from pod_wire.receipt import Receipt
from pod_wire.status import JobStatus, Phase, SelfStop, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_wire.idle import KeepAsk
    from pod_wire.runpod.transport import Answer, Transport
    from pod_wire.secrets import Secret

TIMEOUT_S = 10.0
PIECE_TIMEOUT_S = 100.0  # a piece of a tree: as long as RunPod's proxy waits
HOW_TO_READ_TOKEN = (
    "read it over ssh from /podkeep/token on the pod, and give it as POD_TOKEN or with --token-file"  # noqa: S105 - words, not a token
)


@dataclass(frozen=True, slots=True)
class Health:
    """What /healthz says to everybody."""

    phase: Phase
    self_stop: SelfStop


@dataclass(frozen=True, slots=True)
class TreeState:
    """How much of a tree of code the pod has."""

    have: int
    whole: bool


class LacksAgent(Unreachable):
    """The pod's image is not ours, and its start command waits for the agent of this sha256."""

    def __init__(self, message: str, digest: str) -> None:
        super().__init__(
            message, "the pod-client that started the pod sends it, while it waits: pod-client up"
        )
        self.digest = digest


class AgentApi:
    """One pod's agent. ``token`` is None where only /healthz is asked."""

    def __init__(
        self,
        url: str,
        token: Secret | None,
        transport: Transport,
        timeout_s: float = TIMEOUT_S,
        *,
        reader: str = "",
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._transport = transport
        self._timeout_s = timeout_s
        self._reader = reader

    def healthz(self) -> Health:
        document = _object(self._ask("GET", routes.HEALTHZ, "ask for the pod's health"))
        try:
            return Health(Phase(str(document.get("phase"))), SelfStop(str(document.get("self_stop"))))
        except ValueError:
            raise Broken("cannot understand the pod's health: it speaks of a state we do not know") from None

    def status(self) -> Status:
        return from_json(Status, self._ask("GET", routes.STATUS, "read the pod's status").body)

    def status_for(self, job: str) -> Status:
        """The pod's status with this job in it, also when the pod went on to another one."""
        status = self.status()
        if status.job is not None and status.job.name == job:
            return status
        try:
            answer = self._ask("GET", routes.job(quote(job, safe="")), f"read job '{job}'")
        except NotFound:
            return status
        return replace(status, job=from_json(JobStatus, answer.body))

    def receipt(self, job: str) -> Receipt:
        answer = self._ask(
            "GET", routes.job_receipt(quote(job, safe="")), f"ask for the receipt of job '{job}'"
        )
        return from_json(Receipt, answer.body)

    def checkpoints(self) -> CheckpointList:
        answer = self._ask("GET", routes.CHECKPOINTS, "list the pod's checkpoints")
        return from_json(CheckpointList, answer.body)

    def give(self, fields: Mapping[str, object], order: str) -> None:
        """Order a job. With an order id of one's own, asking twice gives one order."""
        self._ask("POST", routes.JOBS, "give the pod a job", fields, {routes.HEADER_ORDER: order})

    def cancel(self, job: str) -> None:
        self._ask("POST", routes.job_cancel(quote(job, safe="")), f"cancel job '{job}'", {})

    def restart(self, job: str) -> None:
        self._ask("POST", routes.job_restart(quote(job, safe="")), f"restart job '{job}'", {})

    def stop(self) -> None:
        self._ask("POST", routes.STOP, "stop the pod", {})

    def keep(self, ask: KeepAsk) -> KeepAnswer:
        """A lease against idleness; 0 seconds end them all."""
        body = {"seconds": ask.seconds, "because": ask.because}
        return from_json(KeepAnswer, self._ask("POST", routes.KEEP, "keep the pod", body).body)

    def tree(self, digest: str) -> TreeState:
        return _tree_state(self._ask("GET", routes.tree(digest), "ask for the code that was sent"))

    def put_piece(self, digest: str, data: bytes, first: int, total: int) -> TreeState:
        """The next piece of a tree; Conflict where it does not follow what is there."""
        last = first + len(data) - 1
        told = {"Content-Range": f"bytes {first}-{last}/{total}", "Content-Type": "application/octet-stream"}
        return _tree_state(self._ask("PUT", routes.tree(digest), "send the code", data, told))

    def put_agent(self, digest: str, data: bytes) -> None:
        """The agent itself, to a pod that waits for it."""
        told = {"Content-Type": "application/octet-stream"}
        self._ask("PUT", routes.agent(digest), "send the agent", data, told)

    def open_log(
        self,
        job: str,
        offset: int | None,
        *,
        follow: bool,
        limit: int | None = None,
        tail: int | None = None,
        since: float | None = None,
    ) -> LogStream:
        """The log from here on; errors are raised, but 416: the follower knows what that means for it."""
        asked = {
            "follow": 1 if follow else None,
            "offset": offset,
            "limit": limit,
            "tail": tail,
            "since": since,
        }
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        stream = open_stream(f"{self._url}{routes.job_logs(quote(job, safe=''))}?{query}", self._token)
        if stream.is_agent and stream.status in {200, 416}:
            return stream
        body = stream.read()[:10_000]
        stream.close()
        if not stream.is_agent:
            raise Unreachable(f"cannot reach the pod's agent: a proxy answered {stream.status}")
        raise _told(stream.status, body, f"read the log of job '{job}'")

    def _ask(
        self,
        method: str,
        path: str,
        what: str,
        body: Mapping[str, object] | bytes | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> Answer:
        headers = {"Accept": "application/json", **(extra or {})}
        if self._reader:
            headers[routes.HEADER_READER] = self._reader
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        data = body if isinstance(body, bytes) else None
        if body is not None and data is None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        timeout_s = PIECE_TIMEOUT_S if isinstance(body, bytes) else self._timeout_s
        answer = self._transport.send(method, self._url + path, headers, data, timeout_s)
        if routes.HEADER_API.lower() not in answer.headers:
            raise Unreachable(f"cannot {what}: a proxy answered {answer.status}, not the pod's agent")
        wanted = answer.headers.get(routes.HEADER_WANTS.lower())
        if wanted and answer.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise LacksAgent(f"cannot {what}: the pod waits for its agent, which it has not yet", wanted)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _told(answer.status, answer.body, what)
        return answer


_KINDS: Mapping[int, type[PodError]] = {
    404: NotFound,
    409: Conflict,
    429: RateLimited,
    507: NoRoom,
    502: Unreachable,
    503: Unreachable,
}


def _told(status: int, body: bytes, what: str) -> PodError:
    """The agent's own words, as an error of ours."""
    if status in {401, 403}:
        return Refused(
            f"cannot {what}: the pod does not accept this token", HOW_TO_READ_TOKEN, status_seen=status
        )
    problem = from_answer(status, body)
    said = f"cannot {what}: {problem.detail}"
    if status in {400, 413, 415, 422}:
        return BadInput(said, problem.mistakes, problem.remedy)
    kind: type[PodError] = _KINDS.get(status, Broken)
    return kind(said, problem.remedy)


def _tree_state(answer: Answer) -> TreeState:
    document = _object(answer)
    have = document.get("have")
    if not isinstance(have, int) or have < 0:
        raise Broken("cannot understand the pod's answer: it does not say how much is there")
    return TreeState(have, document.get("whole") is True)


def _object(answer: Answer) -> Mapping[str, object]:
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Broken("cannot understand the pod's answer: it is not a JSON object")
    version = document.get("format", routes.FORMAT)
    if not isinstance(version, int) or version > routes.FORMAT:
        raise BadInput(
            "cannot understand the pod's answer: it is of a newer podkeep", hint="update podkeep here"
        )
    return document
