"""The job's value."""

import dataclasses

import pytest

from pod_wire.frozen import dataclass
from pod_wire.job import ExitPolicy, JobSpec

PLAIN = JobSpec("a", "python x")
OTHER = {
    "name": "b",
    "command": "python y",
    "on_finish": ExitPolicy.KEEP,
    "on_failure": ExitPolicy.EXIT,
    "signal": "INT",
    "subdir": "x",
    "fresh": True,
    "rehearse": True,
    "ephemeral": True,
    "idle_minutes": 1.0,
    "max_hours": 1.0,
    "max_restarts": 1,
    "hold_minutes": 1.0,
    "stall_minutes": 1.0,
}


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(JobSpec)])
def test_the_hash_changes_with_every_field(name):
    """Two jobs that differ in anything have different hashes."""
    other = dataclasses.replace(PLAIN, **{name: OTHER.get(name, "")})
    assert other != PLAIN
    assert other.spec_hash() != PLAIN.spec_hash()


def test_the_hash_stays():
    """The hash is kept on disks and in environments, so it must not move between versions."""
    assert PLAIN.spec_hash() == JobSpec("a", "python x").spec_hash() == "2c476ec53c0e82de"


def test_a_field_of_a_later_version_leaves_older_hashes_alone():
    """What stands at its default does not count: a finished job is the same job after an update of the image."""

    @dataclass(frozen=True, slots=True)
    class LaterSpec(JobSpec):
        later: str | None = None

    assert LaterSpec("a", "python x").spec_hash() == PLAIN.spec_hash()
    assert LaterSpec("a", "python x", later="new").spec_hash() != PLAIN.spec_hash()
