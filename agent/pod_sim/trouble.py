"""What RunPod itself answers on purpose: faults of the account's calls, each given once, and the API of an earlier day.

Pods' own faults are in record.py. Only calls with the account's key meet these, so that no agent takes one away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pod_sim.bodies import read_object
from pod_sim.checks import Checker
from pod_sim.problems import NO_INSTANCES, Problem, invalid

OPERATIONS = ("create", "list", "get", "patch", "delete", "start", "stop", "restart", "logs")
NO_FREE_GPUS = "There are not enough free GPUs on the host machine to start this pod."
NOW, AUGUST = "now", "2026-08"
BROKEN_AFTER = "broken_after"  # done, and answered with 500
NO_GPU = "no_gpu"  # a start that comes back with gpu.count 0
STUCK, ERROR = "stuck", "error"  # a create whose pod never leaves STARTING, or ends in ERROR
REFUSALS = {
    "capacity": (400, NO_INSTANCES),
    "no_free_gpus": (400, NO_FREE_GPUS),
    "unfunded": (402, "insufficient credit to deploy this pod"),
    "forbidden": (403, "access denied"),
    "missing": (404, "pod not found"),
    "limited": (429, "rate limit exceeded"),
    "broken": (500, "request could not be processed"),
}
ONLY = {NO_GPU: "start", STUCK: "create", ERROR: "create"}


@dataclass(slots=True)
class Trouble:
    """What waits for each operation, first come first served. Forgotten when the simulator ends."""

    waiting: dict[str, list[str]] = field(default_factory=dict)
    api: str = NOW

    @property
    def is_august(self) -> bool:
        """Whether the API is as it was in August 2026: no pages, no ``cmd`` and no ``entrypoint``."""
        return self.api == AUGUST

    def before(self, operation: str) -> str | None:
        """Refuses, if that is what waits; else the fault that is still to come."""
        waiting = self.waiting.get(operation)
        kind = waiting.pop(0) if waiting else None
        if kind in REFUSALS:
            raise _refusal(kind)
        return kind

    def after(self, kind: str | None) -> None:
        if kind == BROKEN_AFTER:
            raise _refusal("broken")


def _refusal(kind: str) -> Problem:
    status, detail = REFUSALS[kind]
    return Problem(status, detail, headers={"Retry-After": "1"} if kind == "limited" else {})


def read_trouble(raw: bytes, trouble: Trouble) -> None:
    """``{"create": ["capacity", "unfunded"], "api": "2026-08"}``: replaces what waits for the operations named."""
    check = Checker(read_object(raw))
    check.only(*OPERATIONS, "api")
    known = (*REFUSALS, BROKEN_AFTER, *ONLY)
    wish = {name: list(check.texts(name) or ()) for name in OPERATIONS if check.has(name)}
    for operation, kinds in wish.items():
        wrong = [kind for kind in kinds if kind not in known or ONLY.get(kind, operation) != operation]
        if wrong:
            check.wrong(operation, f"value must be of {', '.join(known)}")
    api = check.choice("api", NOW, AUGUST) or trouble.api
    if check.errors:
        raise invalid(check.errors)
    trouble.waiting |= wish
    trouble.api = api
