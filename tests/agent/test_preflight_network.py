"""The checks of the network before a training: names, the pace at which things come, the clock by an answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pod_agent.pod.myself import Myself
from pod_agent.pod.preflight import clock, names, pace
from pod_agent.pod.preflight.names import Name
from pod_agent.pod.preflight.verdict import FINE, Level
from pod_agent.settings import Settings
from pod_wire.errors import Unreachable
from pod_wire.runpod.transport import Answer
from pod_wire.secrets import Secret
from pod_wire.status import SelfStop
from tests.fakes.clock import FakeClock

NOW = 1_800_000_000.0
API = "https://api.runpod.io/v2"


@pytest.mark.parametrize(
    ("repo", "environment", "hosts"),
    [
        (None, {}, ["api.runpod.io"]),
        ("https://github.com/me/it", {}, ["github.com*", "api.runpod.io"]),
        ("git@git.example.org:me/it.git", {}, ["git.example.org*", "api.runpod.io"]),
        ("ssh://git@git.example.org:2222/it", {}, ["git.example.org*", "api.runpod.io"]),
        ("hf://datasets/me/it", {}, ["huggingface.co*", "api.runpod.io"]),
        (
            "hf://datasets/me/it",
            {"HF_ENDPOINT": "http://hub.example.org:80"},
            ["hub.example.org*", "api.runpod.io"],
        ),
        ("/workspace/it", {"HF_TOKEN": "x"}, ["huggingface.co", "api.runpod.io"]),
        ("tree:" + "0" * 64, {}, ["api.runpod.io"]),
        ("s3://bucket", {}, ["api.runpod.io"]),
        (
            "https://api.runpod.io/me/it",
            {
                "PIP_EXTRA_INDEX_URL": "https://u:p@one.example.org/simple https://two.example.org",
                "PIP_INDEX_URL": "[",
            },
            ["api.runpod.io*", "one.example.org", "two.example.org"],
        ),
        (
            "https://github.com/me/it",
            {"https_proxy": "http://u:p@proxy.example.org:3128", "PIP_INDEX_URL": "https://one.example.org"},
            ["proxy.example.org*"],
        ),
        (None, {"HTTPS_PROXY": "proxy.example.org:3128"}, ["proxy.example.org"]),
    ],
)
def test_the_names_that_a_job_needs(repo, environment, hosts):
    """Hosts of the code, configured indexes, the Hub when it is used, RunPod; behind a proxy only its own."""
    found = names.needed(repo, environment, API)
    assert [name.host + "*" * name.is_code for name in found] == hosts


class Resolver:
    """Knows a name after so many refusals."""

    def __init__(self, refusals, error=None):
        self.left = refusals
        self.error = error or socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    def __call__(self, _host):
        self.left -= 1
        if self.left >= 0:
            raise self.error


@pytest.mark.parametrize(
    ("refusals", "error", "waited"),
    [(0, None, 0.0), (1, None, 1.0), (4, None, 27.0), (9, "Temporary failure in name resolution", 27.0)],
)
def test_a_name_is_asked_for_several_times(refusals, error, waited):
    """DNS that comes back within half a minute costs nothing but that."""
    time = FakeClock()
    assert names.look(Name("host.example.org", "the code"), time, Resolver(refusals)) == error
    assert sum(time.sleeps) == waited


def test_odd_names_end_in_words():
    """A label that no DNS can carry is an error as well; and who needs it no more asks no more."""
    odd = names.look(Name("x" * 70 + ".example.org", "the code"), FakeClock())
    assert odd
    time = FakeClock()
    assert names.look(Name("host", "the code"), time, Resolver(9), lambda: True)
    assert time.sleeps == []


@pytest.mark.parametrize(
    ("is_code", "must_fetch", "level"),
    [(True, True, Level.FAILURE), (True, False, Level.WARNING), (False, True, Level.WARNING)],
)
def test_only_the_codes_name_is_worth_a_job(is_code, must_fetch, level):
    """A name that does not resolve ends the job where its code has to come from there, and is a warning elsewhere."""
    found = names.judge(Name("git.example.org", "the code", is_code), "no such host", must_fetch=must_fetch)
    assert found.level is level
    assert "git.example.org (the code) does not resolve" in found.reason
    assert names.judge(Name("git.example.org", "the code", is_code), None, must_fetch=must_fetch) == FINE


@pytest.mark.parametrize("repo", ["git@work:me/it.git", "ssh://git@work/it"])
def test_a_name_that_only_ssh_may_know_ends_no_job(repo):
    """Its configuration may hold the name: nothing is said once the code has come, and before it is a warning."""
    name = names.needed(repo, {}, API)[0]
    assert names.judge(name, "no such host", must_fetch=True).level is Level.WARNING
    assert names.judge(name, "no such host", must_fetch=False) == FINE


CARDS = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo: 9000000      10    0    0    0     0          0         0  9000000      10
  eth0: 1500      3    0    0    0     0          0         0      700       7
  eth1:500 1 0 0 0 0 0 0 1 1
  bad: x
"""


