"""GET of a job's receipt: the story of its run as it stands now. Nothing is made or written here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request  # noqa: TC002 - FastAPI reads the routes' annotations
from starlette.responses import Response  # noqa: TC002 - the same

from pod_agent.api.answers import json_answer
from pod_agent.api.house import House  # noqa: TC001 - the same
from pod_wire.errors import NotFound

if TYPE_CHECKING:
    from pod_wire.receipt import Receipt


async def receipt(house: House, request: Request) -> Response:
    """What became of the job until now: boots, phases, attempts, steps, money, and how it ended."""
    wanted = str(request.path_params["job"])
    told: Receipt | None = await house.teller.ask("tell the receipt", lambda: house.parts.receipt(wanted))
    if told is None or told.job != wanted:
        raise NotFound(
            "cannot tell the receipt: this pod does not have this job", "GET /jobs names the one it has"
        )
    return json_answer(told, house.parts.masker)
