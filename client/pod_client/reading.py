"""The commands that only read: status and ps. A GET changes nothing, and so do these."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pod_client.ending import final_bill, find, is_stopping, pod_document
from pod_client.exits import DONE
from pod_client.known_pods import last_status
from pod_client.receipt import Bill, dollars, receipt, seconds
from pod_client.rows import status_rows
from pod_wire.codec import to_plain
from pod_wire.errors import PodError
from pod_wire.frozen import dataclass
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from pod_client.config import Config
    from pod_client.known_pods import KnownPod
    from pod_client.wiring import Target, Wiring
    from pod_wire.runpod.models import Pod
    from pod_wire.status import Status

ASKED_AT_ONCE = 8
RECORD_S = 30.0  # how old the provider's record of a pod may be while its status is watched


# -- status -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """A pod as the provider and the pod itself describe it. ``status`` may be an old one: then it is not live."""

    pod: Pod | None
    status: Status | None
    is_live: bool
    seen_at: float | None
    trouble: str | None


def look(wiring: Wiring, target: Target) -> Seen:
    """Both descriptions, as far as they are to be had."""
    pods = wiring.pods_or_none(target.config)
    pod, trouble = None, None
    if pods is not None:
        pod = find(pods, target.pod_id)
        if pod is None:
            trouble = "RunPod does not know this pod any more"
    if pod is None or pod.status in {"RUNNING", "STARTING"}:
        try:
            status = wiring.agent_of(target).status()
        except PodError as error:
            trouble = trouble or error.message
            if target.known is None and pod is None:
                raise
        else:
            wiring.remember(target.pod_id, status)
            return Seen(pod, status, is_live=True, seen_at=status.now, trouble=None)
    seen_at = target.known.seen_at if target.known else None
    return Seen(pod, last_status(target.known), is_live=False, seen_at=seen_at, trouble=trouble)


def watch(wiring: Wiring, target: Target, every_s: float = 2.0) -> int:
    """The same again and again, in place on a terminal, until the job has ended or the pod is off."""
    seen, asked_at = look(wiring, target), wiring.clock.monotonic()
    while True:
        wiring.screen.repaint(target.pod_id, _rows(wiring, seen))
        job = seen.status.job if seen.status is not None else None
        is_off = seen.pod is not None and seen.pod.status not in {"RUNNING", "STARTING"}
        is_gone = seen.pod is None and "does not know" in (seen.trouble or "")
        if is_off or is_gone or (job is not None and job.outcome is not None):
            wiring.screen.settle()
            if job is not None and job.outcome is None:
                wiring.screen.note("the pod went off between two looks: how the job ended was not seen here")
            return _say_end(wiring, target, seen, awaits_stop=seen.is_live and is_stopping(seen.status))
        wiring.clock.sleep(every_s)
        again = None
        if seen.is_live and wiring.clock.monotonic() - asked_at < RECORD_S:
            again = _again(wiring, target, seen)
        if again is None:
            again, asked_at = look(wiring, target), wiring.clock.monotonic()
        seen = again


def _again(wiring: Wiring, target: Target, seen: Seen) -> Seen | None:
    """The agent alone, with the provider's record of a moment ago; None where it does not answer."""
    try:
        status = wiring.agent_of(target).status()
    except PodError:
        return None
    wiring.remember(target.pod_id, status)
    return Seen(seen.pod, status, is_live=True, seen_at=status.now, trouble=None)


def status(wiring: Wiring, target: Target, *, as_json: bool) -> int:
    seen = look(wiring, target)
    if as_json:
        wiring.screen.document(
            {
                "format": 1,
                "id": target.pod_id,
                "pod": None if seen.pod is None else pod_document(seen.pod),
                "live": seen.is_live,
                "seen_at": seen.seen_at,
                "status": None if seen.status is None else to_plain(seen.status),
                "trouble": seen.trouble,
            }
        )
        return DONE
    wiring.screen.sheet(target.pod_id, _rows(wiring, seen))
    return _say_end(wiring, target, seen)


def _say_end(wiring: Wiring, target: Target, seen: Seen, *, awaits_stop: bool = False) -> int:
    """The receipt of a job that has ended; a stop that is under way is waited for, so that the bill is the last."""
    if seen.status is not None and seen.status.job is not None and seen.status.job.outcome is not None:
        bill = bill_of(target, seen)
        if awaits_stop:
            pods = wiring.pods_or_none(target.config)
            bill = final_bill(pods, target.pod_id, wiring.clock, expects_stop=True)
        told = wiring.with_receipt(target.pod_id, seen.status)
        code = target.known.code if target.known else None
        wiring.screen.text(receipt(told, bill, code, wiring.screen.width()))
    return DONE