def test_the_cards_bytes_are_added_up():
    """All cards but the loopback; lines that make no sense count nothing."""
    assert pace.received(CARDS) == 2000
    assert pace.received("") == 0


def steady(rate, seconds, rest=0):
    """A sample a second."""
    came = [(float(second), int(rate * second)) for second in range(seconds + 1)]
    return came + [(seconds + 1.0 + second, came[-1][1]) for second in range(rest)]


@pytest.mark.parametrize(
    ("samples", "level"),
    [
        ((), Level.FINE),
        (steady(0.4e6, 60), Level.WARNING),
        (steady(0.4e6, 60, rest=600), Level.WARNING),
        (steady(0.4e6, 20), Level.FINE),  # too little came to tell
        (steady(30e6, 20), Level.FINE),
        (steady(30e6, 3), Level.FINE),
        (
            [
                *steady(0.1e6, 600),
                *((600 + second, 60_000_000 + 8_000_000 * second) for second in range(1, 7)),
            ],
            Level.FINE,
        ),
    ],
)
def test_a_slow_network_is_told_from_what_came(samples, level):
    """A good deal that never came faster than 1 MB/s over five seconds; a burst clears the host."""
    found = pace.judge(samples, price=1.2)
    assert found.level is level
    if level is Level.WARNING:
        assert "at 0.4 MB/s at best" in found.reason
        assert found.remedy.endswith(("60 s, $0.02", "11 min, $0.22"))


class Runpod:
    """A transport whose answers bear a date, or that reaches nobody."""

    def __init__(self, date):
        self.date = date

    def send(self, *_):
        if self.date is None:
            raise Unreachable("cannot reach api.runpod.io: no answer within 20 s")
        return Answer(200, {"date": self.date}, b"{}")


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (0, ""),
        (250, ""),
        (-250, ""),
        (3600, "60 minutes ahead"),
        (-6 * 3600, "6 hours behind"),
        (-400 * 86400, "400 days behind"),
    ],
)
def test_the_clock_against_runpods_answers(ahead, words):
    """Minutes are let pass; a clock that breaks TLS and signatures is a warning that says how far it is off."""
    wire = clock.Dated(Runpod(formatdate(NOW - ahead, usegmt=True)), FakeClock(NOW))
    wire.send("GET", API, {}, None, 1.0)
    found = clock.judge(wire.off_s)
    assert found.level is (Level.WARNING if words else Level.FINE)
    assert words in found.reason


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Thu, 99 Jan 2026 00:00:00 GMT", "Mon, 01 Jan 99999 00:00:00 GMT"]
)
def test_a_date_that_is_none_tells_nothing(date):
    """An odd header is no reason for a warning."""
    wire = clock.Dated(Runpod(date), FakeClock(NOW))
    wire.send("GET", API, {}, None, 1.0)
    assert clock.judge(wire.off_s) == FINE


def test_a_certificate_of_another_time_betrays_the_clock():
    """Where TLS itself fails on the date there is no answer to read it from, and the refusal tells."""
    wire = clock.Dated(Runpod(None), FakeClock(NOW))
    with pytest.raises(Unreachable):
        wire.send("GET", API, {}, None, 1.0)
    refusal = "cannot reach api.runpod.io: its certificate was not accepted: certificate is not yet valid"
    assert "clock may be wrong" in clock.judge(wire.off_s, refusal).reason
    assert clock.judge(None, "cannot reach api.runpod.io: no answer") == FINE


class OtherTime(BaseHTTPRequestHandler):
    """RunPod, seen from a pod whose clock is two hours ahead."""

    def do_GET(self):
        body = json.dumps({"id": "pod-a", "name": "a", "status": "RUNNING"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp=None):
        return formatdate((timestamp or time.time()) - 7200, usegmt=True)

    def log_message(self, *_):
        pass


def test_the_look_at_ourselves_tells_the_clock_too():
    """The answer that arms the pod is the one whose date is read: nothing more is asked of RunPod."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OtherTime) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v2"
        settings = Settings(pod_id="pod-a", api_key=Secret("rpa_key_of_the_pod"), runpod_url=url)
        found = Myself(settings).look()
        server.shutdown()
    assert found.self_stop is SelfStop.PROVED
    assert "the pod's clock is 2 hours ahead" in found.clock_words
    assert Myself(Settings()).look().clock_words == ""
