"""One screen: what `status` draws of progress and money, as tables, and `--watch` as a program."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_client import picture
from pod_client.rows import status_rows
from pod_wire.status import JobStatus, Money, Phase, Progress, Status
from tests.client.conftest import UP
from tests.live import PATIENCE_S, wait_for

PROGRESS = Progress(
    source="lines of the log",
    step=300,
    total=600,
    epoch=1.5,
    epochs=3.0,
    loss=0.0123,
    losses=tuple(5 / step for step in range(1, 61)),
    rate=9.7,
    eta_s=31.0,
    eta_least_s=30.0,
    eta_most_s=36.0,
    eta_is_sure=True,
    step_at=999.0,
    notes=("POD_PROGRESS: the pattern is not used any more",),
)
MONEY = Money(price_per_hour=0.44, boot=0.12, run=0.31, run_s=2536.0, to_finish=0.0038, goodput=0.86)
STATUS = Status(
    version="0",
    now=1000.0,
    phase=Phase.RUNNING,
    job=JobStatus("job", "hash", Phase.RUNNING, warnings=("a warning of the job",)),
    cost=0.12,
    stops_at=1060.0,
    stops_because="deadline",
    warnings=("a warning of the pod",),
    progress=PROGRESS,
    money=MONEY,
)


@dataclass(frozen=True)
class Gpu:
    """As an agent tells one."""

    utilization: float | None = 0.97
    memory_used_bytes: int | None = 61_200_000_000
    memory_bytes: int | None = 80_000_000_000
    power_watts: float | None = 310.4
    power_limit_watts: float | None = 400.0
    temperature_celsius: float | None = None
    fault: str | None = None


def rows(status, **more):
    return {name: text for name, text in status_rows(status, is_live=True, **more) if text}


def test_everything_stands_on_one_screen():
    """Bar, curve, pace, end, source, money, stop; warnings come last; nothing is wider than a terminal."""
    shown = [(name, text) for name, text in status_rows(STATUS, is_live=True) if text]
    said = dict(shown)
    assert said["step"] == "▕████████████            ▏ 300 of 600 (50 %)"
    assert said["loss"].startswith("0.0123  █")
    assert said["rate"] == "9.7 steps/s"
    assert said["ends"] == "in about 31.0 s (between 30.0 s and 36.0 s)"
    assert said["read from"] == "lines of the log"
    assert said["cost"] == "$0.12 this boot, $0.31 this run, $0.44/h"
    assert said["to finish"] == "about $0.0038 more"
    assert said["goodput"] == "86 % of the paid time made new steps"
    assert said["stops"] == "in 60.0 s (deadline)"
    assert [text for name, text in shown if not name] == [
        "POD_PROGRESS: the pattern is not used any more",
        "a warning of the job",
        "a warning of the pod",
    ]
    assert max(len(text) for _, text in shown) + 17 <= 80
    assert len(shown) <= 24


def test_a_terminal_of_ascii_gets_ascii():
    """The same bar and curve in signs that every terminal has."""
    said = rows(STATUS, ascii_only=True)
    assert said["step"] == "[############............] 300 of 600 (50 %)"
    assert "".join(said.values()).isascii()


def test_what_nobody_knows_is_not_there():
    """An agent that tells neither progress nor money is shown as before, and no line is empty or zero."""
    said = rows(replace(STATUS, progress=None, money=None))
    assert said["cost"] == "$0.12 this boot"
    assert not {"step", "loss", "rate", "ends", "to finish", "goodput", "GPU use"} & said.keys()
    said = rows(replace(STATUS, progress=Progress(loss=0.5), money=Money(), cost=None))
    assert said["loss"] == "0.5"
    assert not {"step", "ends", "cost", "to finish"} & said.keys()


def test_a_pod_that_is_off_foretells_nothing():
    """The last step that was seen stays, the end does not."""
    said = dict(status_rows(STATUS, is_live=False))
    assert said["step"] is not None
    assert said["ends"] is None


def test_an_old_step_says_so():
    """A step that has not changed for long is told with its age."""
    said = rows(replace(STATUS, now=1999.0))
    assert said["read from"] == "lines of the log, 16 min 40 s ago"


def test_a_loss_that_is_no_number_is_said():
    """With the last one that was."""
    told = replace(PROGRESS, loss_is_nan=True)
    assert picture.loss(told, ascii_only=True) == "not a number (NaN or infinite); before that 0.0123"


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Progress(), None),
        (Progress(eta_s=0.0, step=9, total=9), "all steps are done"),
        (Progress(eta_s=50.0), "in about 50.0 s, a first guess"),
        (Progress(eta_s=400_000.0, eta_is_sure=True), "in about 4.6 days"),
        (
            Progress(eta_s=7200.0, eta_least_s=7190.0, eta_most_s=7210.0, eta_is_sure=True),
            "in about 2 h 00 min",
        ),
    ],
)
def test_how_sure_an_end_is(told, text):
    """In words, and as exactly as it is known."""
    assert picture.eta(told) == text


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (Money(), None),
        (Money(cap=5.0), "the cap is $5.00"),
        (
            Money(cap=5.0, to_finish=9.0, cap_step=450),
            "about $9.00 more; the cap of $5.00 is crossed at step 450",
        ),
    ],
)
def test_what_the_rest_costs(told, text):
    """And where the cap is crossed."""
    assert picture.to_finish(told) == text


def test_dollars_without_all_prices_are_the_least():
    """A boot whose price is unknown is not in the sum, and that is said."""
    assert picture.spent(Money(run=1.0, unpriced_s=60.0)) == "at least $1.00 this run"


def test_gpus_where_the_agent_tells_them():
    """What is available of each is shown, and nothing of one of which nothing is."""
    assert picture.gpu(Gpu()) == "97 %, 61.2 of 80.0 GB, 310 of 400 W"
    assert picture.gpu(Gpu(None, None, None, None, None, 40.0)) == "40 C"
    assert picture.gpu(Gpu(None, None, None, None, None)) is None


@given(
    st.builds(
        Progress,
        step=st.none() | st.integers(0, 10**15),
        total=st.none() | st.integers(0, 10**15),
        loss=st.none() | st.floats(allow_nan=False, allow_infinity=False),
        losses=st.lists(st.floats(), max_size=100).map(tuple),
        rate=st.none() | st.floats(1e-12, 1e12),
        eta_s=st.none() | st.floats(0, 1e12),
        eta_is_sure=st.booleans(),
    ),
    st.booleans(),
)
def test_any_progress_can_be_drawn(told, ascii_only):
    """No value raises; bars and curves keep their width."""
    said = rows(replace(STATUS, progress=told), ascii_only=ascii_only)
    assert all(len(text) <= 90 for text in said.values())


def test_watch_in_a_pipe_says_what_changed(pod):
    """Lines that did not change are not said again; it ends with the job, and the receipt."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.agent.status = replace(pod.agent.status, progress=PROGRESS, money=MONEY)
    watching = pod.start("status", "job", "--watch")
    assert watching.stdout is not None
    seen: list[bytes] = []
    for line in iter(watching.stdout.readline, b""):
        seen.append(line)
        if b"300 of 600" in line:
            pod.agent.status = replace(pod.agent.status, progress=replace(PROGRESS, step=301))
        if b"301 of 600" in line:
            break
    assert sum(line.startswith(b"rate:") for line in seen) == 1
    assert sum(line.startswith(b"step:") for line in seen) == 2
    pod.agent.finish()
    _, err = watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == 0
    assert b"outcome     succeeded" in err


