"""The agent's own lines: said in order, and never waited for."""

from __future__ import annotations

import logging
import threading
import time

from pod_agent.voice import Voice


def logger_with(voice):
    logger = logging.getLogger(f"voice-{id(voice)}")
    logger.propagate = False
    logger.addHandler(voice)
    return logger


def test_lines_come_out_in_order():
    """What was said before the end is written before the end."""
    said = []
    voice = Voice(said.append)
    for number in range(5):
        logger_with(voice).warning("line %d", number)
    voice.flush()
    assert b"".join(said) == b"".join(b"line %d\n" % number for number in range(5))


def test_a_stderr_that_takes_nothing_holds_nobody():
    """A log driver that hangs must not keep the loop from stopping the pod; what was left out is counted afterwards."""
    gate, said = threading.Event(), []

    def stuck(line):
        gate.wait(10)
        said.append(line)

    voice = Voice(stuck, most=3)
    logger = logger_with(voice)
    began = time.monotonic()
    for number in range(50):
        logger.warning("line %d", number)
    assert time.monotonic() - began < 5  # the driver hangs for 10 s
    gate.set()
    voice.flush()
    logger.warning("again")
    voice.flush()
    assert b"left_out=" in said[-1]
    assert said[-1].endswith(b"again\n")


def test_a_closed_stderr_ends_nothing():
    """The thread goes on when there is nobody to tell."""
    said = []

    def closed(line):
        if not said:
            said.append(b"")
            raise BrokenPipeError
        said.append(line)

    voice = Voice(closed)
    logger = logger_with(voice)
    logger.warning("one")
    voice.flush()
    logger.warning("two")
    voice.flush()
    assert said[-1].endswith(b"two\n")
