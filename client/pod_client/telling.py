"""The `receipt` command: the whole story of a pod's job, from the pod itself or as it was last seen here.

Not here: its words (``pod_wire.receipt_rows``) and its look (``receipt``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.exits import DONE
from pod_client.reading import bill_of, look
from pod_client.receipt import Bill, seconds, text, told_of
from pod_wire.codec import to_plain
from pod_wire.errors import NotFound, PodError, Refused
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_client.reading import Seen
    from pod_client.wiring import Target, Wiring
    from pod_wire.receipt import Receipt


@dataclass(frozen=True, slots=True)
class Found:
    """A receipt, and where it is from."""

    told: Receipt
    bill: Bill
    is_live: bool
    code: str | None = None
    trouble: str | None = None


def receipt(
    wiring: Wiring, wanted: str, *, local: bool, token_file: str | None = None, as_json: bool = False
) -> int:
    found = _find(wiring, wanted, local=local, token_file=token_file)
    if as_json:
        wiring.screen.document(
            {
                "format": 1,
                "id": found.bill.pod_id,
                "live": found.is_live,
                "pod_state": found.bill.state,
                "receipt": to_plain(found.told),
            }
        )
        return DONE
    if not found.is_live:
        ago = seconds(max(0.0, wiring.clock.now() - found.told.at))
        why = f" ({found.trouble})" if found.trouble else ""
        wiring.screen.note(f"the pod cannot be asked now{why}: this is what it told {ago} ago")
        if found.told.outcome is None:
            wiring.screen.note(how_to_know(found.bill, found.told.job))
    wiring.screen.page(
        text(found.told, found.bill, found.code, wiring.screen.width(of_stdout=True)).lstrip("\n")
    )
    return DONE


def _find(wiring: Wiring, wanted: str, *, local: bool, token_file: str | None) -> Found:
    """From the pod; else what it last told; else what is kept of one that nobody knows any more."""
    try:
        target = wiring.target(wanted, local=local, token_file=token_file)
        seen = look(wiring, target)
    except (NotFound, Refused) as error:
        kept = wiring.receipts.find(wanted)
        if kept is None:
            raise
        pod_id, told = kept
        has_key = wiring.config(local=local).api_key is not None
        state = "gone" if has_key and isinstance(error, NotFound) else "unknown"
        return Found(told, Bill(pod_id, state, None, None), is_live=False)
    return _of(wiring, target, seen)


def _of(wiring: Wiring, target: Target, seen: Seen) -> Found:
    bill, code = bill_of(target, seen), target.known.code if target.known else None
    if seen.is_live and seen.status is not None:
        if seen.status.job is None:
            raise NotFound(
                f"cannot tell a receipt of pod {target.pod_id}: it has had no job yet",
                "pod-client up gives it one",
            )
        told = _asked(wiring, target, seen.status.job.name) or told_of(seen.status)
        if told is not None:
            return Found(told, bill, is_live=True, code=code)
    told = _last_seen(wiring, target, seen)
    if told is None:
        raise NotFound(
            f"cannot tell a receipt of pod {target.pod_id}: it cannot be asked, and this machine has seen none",
            how_to_know(bill, target.known.job if target.known else "JOB"),
        )
    return Found(told, bill, is_live=False, code=code, trouble=seen.trouble)


def _asked(wiring: Wiring, target: Target, job: str) -> Receipt | None:
    """The agent's own; None of one that is older than receipts, or goes just now."""
    try:
        told = wiring.agent_of(target).receipt(job)
    except PodError:
        return None
    wiring.receipts.keep(target.pod_id, told)
    return told


def _last_seen(wiring: Wiring, target: Target, seen: Seen) -> Receipt | None:
    """The newer one of the receipt that is kept and the status that is."""
    kept = wiring.receipts.of(target.pod_id)
    last = told_of(seen.status) if seen.status is not None else None
    if kept is None or last is None:
        return kept or last
    return last if last.order != kept.order or (last.outcome and not kept.outcome) else kept


def how_to_know(bill: Bill, job: str) -> str:
    """Where the rest of the story lies."""
    place = f".podkeep/jobs/{job}/receipt.md"
    if bill.state in {"gone", "TERMINATED"}:
        return f"a network volume still has it: {place}, on any pod with that volume"
    if bill.state == "EXITED":
        return (
            f"it is on the pod's disk: pod-client start {bill.pod_id}, then pod-client receipt {bill.pod_id}"
        )
    return f"it is on the pod: pod-client ssh {bill.pod_id} -- cat /workspace/{place}"
