"""The `logs` command: what the log holds now, or following it to the end of the job, with the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.ending import final_bill, gone_reason, is_stopping
from pod_client.exits import DETACHED, DONE, UNREACHED, by_outcome
from pod_client.follow import Follower
from pod_client.receipt import dollars, receipt
from pod_client.stdout import silence_stdout
from pod_wire.errors import NotFound, Unreachable

if TYPE_CHECKING:
    from pod_client.follow import Begin
    from pod_client.stdout import Sink
    from pod_client.wiring import Target, Wiring
    from pod_wire.status import Status


def logs(wiring: Wiring, target: Target, sink: Sink, begin: Begin, *, follow: bool) -> int:
    try:
        return _follow(wiring, target, sink, begin) if follow else _print(wiring, target, sink, begin)
    except BrokenPipeError:
        silence_stdout()
        return DONE


def _print(wiring: Wiring, target: Target, sink: Sink, begin: Begin) -> int:
    """What the log holds now. A cut is continued at its offset."""
    agent = wiring.agent_of(target)
    job = _job_of(agent.status(), target)
    offset, end = begin.offset, None
    failures = 0
    while end is None or (offset or 0) < end:
        fresh = offset is None
        try:
            stream = agent.open_log(
                job,
                offset,
                follow=False,
                tail=begin.tail if fresh else None,
                since=begin.since if fresh else None,
            )
        except Unreachable:
            failures += 1
            if failures > 5:  # noqa: PLR2004 - a few cuts in a row are a pod that is gone
                raise
            wiring.clock.sleep(0.2 * failures)
            continue
        offset = stream.start if stream.start is not None else offset
        end = stream.end if end is None else end  # what came meanwhile is for the next call, or for -f
        try:
            while data := stream.read():
                sink.write(data)
                offset = (offset or 0) + len(data)
                failures = 0
        finally:
            stream.close()
        if end is None:
            break
    sink.close()
    return DONE


def _follow(wiring: Wiring, target: Target, sink: Sink, begin: Begin) -> int:
    agent = wiring.agent_of(target)
    job = _job_of(agent.status(), target)
    pods = wiring.pods_or_none(target.config)
    follower = Follower(agent, job, sink, wiring.screen.warn, lambda: gone_reason(pods, target.pod_id))
    try:
        ending = follower.run(begin)
    except KeyboardInterrupt:
        wiring.remember(target.pod_id, follower.status)
        _say_billed(wiring, target, follower.status)
        return DETACHED
    wiring.remember(target.pod_id, ending.status)
    bill = final_bill(pods, target.pod_id, wiring.clock, expects_stop=is_stopping(ending.status))
    if ending.status is not None:
        wiring.screen.text(receipt(ending.status, bill))
    if not ending.complete:
        wiring.screen.warn(
            f"the end of the log was not seen: {ending.gone} (read up to byte {ending.offset})"
        )
    outcome = ending.status.job.outcome if ending.status and ending.status.job else None
    return UNREACHED if outcome is None else by_outcome(outcome)


def _say_billed(wiring: Wiring, target: Target, status: Status | None) -> None:
    price = f" at {dollars(status.price_per_hour)}/h" if status and status.price_per_hour else ""
    until = f" {status.stops_because}" if status and status.stops_because else ""
    wiring.screen.money(
        f"pod {target.pod_id} goes on and is still billed{price}; it stops itself{until}. "
        f"To end it now: pod-client stop {target.pod_id}"
    )


def _job_of(status: Status, target: Target) -> str:
    if status.job is not None:
        return status.job.name
    if target.known is not None:
        return target.known.job
    raise NotFound(
        f"cannot read a log of pod {target.pod_id}: it has had no job yet", "pod-client up gives it one"
    )
