"""Whether a candidate is whole: by its content, and by nobody writing to it. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints import single_file, trainer
from pod_agent.outputs.checkpoints.candidate import Candidate, Form, Judged, NotACheckpoint, NotWhole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pod_agent.outputs.checkpoints.records import Records


def judge(
    candidate: Candidate, records: Records, *, writer_alive: bool, last_look: Candidate | None = None
) -> Judged:
    """Judge one. While a writer lives, it must be as it was at the last look, a second or more ago."""
    record = records.of(candidate)
    if record is not None and record.parts == candidate.parts:
        return Judged(whole=True, step=record.step)
    if writer_alive and (last_look is None or last_look.parts != candidate.parts):
        return Judged(whole=False, why="it may still be being written")
    try:
        if candidate.form is Form.TRAINER:
            return Judged(whole=True, step=trainer.check(candidate, record.sizes if record else {}))
        step = single_file.check(candidate.path, candidate.size_bytes)
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
