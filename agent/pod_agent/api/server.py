"""uvicorn in a thread of its own: it takes no signals, writes no access log, wakes once a second when idle.

Not here: the application (app.py). Starlette and uvicorn are imported by ``start``: nothing waits for them.
"""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from pod_agent.api.house import House
from pod_wire.errors import PodError

if TYPE_CHECKING:
    from pod_agent.api.bare_server import BareServer
    from pod_agent.api.parts import Parts

START_S = 30.0
ANYWHERE = "0.0.0.0"  # noqa: S104 - RunPod's proxy comes from outside


class HttpServer:
    """The agent's face. ``port`` 0 takes a free one; ``port`` then tells which."""

    def __init__(self, parts: Parts, port: int, host: str = ANYWHERE) -> None:
        self.port = port
        self._house = House(parts)
        self._followers = self._house.followers
        self._host = host
        self._thread: threading.Thread | None = None
        self._server: BareServer | None = None

    def start(self) -> None:
        """Bind, import, serve. Returns when requests are answered."""
        listening = _listen(self._host, self.port)
        self.port = listening.getsockname()[1]
        from pod_agent.api.app import build  # noqa: PLC0415 - the keeper and the training come first
        from pod_agent.api.bare_server import BareServer  # noqa: PLC0415

        server = BareServer(build(self._house))
        self._server = server
        self._thread = threading.Thread(target=server.run, args=([listening],), name="http", daemon=True)
        self._thread.start()
        if not server.ready.wait(START_S):
            raise PodError(
                "cannot serve HTTP: the server did not start", "the agent's log on stderr says more"
            )

    def owed(self) -> bool:
        """Whether somebody has yet to get bytes of the log, or the final status."""
        return self._followers.owed()

    def status_read_since(self, moment: float) -> bool:
        """Whether somebody has asked how it stands after this moment of the monotonic clock."""
        return self._followers.status_read_since(moment)

    def is_awaited(self) -> bool:
        """Whether somebody who keeps asking for the status is about to see the job's end."""
        return self._followers.is_awaited()

    def followed_since(self, moment: float) -> bool:
        """Whether somebody follows, or has done so or asked how it stands after this moment."""
        return self._followers.followed_since(moment)

    @property
    def followers(self) -> int:
        """How many follow a log at the moment."""
        return len(self._followers)

    def finish(self) -> None:
        """The log is complete and the final status published: followers get the rest and are let go."""
        job = self._house.parts.snapshot().job
        place = job.log if job is not None else None
        self._followers.finish(*((place.id, place.size) if place is not None else ()))
        self.wake()

    def wake(self) -> None:
        """Make followers look again at once, for instance because the phase changed."""
        if self._server is not None:
            self._server.call(self._followers.wake)

    def stop(self, timeout_s: float = 3.0) -> None:
        """Answer what was asked, then end. Connections that take longer are cut."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(timeout_s)
            self._house.close()


def _listen(host: str, port: int) -> socket.socket:
    # The protocol is named because asyncio switches Nagle's delay off only where it is: 40 ms an answer otherwise.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        hint = "set POD_PORT to a free one, and expose it"
        raise PodError(f"cannot listen on port {port}: {error.strerror}", hint) from error
    return listening