def bill_of(target: Target, seen: Seen) -> Bill:
    """The provider's word on a pod."""
    if seen.pod is None:
        return Bill(
            target.pod_id,
            "gone" if seen.trouble and "does not know" in seen.trouble else "unknown",
            None,
            None,
        )
    disk = sum(mount.size_gb for mount in seen.pod.mounts if mount.volume is None)
    return Bill(target.pod_id, seen.pod.status, seen.pod.cost or None, disk or None)


def _rows(wiring: Wiring, seen: Seen) -> list[tuple[str, str]]:
    rows: list[tuple[str, str | None]] = []
    pod, now = seen.pod, wiring.clock.now()
    if pod is not None:
        price = f"{dollars(pod.cost)}/h, still billed" if pod.cost else "its GPU is not billed"
        rows += [("pod", f"{pod.status.lower()}, {price}"), ("GPU", f"{pod.gpu_count} x {pod.gpu_id}")]
    if not seen.is_live:
        rows.append(("agent", f"does not answer: {seen.trouble}" if seen.trouble else "is off with the pod"))
        if seen.seen_at is not None:
            rows.append(("below", f"as it was {seconds(max(0.0, now - seen.seen_at))} ago"))
    if seen.status is not None:
        ascii_only = wiring.screen.is_ascii()
        rows += status_rows(seen.status, is_live=seen.is_live, ascii_only=ascii_only)
    return [(name, text) for name, text in rows if text]


# -- ps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One pod of the list."""

    pod: Pod
    known: KnownPod | None
    is_local: bool
    status: Status | None


def ps(wiring: Wiring, *, local: bool, as_json: bool) -> int:
    """Ours at RunPod and in the simulator, if it runs; --local asks the simulator alone."""
    configs = [wiring.config(local=True)] if local else _everywhere(wiring)
    lines = [line for config in configs for line in _lines(wiring, config)]
    if as_json:
        wiring.screen.document({"format": 1, "pods": [_line_document(line) for line in lines]})
        return DONE
    if lines:
        wiring.screen.table(
            ("POD", "STATUS", "$/H", "GPU", "JOB", "PHASE", "OUTCOME"), [_cells(line) for line in lines]
        )
    else:
        wiring.screen.note("no pods of ours")
    billed = sum(line.pod.cost for line in lines if not line.is_local)  # a local pod costs nobody anything
    if billed:
        wiring.screen.money(f"together {dollars(billed)}/h are billed; pod-client stop POD ends one")
    return DONE


def _everywhere(wiring: Wiring) -> list[Config]:
    real = wiring.config(local=False)
    found = [real] if real.api_key is not None else []
    if wiring.simulator_runs():
        found.append(wiring.config(local=True))
    if not found:
        wiring.pods(real)  # says that there is no key, and what to do
    return found


def _lines(wiring: Wiring, config: Config) -> list[Line]:
    known = {pod.id: pod for pod in wiring.known.all() if pod.is_local == config.is_local}
    ours = [pod for pod in wiring.pods(config).list() if pod.id in known or pod.name.startswith("podkeep-")]
    with ThreadPoolExecutor(ASKED_AT_ONCE) as asking:
        statuses = list(asking.map(lambda pod: _status_of(wiring, config, pod, known.get(pod.id)), ours))
    return [Line(p, known.get(p.id), config.is_local, s) for p, s in zip(ours, statuses, strict=True)]


def _status_of(wiring: Wiring, config: Config, pod: Pod, known: KnownPod | None) -> Status | None:
    if known is None or pod.status != "RUNNING":
        return last_status(known)
    try:
        return wiring.agent(config, pod.id, Secret(known.token), known.port).status()
    except PodError:
        return last_status(known)


def _cells(line: Line) -> tuple[str, ...]:
    status, pod = line.status, line.pod
    job = status.job if status else None
    outcome = job.outcome.value if job and job.outcome else "-"
    phase = status.phase.value if status and pod.status == "RUNNING" else "-"
    name = job.name if job else line.known.job if line.known else "-"
    where = f"{pod.id} (local)" if line.is_local else pod.id
    gpu = f"{pod.gpu_count} x {pod.gpu_id}" if pod.gpu_id else "-"
    return (where, pod.status.lower(), f"{pod.cost:.2f}", gpu, name, phase, outcome)


def _line_document(line: Line) -> dict[str, object]:
    status = None if line.status is None else to_plain(line.status)
    return {
        **pod_document(line.pod),
        "local": line.is_local,
        "known": line.known is not None,
        "agent": status,
    }
