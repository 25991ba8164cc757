"""Trees of code on their way to the pod: how much of one is here, and its next piece. Knows nothing of what is in them.

Only the tree that the current job waits for is taken: nobody fills the pod's volume with anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the routes' annotations

from pod_agent.api.answers import json_answer
from pod_agent.api.body import TooLarge
from pod_agent.api.house import House  # noqa: TC001 - FastAPI reads the routes' annotations
from pod_agent.outputs.came import lies_there
from pod_wire.errors import BadInput, Mistake, NotFound, PodError
from pod_wire.routes import MAX_PIECE_BYTES
from pod_wire.source import is_digest, tree_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pod_agent.run.code.trees import Have, Piece, Trees

_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})", re.ASCII)
_BLOCK = 1 << 20
SILENT_S = 60.0  # a sender that says nothing for so long is let go: what came is kept


async def get_tree(house: House, request: Request) -> Response:
    """How much of a tree is here."""
    trees, tree, folder = _expected(house, request)
    have = await house.readers.do(lambda: trees.have(tree))
    is_placed = not have.whole and await house.readers.do(lambda: lies_there(folder, tree_text(tree)))
    return _answer(have.size, whole=have.whole or is_placed)


async def put_tree(house: House, request: Request) -> Response:
    """The next piece of a tree; 409 where it does not follow what is here."""
    first, last, total = _range(request)
    chunks = request.stream()
    try:
        return await _take(house, request, chunks, (first, last, total))
    except PodError:
        await _drain(chunks)
        raise


async def _take(
    house: House, request: Request, chunks: AsyncIterator[bytes], place: tuple[int, int, int]
) -> Response:
    trees, tree, folder = _expected(house, request)
    first, last, total = place
    if await house.readers.do(lambda: trees.have(tree).whole or lies_there(folder, tree_text(tree))):
        await _drain(chunks)
        return _answer(total, whole=True)
    piece = await house.readers.do(lambda: trees.begin(tree, first, last - first + 1, total))
    try:
        await _copy(house, chunks, piece)
    except (ClientDisconnect, TimeoutError):
        return _answer(piece.offset, whole=False)  # nobody hears it; what came is kept
    finally:
        await house.readers.do(piece.close)
    have = await house.readers.do(lambda: _whole_if_all(trees, tree, total))
    return _answer(have.size, whole=have.whole)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """A sender hears the answer only when all that it sends has been taken; its length was checked."""
    with contextlib.suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(SILENT_S):
            async for _ in chunks:
                pass


async def _copy(house: House, chunks: AsyncIterator[bytes], piece: Piece) -> None:
    """Written in blocks; a sender that is cut leaves what came."""
    waiting = bytearray()
    try:
        while True:
            async with asyncio.timeout(SILENT_S):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            waiting += chunk
            if len(waiting) >= _BLOCK:
                data = bytes(waiting)
                waiting.clear()
                await house.readers.do(lambda data=data: piece.write(data))  # type: ignore[misc]
    finally:
        if waiting:
            await house.readers.do(lambda: piece.write(bytes(waiting)))


def _whole_if_all(trees: Trees, tree: str, total: int) -> Have:
    have = trees.have(tree)
    if not have.whole and have.size == total:
        trees.finish(tree)
        have = trees.have(tree)
    return have


def _expected(house: House, request: Request) -> tuple[Trees, str, Path]:
    """The tree of the address, when the current job waits for it."""
    tree = str(request.path_params["tree"])
    trees = house.parts.trees
    folder = house.parts.awaits(tree) if is_digest(tree) else None
    if trees is None or folder is None:
        raise NotFound(
            "cannot take this tree: no job here waits for it",
            "order the job first: pod-client up --tree does",
        )
    return trees, tree, folder


def _range(request: Request) -> tuple[int, int, int]:
    found = _RANGE.fullmatch(request.headers.get("content-range", ""))
    length = request.headers.get("content-length", "")
    mistakes = []
    if found is None:
        mistakes.append(Mistake("Content-Range", "is missing or not understood", "bytes FIRST-LAST/TOTAL"))
    if not length.isdigit():
        mistakes.append(Mistake("Content-Length", "is missing", "say how long the piece is"))
    if found is None or mistakes:
        raise BadInput("cannot take this piece of the tree", tuple(mistakes))
    first, last, total = (int(number) for number in found.groups())
    if int(length) > MAX_PIECE_BYTES:
        raise TooLarge(
            f"cannot take this piece of the tree: it is over {MAX_PIECE_BYTES} bytes", "send smaller ones"
        )
    if int(length) != last - first + 1 or last >= total:
        raise BadInput(
            "cannot take this piece of the tree",
            (Mistake("Content-Range", "does not fit the piece's length", "LAST is the last byte's place"),),
        )
    return first, last, total


def _answer(size: int, *, whole: bool) -> Response:
    return json_answer({"format": 1, "have": size, "whole": whole})
