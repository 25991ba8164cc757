"""Whether a candidate is whole: by its content, by nobody writing to it, by what it was when it was seen whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.candidate import Candidate, Judged, NotACheckpoint, NotWhole, Unproved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.outputs.checkpoints.records import Records


def judge(
    candidate: Candidate,
    records: Records,
    *,
    writer_alive: bool,
    last_look: Candidate | None = None,
    rest_s: float = 0.0,
    is_copy: bool = False,
) -> Judged:
    """Judge one. While a writer lives, it must be as it was at the last look, a second or more ago.

    ``rest_s`` is for how long nobody wrote to it; ``is_copy`` is true for one that was whole when we copied it.
    """
    record = records.of(candidate)
    if record is not None and record.parts == candidate.parts:
        lost = None if writer_alive else records.lost_end(candidate)
        return Judged(whole=lost is None, why=lost or "", step=record.step)
    if writer_alive and (last_look is None or last_look.parts != candidate.parts):
        return Judged(whole=False, why="it may still be being written", is_final=False)
    try:
        try:
            step = candidate.format.check(candidate, records.seen(candidate))
        except Unproved as found:
            if not (is_copy or records.knows(candidate) or (writer_alive and rest_s >= found.rest_s)):
                return Judged(
                    whole=False, why=str(found), is_ours=candidate.is_sure, is_final=not writer_alive
                )
            step = found.step
        lost = records.lost_end(candidate)
        if lost is not None:
            return Judged(whole=False, why=lost)
    except NotWhole as found:
        return Judged(whole=False, why=str(found), is_ours=candidate.is_sure)
    except NotACheckpoint as found:
        return Judged(whole=False, why=str(found), is_ours=False)
    except Exception as error:  # noqa: BLE001 - foreign content may raise anything; one odd file hides no others
        why = f"podkeep cannot make sense of it: {type(error).__name__}"
        return Judged(whole=False, why=why, is_ours=False)
    if step is None and not candidate.is_sure:
        return Judged(whole=False, why="nothing says that it is a checkpoint", is_ours=False)
    return Judged(whole=True, step=candidate.step if step is None else step)


def in_order(found: Iterable[tuple[Candidate, int | None]]) -> list[tuple[Candidate, int | None]]:
    """Oldest first: by step where all tell one, otherwise by the time of writing. Never by spelling."""
    pairs = list(found)
    if all(step is not None for _, step in pairs):
        return sorted(pairs, key=lambda pair: (pair[1] or 0, pair[0].mtime))
    return sorted(pairs, key=lambda pair: pair[0].mtime)