def test_watch_on_a_terminal_paints_over_itself(pod):
    """Each picture begins where the last one did, and nothing is wider than the terminal."""
    assert pod.run(*UP, "--detach")[0] == 0
    pod.agent.status = replace(pod.agent.status, progress=PROGRESS, money=MONEY)
    master, slave = pty.openpty()
    argv = [sys.executable, "-m", "pod_client.cli", "status", "job", "--watch"]
    env = pod.env | {"COLUMNS": "80", "LINES": "40"}
    watching = subprocess.Popen(
        argv, cwd=pod.home, env=env, stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.DEVNULL
    )
    pod.started.append(watching)
    os.close(slave)
    seen = bytearray()

    def painted(times):
        seen.extend(os.read(master, 1 << 16))
        return seen.count(b"300 of 600") >= times

    wait_for("the second picture", lambda: painted(2))
    pod.agent.finish()
    with contextlib.suppress(OSError):  # what Linux says once nobody writes to a terminal any more
        while more := os.read(master, 1 << 16):
            seen.extend(more)
    os.close(master)
    assert watching.wait(PATIENCE_S) == 0
    text = seen.decode()
    assert "\x1b[J" in text
    height = text.split("\x1b[J")[0].count("\n")
    assert f"\x1b[{height}A" in text
    assert all(len(line) <= 79 + len("\x1b[2K\r\x1b[99A\r\x1b[J") for line in text.splitlines())


def test_watch_is_no_document(pod):
    """--watch with --json is wrong usage."""
    code, _, err = pod.run("status", "job", "--watch", "--json")
    assert code == 2
    assert "--watch" in err
