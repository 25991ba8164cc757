"""What is no archive, or a strange one: said in words that name what it is, and never mistaken for another thing."""

from __future__ import annotations

import pytest

from pod_agent.run.work import StepFailed
from tests.agent.sources import Place, kept, tar
from tests.story.seen import dice


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_noise_is_no_archive(place):
    """A web page, nothing and random bytes each get their reason."""
    noise = dice("noise").randbytes(4000)
    for data, words in (
        (b"<!DOCTYPE html><html>", "web page"),
        (b"<" + noise, "damaged"),
        (noise, "damaged"),
        (b"", "damaged"),
    ):
        with pytest.raises(StepFailed, match=words):
            place.sync(kept(place, data))
    with pytest.raises(StepFailed, match="empty"):
        place.sync(kept(place, tar({})))
    with pytest.raises(StepFailed, match="no such file on the pod"):
        place.sync("/nowhere/x.tar.gz")


def test_a_name_that_begins_as_a_web_page_does_is_a_name(place):
    """A tar begins with the name of what it holds first."""
    place.sync(kept(place, tar({"<a>.py": "a"}, "", top="")))
    assert place.files() == {"<a>.py": "a"}


def test_a_name_that_no_disk_takes_is_said(place):
    """A name of three hundred letters ends in words, not in a traceback."""
    with pytest.raises(StepFailed, match="cannot"):
        place.sync(kept(place, tar({"x" * 300: "y"})))
