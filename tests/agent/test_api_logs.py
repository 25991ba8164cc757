"""Log bytes over HTTP: ranges, following, and every way in which a stream ends."""

from __future__ import annotations

import datetime as dt
import http.client
import os
import random
import resource
import shutil
import threading
import time
from pathlib import Path

import pytest

from pod_wire.status import Phase
from tests import busy
from tests.agent.live_api import serving
from tests.live import wait_for

SECRET = "hf_abcdefghijkl"


@pytest.fixture
def api(tmp_path):
    with serving(tmp_path, secrets=(SECRET,)) as running:
        running.log.create()
        yield running


class Stream(threading.Thread):
    """A follower: what it got so far, and whether its answer has ended cleanly."""

    def __init__(self, api, path="/logs?follow=1"):
        super().__init__(daemon=True)
        self.answer = api.open("GET", path)
        self.got = b""
        self.ended = False
        self.start()

    def run(self):
        try:
            while data := self.answer.read1(1 << 20):
                self.got += data
            self.ended = True
        except (http.client.HTTPException, OSError, ValueError, AttributeError):  # or hung up by the test
            self.ended = False


def test_a_range_is_exact_and_says_where_it_is(api):
    """Raw bytes with id, start and end; not to be stored, sniffed or buffered."""
    api.log.append(bytes(range(256)))
    reply = api.get("/logs?offset=10&limit=20")
    assert reply.body == bytes(range(10, 30))
    assert reply.headers["podkeep-log"] == api.log.id
    assert reply.headers["podkeep-log-start"] == "10"
    assert reply.headers["podkeep-log-end"] == "256"
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["x-accel-buffering"] == "no"
    assert api.get("/jobs/j1/logs").body == bytes(range(256))
    assert api.get("/logs?offset=256").body == b""


def test_an_offset_behind_the_end_is_416_with_id_and_end(api):
    """The client learns whether it is another log or a shorter one."""
    api.log.append(b"12345")
    for follow in ("", "&follow=1"):
        reply = api.get(f"/logs?offset=6{follow}")
        assert reply.status == 416
        assert reply.headers["podkeep-log"] == api.log.id
        assert reply.headers["podkeep-log-end"] == "5"
        assert api.log.id in reply.json()["detail"]


def test_the_tail_and_a_moment_choose_the_beginning(api):
    """``tail`` counts lines, ``since`` takes epoch seconds or ISO time with or without a zone."""
    api.log.append(b"one\ntwo\nthree\n")
    assert api.get("/logs?tail=2").body == b"two\nthree\n"
    moment = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    api.log.index.note(moment.timestamp(), 4)
    for when in (
        str(moment.timestamp()),
        "2026-01-31T12:00:00Z",
        "2026-01-31T13:00:00+01:00",
        "2026-01-31T12:00",
    ):
        assert api.get(f"/logs?since={when}").body == b"two\nthree\n"
    assert api.get("/logs?since=2026-01-31T11:59:59").body == b"one\ntwo\nthree\n"


def test_ranges_and_streams_are_masked(api):
    """The secret leaves as stars, also when the range begins inside it, and offsets stay true."""
    api.log.append(b"a " + SECRET.encode() + b" b\n")
    assert api.get("/logs").body == b"a *************** b\n"
    assert api.get("/logs?offset=5").body == b"************ b\n"
    api.live = False
    api.enter(Phase.FINISHED)
    assert api.get("/logs?follow=1&offset=5").body == b"************ b\n"


def test_a_big_range_comes_whole(api):
    """Many blocks, the last one short, with its length announced."""
    data = os.urandom((5 << 20) + 12345) + b"\n"  # a last byte that no secret begins with: else it waits
    api.log.append(data)
    reply = api.get("/logs")
    assert reply.headers["content-length"] == str(len(data))
    assert reply.body == data


def test_a_follower_gets_lines_as_they_come(api):
    """From its offset on, within milliseconds, with no end announced."""
    api.log.append(b"before\n")
    stream = Stream(api, "/logs?follow=1&offset=7")
    assert "Podkeep-Log-End" not in stream.answer.headers
    api.log.append(b"one\n")
    wait_for("the line", lambda: stream.got == b"one\n", every_s=0.005)
    api.log.append(b"two\n")
    wait_for("the next", lambda: stream.got == b"one\ntwo\n", every_s=0.005)
    assert not stream.ended


def test_following_ends_at_once_when_the_job_is_over_and_all_was_sent(api):
    """Neither earlier, while the job is draining, nor a poll later."""
    stream = Stream(api)
    api.log.append(b"EXIT_CODE=0\n")
    api.live = False
    api.enter(Phase.DRAINING)
    api.server.wake()
    time.sleep(0.15)
    assert not stream.ended
    api.log.append(b"drained\n")
    watch = busy.Watch()
    api.enter(Phase.FINISHED)
    api.server.wake()
    stream.join(50)
    assert stream.ended
    assert not watch.was_too_long(0.5)
    assert stream.got == b"EXIT_CODE=0\ndrained\n"


def test_the_end_is_noticed_without_being_told(api):
    """When nobody wakes the followers they look for themselves, long before the answer would end."""
    stream = Stream(api)
    api.log.append(b"x\n")
    api.live = False
    api.enter(Phase.FINISHED)
    stream.join(20)
    assert stream.ended


