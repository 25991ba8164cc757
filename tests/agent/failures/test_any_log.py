"""No log, however cut, mixed or damaged, makes the classifier fail or slow."""

from __future__ import annotations

import random

import pytest

from pod_agent.run.failures.classify import classify
from pod_agent.run.failures.evidence import TAIL_BYTES, Evidence
from pod_agent.run.failures.failure import Failure, Kind
from pod_agent.run.failures.retry import RULES
from tests.agent.failures.replayed import replayed
from tests.agent.failures.test_odd_logs import CASES, mixed
from tests.story.seen import dice

LOGS = [
    text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    for text, _, _ in CASES.values()
]
LOGS += [one.text.encode() for one in replayed()]


def damaged(rng: random.Random) -> bytes:
    """A log cut at both ends, perhaps mixed with another one line by line, perhaps with foreign bytes in it."""
    data = rng.choice(LOGS)
    if rng.random() < 0.5:
        other = rng.choice(LOGS)
        data = mixed(data.decode("latin-1"), other.decode("latin-1")).encode("latin-1")
    first, last = sorted((rng.randrange(len(data) + 1), rng.randrange(len(data) + 1)))
    data = data[first:last]
    for _ in range(rng.choice((0, 0, 3))):
        at = rng.randrange(len(data) + 1)
        data = (
            data[:at]
            + rng.choice((b"\r", b"\n", b"\xff", b"\x1b[", b"\0", b"[rank1]: ", b"  | "))
            + data[at:]
        )
    return data


ENDS = [(1, None, "exited"), (2, None, "exited"), (139, "SEGV", "signalled"), (134, "ABRT", "signalled")]
ENDS += [(1, None, "oom"), (135, "BUS", "signalled"), (None, None, "unknown"), (127, None, "exited")]


def test_no_damage_makes_it_fail():
    """Truncated and interleaved logs give a failure with a class, a reason in one line and a remedy."""
    rng = dice("damaged logs")
    for _ in range(600):
        code, signal, reason = rng.choice(ENDS)
        found = classify(Evidence(code, signal, reason, tail=damaged(rng)))
        assert isinstance(found, Failure)
        assert found.reason
        assert "\n" not in found.reason
        assert found.remedy


@pytest.mark.slow
def test_every_cut_of_a_log_is_read():
    """Wherever a log ends or begins, something is found."""
    for data in LOGS:
        for cut in range(0, len(data), 7):
            assert classify(Evidence(1, tail=data[cut:])).reason
            assert classify(Evidence(1, tail=data[:cut])).reason


WORST = [
    b"x" * TAIL_BYTES,
    b"\n" * TAIL_BYTES,
    b" " * TAIL_BYTES,
    b"\r 1%|" * (TAIL_BYTES // 6),
    b"loss " * 20000,
]
WORST += [
    b"a: " * 30000,
    b"Traceback (most recent call last):\n" * 2700,
    b'  File "a", line 1, in b\n' * 3600,
]
WORST += [b"A" * 500 + b"Error: " + b"y" * 90000, b"| + " * 24000, b"[rank1]: " * 10000, b"step 1\n" * 13000]


@pytest.mark.parametrize("number", range(len(WORST)))
def test_no_log_takes_long(number):
    """What is hard on regular expressions is read all the same."""
    assert classify(Evidence(1, tail=WORST[number])).kind in {Kind.UNKNOWN, Kind.EXCEPTION}


def test_every_class_has_its_rule():
    """The retry table knows every class, and says what to do in each."""
    assert list(RULES) == list(Kind)
    assert all(rule.title and rule.remedy for rule in RULES.values())
