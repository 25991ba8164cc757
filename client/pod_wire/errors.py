"""The errors a person may see.

PodError
├── BadInput        what was asked for is not well-formed; carries every mistake at once
├── Unreachable     nobody answered
├── Refused         somebody answered: not with these rights
├── NotFound        there is no such thing
├── Conflict        there is, but not in a state that allows this
├── NoCapacity      RunPod has no machine of this kind now
├── RateLimited     asked too often; says for how long to wait
├── Unfunded        the account cannot pay
├── NoRoom          the pod's volume is full
└── Broken          an answer that nobody can make sense of

Grammar of a message: "cannot <do what> to <what>: <what went wrong>"; the hint says what to do next.
"""

from __future__ import annotations

from pod_wire.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with an input: which field, what, and the remedy. Never holds the field's value."""

    field: str
    problem: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f"; {self.remedy}" if self.remedy else ""
        head = f"{self.field}: " if self.field else ""
        return f"{head}{self.problem}{tail}"


class PodError(Exception):
    """The root: a message in the grammar above, and a hint."""

    status = 500  # the HTTP status an API answers with when this reaches its border

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class BadInput(PodError):
    """What was asked for is not well-formed. ``mistakes`` names all of them."""

    status = 400

    def __init__(self, message: str, mistakes: tuple[Mistake, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint)
        self.mistakes = mistakes

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"  {mistake}" for mistake in self.mistakes)])


class Unreachable(PodError):
    """Nobody answered: no route, refused, timed out, or a proxy's 502/504/524.

    ``sent`` is False only where it is certain that the request never left this machine.
    """

    status = 502

    def __init__(self, message: str, hint: str = "", *, sent: bool = True) -> None:
        super().__init__(message, hint)
        self.sent = sent


class Refused(PodError):
    """Somebody answered, and did not accept the key or token. ``status_seen`` tells 401 from 403."""

    status = 403

    def __init__(self, message: str, hint: str = "", status_seen: int = 403) -> None:
        super().__init__(message, hint)
        self.status_seen = status_seen


class NotFound(PodError):
    """There is no such pod, job or route (404)."""

    status = 404


class Conflict(PodError):
    """The thing exists, but its state does not allow this (409)."""

    status = 409


class NoCapacity(PodError):
    """RunPod has no machine of this kind at the moment."""

    status = 503


class RateLimited(PodError):
    """Asked too often (429). ``retry_after_s`` is what the server asked for, in seconds."""

    status = 429

    def __init__(self, message: str, hint: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class Unfunded(PodError):
    """The account cannot pay for it (402)."""

    status = 402


class NoRoom(PodError):
    """The pod's volume is full, or would be (507)."""

    status = 507


class Broken(PodError):
    """An answer that cannot be understood, or a 5xx from the other side."""

    status = 502