def test_following_a_job_that_is_over_gives_the_rest_and_ends(api):
    """No waiting for what will never come."""
    api.log.append(b"all\n")
    api.live = False
    api.enter(Phase.STOPPING)
    began = time.monotonic()
    assert api.get("/logs?follow=1").body == b"all\n"
    assert time.monotonic() - began < 5  # else it follows for 85 s


def test_following_ends_itself_before_the_proxy_would(tmp_path):
    """After its seconds the answer is completed, and the next one goes on at the offset."""
    with serving(tmp_path, follow_seconds=0.4) as api:
        api.log.append(b"first\n")
        began = time.monotonic()
        assert api.get("/logs?follow=1").body == b"first\n"
        assert 0.35 < time.monotonic() - began < 20
        api.log.append(b"second\n")
        assert api.get("/logs?follow=1&offset=6").body == b"second\n"


def test_following_stops_at_its_limit(api):
    """As many bytes as asked for, whether there already or not."""
    api.log.append(b"0123")
    stream = Stream(api, "/logs?follow=1&offset=2&limit=4")
    wait_for("the first half", lambda: stream.got == b"23")
    api.log.append(b"456789")
    stream.join(20)
    assert (stream.got, stream.ended) == (b"2345", True)


def test_a_replaced_log_ends_the_stream_and_the_next_answer_has_a_new_id(api):
    """A client that sees another id begins at 0."""
    api.log.append(b"old\n")
    stream = Stream(api)
    wait_for("the old log", lambda: stream.got == b"old\n")
    before = api.log.id
    shutil.rmtree(api.log.path.parent)
    api.log.append(b"new\n")
    stream.join(20)
    assert (stream.got, stream.ended) == (b"old\n", True)
    reply = api.get("/logs?offset=4")
    assert reply.headers["podkeep-log"] != before
    assert api.get("/logs").body == b"new\n"


def test_a_truncated_log_ends_the_stream_and_says_so_next(api):
    """Somebody else's truncation is a 416 that names the end to go on from."""
    api.log.append(b"0123456789\n")
    stream = Stream(api)
    wait_for("the log", lambda: len(stream.got) == 11)
    os.truncate(api.log.path, 4)
    stream.join(20)
    assert stream.ended
    reply = api.get("/logs?follow=1&offset=11")
    assert (reply.status, reply.headers["podkeep-log-end"]) == (416, "4")


def test_a_job_without_a_log_yet_is_404(tmp_path):
    """The job is known, its log is not begun: ask again."""
    with serving(tmp_path) as api:
        reply = api.get("/logs?follow=1")
        assert reply.status == 404
        assert reply.json()["remedy"]


def test_a_follower_that_leaves_is_forgotten(api):
    """Its descriptors are closed within a moment."""
    api.log.append(b"x\n")
    api.get("/logs")
    before = descriptors()
    streams = [Stream(api) for _ in range(5)]
    wait_for("five followers", lambda: api.server.followers == 5)
    for stream in streams:
        stream.answer.fp.raw._sock.shutdown(2)
        stream.join(20)
    api.hang_up()
    wait_for("no follower", lambda: api.server.followers == 0)
    wait_for("no descriptor more", lambda: descriptors() <= before)


def test_over_a_hundred_cuts_nothing_is_lost_or_repeated(api):
    """Each cut while bytes are owed; what was read in all is the masked log (seeded)."""
    seeded = random.Random(7)
    lines = [b"line %d %s\n" % (n, SECRET.encode() if n % 7 == 0 else b"-") for n in range(10_000)]
    whole = api.masker.mask(b"".join(lines))
    writer = threading.Thread(target=write_in_steps, args=(api, lines))
    writer.start()
    got, cuts = b"", 0
    while len(got) < len(whole):
        answer = api.open("GET", f"/logs?follow=1&offset={len(got)}")
        assert answer.status == 200
        most = seeded.randrange(1, 2 * len(whole) // 100)
        while most > 0 and (data := answer.read1(min(most, 65536))):
            got += data
            most -= len(data)
        cuts += 0 < len(got) < len(whole)
        api.hang_up()
    writer.join()
    assert got == whole
    assert cuts >= 80


def write_in_steps(api, lines):
    """Pieces that end anywhere, also inside a secret; then the job is over."""
    text = b"".join(lines)
    step = len(text) // 200 + 1
    for at in range(0, len(text), step):
        api.log.append(text[at : at + step])
        time.sleep(0.0005)
    api.live = False
    api.enter(Phase.FINISHED)


def test_too_many_followers_are_sent_away_with_a_time(api):
    """The 65th is 429 and told when to come back; reading by offset still works."""
    streams = [Stream(api) for _ in range(64)]
    wait_for("64 followers", lambda: api.server.followers == 64)
    reply = api.get("/logs?follow=1")
    assert (reply.status, reply.headers["retry-after"]) == (429, "5")
    assert api.get("/logs").status == 200
    api.server.finish()
    for stream in streams:
        stream.join(20)
        assert stream.ended


def test_a_reader_that_does_not_read_costs_little_memory(api):
    """A gigabyte-long line waits in the file, not in the agent."""
    with api.log.path.open("r+b") as file:
        file.truncate(1 << 30)
    api.get("/logs?limit=3000000")
    before = resident_bytes()
    answers = [api.open("GET", "/logs"), api.open("GET", "/logs?follow=1")]
    time.sleep(0.5)
    assert resident_bytes() - before < 30 << 20
    for answer in answers:
        answer.read(1 << 20)
        answer.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 400 << 10


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))
