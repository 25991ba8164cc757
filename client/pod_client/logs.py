"""The `logs` command: what the log holds now, or following it to the end of the job, with the receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.ending import ask_status, final_bill, gone_reason, is_stopping
from pod_client.exits import DETACHED, DONE, UNREACHED, by_outcome
from pod_client.follow import Follower
from pod_client.receipt import dollars, receipt
from pod_client.stdout import silence_stdout
from pod_wire.errors import NotFound, PodError, Unreachable

if TYPE_CHECKING:
    from pod_client.follow import Begin
    from pod_client.stdout import Sink
    from pod_client.stream import LogStream
    from pod_client.wiring import Target, Wiring
    from pod_wire.status import Status

FAILURES = 5  # a few cuts in a row without a byte are a pod that is gone
NO_SUCH_OFFSET = 416


def logs(wiring: Wiring, target: Target, sink: Sink, begin: Begin, *, follow: bool) -> int:
    try:
        return _follow(wiring, target, sink, begin) if follow else _print(wiring, target, sink, begin)
    except BrokenPipeError:
        silence_stdout()
        return DONE


def _print(wiring: Wiring, target: Target, sink: Sink, begin: Begin) -> int:
    """What the log holds now. A cut is continued at its offset."""
    agent = wiring.agent_of(target)
    job = _job_of(ask_status(wiring, target), target)
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
            if failures > FAILURES:
                raise
            wiring.clock.sleep(0.2 * failures)
            continue
        if stream.status == NO_SUCH_OFFSET or (
            end is not None and stream.end is not None and stream.end < end
        ):
            stream.close()
            wiring.screen.warn(
                "the log became another, or shorter, while it was read: what was printed is not whole"
            )
            break
        offset = stream.start if stream.start is not None else offset
        end = stream.end if end is None else end  # what came meanwhile is for the next call, or for -f
        came, offset = _pass_on(stream, sink, offset or 0)
        failures = 0 if came else failures + 1
        if end is None or failures > FAILURES:
            break
    if end is not None and (offset or 0) < end and failures > FAILURES:
        raise Unreachable(
            f"cannot read the log of pod {target.pod_id} beyond byte {offset}: it is cut every time"
        )
    sink.close()
    return DONE


def _pass_on(stream: LogStream, sink: Sink, offset: int) -> tuple[bool, int]:
    """Whether bytes came, and the offset after them."""
    begun = offset
    try:
        while data := stream.read():
            sink.write(data)
            offset += len(data)
    finally:
        stream.close()
    return offset > begun, offset


def _follow(wiring: Wiring, target: Target, sink: Sink, begin: Begin) -> int:
    agent = wiring.agent_of(target)
    job = _job_of(ask_status(wiring, target), target)
    pods = wiring.pods_or_none(target.config)
    follower = Follower(
        agent,
        job,
        sink,
        wiring.screen.warn,
        lambda: gone_reason(pods, target.pod_id, follower.silent_s()),
    )
    try:
        ending = follower.run(begin)
    except KeyboardInterrupt:
        _say_billed(wiring, target, follower.status)
        wiring.remember(target.pod_id, follower.status)
        return DETACHED
    except PodError:
        _say_billed(wiring, target, follower.status)
        raise
    wiring.remember(target.pod_id, ending.status)
    bill = final_bill(pods, target.pod_id, wiring.clock, expects_stop=is_stopping(ending.status))
    if ending.status is not None:
        code = target.known.code if target.known else None
        wiring.screen.text(receipt(ending.status, bill, code, wiring.screen.width()))
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
