"""The GPUs' reading as long as preflight's program is asked for it: what the driver says, and what it does not."""

from __future__ import annotations

import threading

import pytest

from pod_agent.pod.idle.gpus import UNASKED, UNTOLD, Asked, reading
from pod_agent.pod.idle.raw import Card, GpuReading
from pod_agent.pod.preflight.gpu_look import read
from pod_agent.pod.preflight.gpus import NO_BINDING, NO_LIBRARY, SILENT, Gpu, Gpus
from tests.fakes.clock import FakeClock
from tests.live import wait_for

BUSY = Gpu(0, "NVIDIA L4", 24 << 30, 20 << 30, 1, busy_percent=97)


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Gpus((BUSY,)), GpuReading((Card(0.97, 20 << 30, 1),))),
        (Gpus((Gpu(0, "slice"),)), GpuReading((Card(),))),
        (Gpus(()), GpuReading()),
        (Gpus(fault=NO_LIBRARY), GpuReading()),
        (Gpus(fault="no_driver"), GpuReading()),
        (Gpus(fault=NO_BINDING), UNTOLD),
        (Gpus(fault=SILENT), None),
        (Gpus(fault="mismatch"), None),
        (Gpus((BUSY, Gpu(1, fault="lost"))), None),
    ],
)
def test_what_the_driver_says(found, told):
    """No GPU is a value; a driver that does not answer, or has lost one, is unknown."""
    assert reading(found) == told


def test_the_program_s_line_is_read():
    """Utilisation comes in percent; a card that does not tell it has none."""
    line = b'{"gpus": [{"index": 0, "name": "L4", "busy": 3}, {"index": 1, "name": "L4", "busy": null}]}\n'
    assert [gpu.busy_percent for gpu in read(line).found] == [3, None]


class Driver:
    """Answers when it is let."""

    def __init__(self):
        self.asked = 0
        self.answers = threading.Event()
        self.says = Gpus((BUSY,))

    def __call__(self, _environment):
        self.asked += 1
        self.answers.wait(20)
        return self.says


def asked(clock, driver, **more):
    given = {"has_devices": True, "is_resting": lambda: True, **more}
    return Asked({}, clock, look=driver, **given)


def test_a_driver_is_asked_rarely_and_never_waited_for():
    """Unknown until it has answered; then its word stands for a while, and is unknown again when it is old."""
    clock, driver = FakeClock(), Driver()
    provider = asked(clock, driver)
    assert provider() is None
    clock.advance(61)
    assert provider() is None
    assert driver.asked == 1  # the first is under way
    driver.answers.set()
    wait_for("an answer", lambda: provider() is not None, every_s=0.01)
    assert provider().cards[0].busy == 0.97
    driver.answers.clear()
    clock.advance(61)
    provider()
    wait_for("asked again", lambda: driver.asked >= 2, every_s=0.01)
    clock.advance(151)
    assert provider() is None
    driver.answers.set()


def test_where_nobody_is_asked():
    """A simulated pod's GPUs compute nothing, a pod without devices has none, and a running job is not disturbed."""
    clock, driver = FakeClock(), Driver()
    assert asked(clock, driver, pretended=2)() == GpuReading((Card(0.0), Card(0.0)))
    assert asked(clock, driver, has_devices=False)() == GpuReading()
    assert asked(clock, driver, is_resting=lambda: False)() == UNASKED
    assert driver.asked == 0
