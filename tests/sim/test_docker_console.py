"""A container's output comes to the console each byte once, wherever a simulator was killed; no engine is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pod_sim.backends.docker_console import MARK, Pump

WHOLE = b"".join(b"line %d\n" % number for number in range(100))


class Told:
    """An engine that tells a container's output in pieces of this size, always from its beginning."""

    def __init__(self, size: int, whole: bytes = WHOLE) -> None:
        self.size, self.whole = size, whole

    def output(self, _: str, *, follow: bool) -> Iterator[bytes]:
        del follow
        yield from (self.whole[at : at + self.size] for at in range(0, len(self.whole), self.size))


class Killed(Exception):
    """Here the simulator dies."""


class Dying(Pump):
    """It dies at this step: before or after one of its writes, or in the middle of one."""

    steps_left = 0
    takes: float = 0.0

    def _step(self) -> None:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise Killed

    def _note(self, *words: int) -> None:
        self._step()
        super()._note(*words)

    def _append(self, console: int, data: bytes) -> None:
        try:
            self._step()
        except Killed:
            super()._append(console, data[: int(len(data) * self.takes)])
            raise
        super()._append(console, data)


def copied(folder: Path) -> bytes:
    return (folder / "console.log").read_bytes()


@pytest.mark.parametrize("takes", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("steps", range(12))
def test_a_death_at_any_step_costs_no_byte_and_brings_none_twice(tmp_path, steps, takes):
    """The next one goes on with the very byte, whatever pieces the engine tells it in."""
    dying = Dying(Told(64), "c1", tmp_path)
    dying.steps_left, dying.takes = steps, takes
    with pytest.raises(Killed):
        dying.copy(follow=True)
    Pump(Told(50), "c1", tmp_path).copy(follow=False)
    assert copied(tmp_path) == WHOLE


def test_what_is_copied_is_not_copied_again(tmp_path):
    """Also where the console was cut meanwhile, or the container wrote on."""
    Pump(Told(64), "c1", tmp_path).copy(follow=True)
    os.truncate(tmp_path / "console.log", 0)
    Pump(Told(64, WHOLE + b"more\n"), "c1", tmp_path).copy(follow=True)
    assert copied(tmp_path) == b"more\n"


def test_another_container_is_copied_from_its_beginning(tmp_path):
    """Its output follows that of the one before; so it is after a mark that nobody understands."""
    for container in ("c1", "c2"):
        Pump(Told(64), container, tmp_path).copy(follow=True)
    (tmp_path / MARK).write_bytes(b"c2 12\n")
    Pump(Told(64), "c2", tmp_path).copy(follow=True)
    assert copied(tmp_path) == WHOLE * 3
