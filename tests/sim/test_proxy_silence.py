"""How much silence the proxy bears, before an answer and within it. Real sockets, no pods."""

from __future__ import annotations

import asyncio
import contextlib

from tests.live import PATIENCE_S
from tests.sim.test_proxy import OK, SOON_S, drip, nothing, stage


def hurry(seconds: float) -> None:
    """It is so much later at once, by the clock of the loop that the proxy looks at."""
    loop = asyncio.get_running_loop()
    time = loop.time
    loop.time = lambda: time() + seconds


def test_silence_before_an_answer_is_524():
    """No response byte in time: the proxy answers 524 itself."""

    async def scene() -> None:
        async with stage(nothing, silence_s=0.1) as here:
            assert (await here.ask()).startswith(b"HTTP/1.1 524 ")

    asyncio.run(scene())


def test_silence_within_an_answer_cuts_it():
    """A stream that has begun is cut without a word."""

    async def scene() -> None:
        async with stage(drip, silence_s=PATIENCE_S) as here:
            reader, writer = await here.client()
            assert await reader.readexactly(len(OK) + 3) == OK + b"one"
            hurry(PATIENCE_S)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), SOON_S) == b""
            assert reader.at_eof() or reader.exception()
            writer.close()

    asyncio.run(scene())
