"""A folder and the sharded folders within it: all that its names, indexes and metadata promise. One call for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_agent.outputs.checkpoints.files import check_kinds, check_parts
from pod_agent.outputs.checkpoints.formats import dcp, deepspeed
from pod_agent.outputs.checkpoints.shards import INDEX, check_complete

if TYPE_CHECKING:
    from pod_agent.outputs.checkpoints.candidate import Candidate, Seen


_REST_S = 5.0  # where a last file says that all are there


def check_inside(
    found: Candidate,
    seen: Seen,
    *,
    step: int | None = None,
    last: str = "",
    read: frozenset[str] = frozenset(),
) -> int | None:
    """Raises NotWhole or Unproved. Gives the step that anything in it tells, or else the one that is known.

    ``last`` is the file written last, ``read`` those that the caller has looked at.
    """
    seen = check_complete(found, seen, last)
    told, pieces = dcp.check_inside(found)
    ranks = deepspeed.check_inside(found)
    step = next((one for one in (step, told, ranks) if one is not None), None)
    indexes = {part.name for part in found.parts if part.name.endswith(INDEX)}
    check_parts(found, seen, step=step, last=last or None, read=read | pieces | indexes)
    check_kinds(found, seen, step, rest_s=_REST_S if last else 60.0)
    return step
