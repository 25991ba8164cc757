"""`logs --console`: RunPod's own log of a pod, also of one whose agent never answered. Its stream has no end mark.

So without --follow it is over with the first line that is newer than the question, or when none has come for a while;
followed, a cut is taken up where it was.
"""

from __future__ import annotations

import http.client
from dataclasses import field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from pod_client.exits import DETACHED, DONE
from pod_client.stdout import silence_stdout
from pod_client.stream import connection_to
from pod_wire.errors import Broken, NotFound, PodError, RateLimited, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.runpod.answers import error_of
from pod_wire.runpod.log_events import LogEvents
from pod_wire.runpod.transport import USER_AGENT, Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pod_client.config import Config
    from pod_client.stdout import Sink
    from pod_client.wiring import Target, Wiring
    from pod_wire.runpod.log_events import LogLine

MOST = 5000  # lines from before that RunPod gives
FIRST_S, NEXT_S = 10.0, 2.0  # how long the first line is waited for, and the one after each
AGAIN_S = 30.0  # a follower's patience with silence, before it asks again
PIECE = 1 << 16
OK = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What to read: the last lines of each source, or all since a moment."""

    tail: int = MOST
    since: float | None = None
    source: str | None = None

    def query(self) -> dict[str, str]:
        found = {"tail": str(self.tail)} if self.since is None else {"since": _stamp(self.since)}
        return found | ({"source": self.source} if self.source else {})


@dataclass(slots=True)
class Reader:
    """One reading of one pod's log, over as many connections as it takes."""

    config: Config
    pod_id: str
    last: str = ""
    came: bool = field(default=False)
    asked_at: float | None = field(default=None)  # by RunPod's own clock

    def lines(self, wish: Wish, first_s: float, next_s: float) -> Iterator[LogLine]:
        """Lines as they come; over when the stream is cut or silent."""
        connection = connection_to(self.config.runpod_url)
        try:
            connection.timeout = first_s
            answer = self._ask(connection, wish)
            if answer is None:
                return
            events = LogEvents()
            while piece := _read(answer):
                for line in events.feed(piece):
                    self.last = line.id or self.last
                    self.came = True
                    yield line
                if connection.sock is not None:
                    connection.sock.settimeout(next_s)
        finally:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, wish: Wish) -> http.client.HTTPResponse | None:
        """None where no line is there yet: RunPod answers with the first one."""
        where = urlsplit(self.config.runpod_url)
        path = f"{where.path}/pods/{quote(self.pod_id, safe='')}/logs?{urlencode(wish.query())}"
        try:
            connection.connect()
            connection.request("GET", path, headers=self._headers())
            sock = connection.sock
            answer = connection.getresponse()
            connection.sock = sock  # http.client lets go of it when the answer ends with the connection
        except TimeoutError:
            if connection.sock is not None:
                return None
            raise Unreachable(f"cannot reach {where.hostname}: no answer") from None
        except (OSError, http.client.HTTPException) as error:
            said = error.strerror if isinstance(error, OSError) else None
            raise Unreachable(f"cannot reach {where.hostname}: {said or 'the connection broke'}") from None
        if answer.status != OK:
            headers = {name.lower(): value for name, value in answer.getheaders()}
            raise error_of(
                f"read RunPod's log of pod {self.pod_id}", Answer(answer.status, headers, _read(answer))
            )
        self.asked_at = _moment_of(answer.getheader("Date"))
        return answer

    def is_news(self, line: LogLine) -> bool:
        """Whether it was written after the question; what shows whole seconds may be old by two."""
        moment = _moment(line.ts)
        return self.asked_at is not None and moment is not None and moment >= self.asked_at + 2

    def _headers(self) -> Mapping[str, str]:
        key = self.config.api_key.reveal() if self.config.api_key is not None else ""
        headers = {"User-Agent": USER_AGENT, "Accept": "text/event-stream", "Authorization": f"Bearer {key}"}
        return headers | ({"Last-Event-ID": self.last} if self.last else {})


def show(wiring: Wiring, target: Target, sink: Sink, wish: Wish, *, follow: bool) -> int:
    wiring.pods(target.config)  # says so where there is no key
    reader = Reader(target.config, target.pod_id)
    try:
        _show(wiring, reader, sink, wish, follow=follow)
    except BrokenPipeError:
        silence_stdout()
    except KeyboardInterrupt:
        return DETACHED
    return DONE


def _show(wiring: Wiring, reader: Reader, sink: Sink, wish: Wish, *, follow: bool) -> None:
    pause_s = 1.0
    while True:
        try:
            first_s, next_s = (AGAIN_S, AGAIN_S) if follow else (FIRST_S, NEXT_S)
            for line in reader.lines(wish, first_s, next_s):
                if not follow and reader.is_news(line):
                    break
                sink.write(_shown(line))
                pause_s = 1.0
        except NotFound:
            if not reader.came:
                raise
            wiring.screen.warn(f"pod {reader.pod_id} is no more, and its log with it")
            break
        except (Unreachable, Broken, RateLimited):  # RunPod's own trouble passes
            if not (follow and reader.came):
                raise
            pause_s = min(pause_s * 2, AGAIN_S)
        if not follow:
            break
        wiring.clock.sleep(pause_s)
    sink.close()
    if not reader.came:
        wiring.screen.note(f"RunPod has not logged anything of pod {reader.pod_id} yet")


def last_words(config: Config, pod_id: str, count: int) -> list[str]:
    """The last lines of RunPod's host about a pod that did not come up; none where they cannot be had."""
    try:
        found = Reader(config, pod_id).lines(Wish(count, source="system"), 3.0, 0.5)
        return [f"{line.ts} {line.text}" for line in found][-count:]
    except PodError:
        return []


def _shown(line: LogLine) -> bytes:
    return f"{line.ts} {line.source:<9} {line.text}\n".encode("utf-8", "replace")


def _read(answer: http.client.HTTPResponse) -> bytes:
    """What is there; nothing at the end, at a cut, and where nothing came in time."""
    try:
        return answer.read1(PIECE)
    except (OSError, http.client.HTTPException):
        return b""


def _moment(stamp: str) -> float | None:
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError):
        return None


def _moment_of(date: str | None) -> float | None:
    """What a Date header says."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except ValueError:
        return None


def _stamp(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
