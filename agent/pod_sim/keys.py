"""Who is asking: the account's key may do everything; a pod's own key reads, stops and ends that pod only."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_sim.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_sim.record import PodRecord

BLOCKED_AGENT = "python-urllib/"
BLOCKED_BODY = b"error code: 1010"


@dataclass(frozen=True, slots=True)
class Caller:
    """``pod`` is None for the account, else the id of the pod whose key it is."""

    pod: str | None = None

    def must_own(self, pod_id: str) -> None:
        if self.pod not in (None, pod_id):
            raise Problem(403, "access denied")

    def must_be_account(self) -> None:
        if self.pod is not None:
            raise Problem(403, "access denied")


def new_account_key() -> str:
    return f"sim_account_{secrets.token_hex(20)}"


def new_pod_key() -> str:
    return f"sim_pod_{secrets.token_hex(20)}"


def is_blocked(user_agent: str) -> bool:
    """The gateway in front of RunPod turns Python's default client away, key or not."""
    return user_agent.lower().startswith(BLOCKED_AGENT)


def identify(authorization: str, account_key: str, pods: Iterable[PodRecord]) -> Caller:
    scheme, _, presented = authorization.partition(" ")
    if scheme.lower() != "bearer" or not presented:
        raise Problem(401, "missing bearer token")
    given = presented.strip().encode("utf-8", "surrogateescape")
    if hmac.compare_digest(given, account_key.encode()):
        return Caller()
    for record in pods:
        if hmac.compare_digest(given, record.key.encode()):
            return Caller(record.id)
    raise Problem(401, "invalid bearer token")
