"""The files of a login: an environment that a shell reads back byte for byte, facts, configuration."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pod_agent.pod import sshd_config, sshd_login
from pod_wire.codec import from_json, to_json
from pod_wire.errors import BadInput
from pod_wire.status import JobStatus, Outcome, Phase, ServiceStatus, Status

READ = '. "$1"; shift; for name in "$@"; do eval "printf \'%s\\0\' \\"\\$$name\\""; done'
HERE = Path(sshd_login.__file__).parent


def read_back(shell, path, names):
    done = subprocess.run([shell, "-c", READ, "sh", path, *names], capture_output=True, check=True, env={})
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_values_reach_a_shell_byte_for_byte(shell, tmp_path):
    """Quotes, newlines, dollars, backquotes, bytes that are no UTF-8, and random mixtures of them."""
    seed = random.randrange(1 << 32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    hard = [
        "",
        "'",
        "''",
        '"',
        "$HOME",
        "`id`",
        "$(id)",
        "\\",
        "\\'",
        "a\nb\n",
        "é",
        "\udcff\udc80",
        "!x",
        "#",
        " ",
        "-n",
        "*",
    ]
    values = {f"V{i}": value for i, value in enumerate(hard)}
    values |= {f"R{i}": "".join(rng.choice(hard) for _ in range(9)) for i in range(60)}
    path = tmp_path / "environment"
    path.write_bytes(sshd_login.environment(values))
    wanted = [value.encode("utf-8", "surrogateescape") for value in values.values()]
    assert read_back(shell, path, values) == wanted


def test_what_belongs_to_the_session_and_what_no_shell_can_hold_is_left_out(tmp_path):
    """HOME, TERM and the shells' own are the session's; names that are no names break nothing."""
    theirs = {
        "HOME": "/x",
        "TERM": "x",
        "PPID": "1",
        "UID": "0",
        "IFS": "x",
        "SSH_CLIENT": "x",
        "pk_here": "x",
    }
    odd = {"a.b": "x", "BASH_FUNC_f%%": "() { :; }", "1a": "x", "a b": "x", "": "x", "é": "x", "a\n": "x"}
    text = sshd_login.environment({**theirs, **odd, "A": "1", "NUL": "a\0b"})
    assert text.splitlines()[1:] == [b"export A='1'"]


def status(**more):
    wanted = {"version": "1", "now": 1000.0, "phase": Phase.RUNNING, **more}
    return Status(**wanted)


def line(tmp_path, shown, told_at=1000.0, agent=None):
    """What the login says about this status, at this very moment."""
    (tmp_path / "login").write_bytes((HERE / "sshd_login.sh").read_bytes())
    facts = sshd_login.facts(shown, Path("/workspace/it's"), agent or 1)
    (tmp_path / "facts").write_bytes(sshd_login.assignments(facts, told_at))
    argv = ["sh", str(tmp_path / "login"), "--line"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def now():
    return int(subprocess.run(["date", "+%s"], capture_output=True, check=True).stdout)


def test_the_banner_tells_phase_cost_and_stop(tmp_path):
    """Cost and time left are computed when somebody looks, from what was told when it changed."""
    job = JobStatus(name="demo", spec_hash="x", phase=Phase.RUNNING)
    at = now()
    shown = status(pod="abc", job=job, booted_at=at - 7200.0, price_per_hour=0.69, stops_at=at + 9030.0)
    said = line(tmp_path, shown)
    assert said.startswith("podkeep abc: job demo: running; $1.38 so far; stops in 2 h 30 min")
    ended = JobStatus(name="demo", spec_hash="x", phase=Phase.FINISHED, outcome=Outcome.FAILED)
    shown = status(job=ended, phase=Phase.FINISHED, stops_at=at + 300.0, stops_because="idle")
    assert line(tmp_path, shown).startswith("podkeep: job demo: finished, failed; stops in ")
    assert line(tmp_path, shown).endswith("(idle)\n")
    assert "stopping" in line(tmp_path, status(phase=Phase.STOPPING, stops_at=at - 5.0))
    assert line(tmp_path, status(phase=Phase.WAITING)) == "podkeep: waiting; no stop is due\n"


def test_the_banner_of_a_dead_agent_says_so(tmp_path):
    """Its last facts are told with their age; without any there is a sentence too."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    said = line(tmp_path, status(), told_at=now() - 600.0, agent=gone.pid)
    assert said.rstrip().endswith("the agent does not run, this was 10 min ago")
    (tmp_path / "facts").unlink()
    argv = ["sh", str(tmp_path / "login"), "--line"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert told == "podkeep: the agent has told nothing yet\n"


def test_words_of_a_job_run_nothing_in_the_banner(tmp_path):
    """A reason full of shell and terminal signs is text."""
    nasty = "$(touch x) `touch x` '; touch x; \x1b[2J\n"
    said = line(tmp_path, status(pod=nasty, stops_at=2e9, stops_because=nasty))
    assert "$(touch x) `touch x` '; touch x;  [2J" in said
    assert "\x1b" not in said


def test_facts_are_written_again_only_when_they_are_news():
    """A stop that is counted anew each time, by parts of a second, is none."""
    one = sshd_login.facts(status(stops_at=5000.0, stops_because="idle"), Path("/w"), 7)
    two = sshd_login.facts(status(stops_at=5001.9, stops_because="idle"), Path("/w"), 7)
    three = sshd_login.facts(status(stops_at=5060.0, stops_because="idle"), Path("/w"), 7)
    other = sshd_login.facts(status(phase=Phase.WAITING), Path("/w"), 7)
    assert [sshd_login.is_news(one, it) for it in (one, two, three, other)] == [False, False, True, True]
    assert sshd_login.is_news({}, one)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"stops_because": "idle", "phase": Phase.WAITING}, "POD_IDLE_MINUTES=0"),
        ({"stops_because": "deadline"}, "POD_MAX_HOURS"),
        ({"stops_because": "hold", "phase": Phase.FINISHED}, "pod-client up again"),
        ({"phase": Phase.STOPPING}, "save what you need"),
        ({}, "POD_ON_FINISH=keep"),
        ({"phase": Phase.WAITING}, ""),
    ],
)
def test_how_to_keep_the_pod_depends_on_what_ends_it(more, words):
    """The remedy is one that works for that stop."""
    assert words in sshd_login.facts(status(**more), Path("/w"), 7)["keep"]


def test_a_configuration_lets_nobody_in_by_password():
    """And names our files only."""
    wanted = sshd_config.Sshd(
        2222, Path("/d/key"), ("/r/a keys", "%h/.ssh/authorized_keys"), "root", "internal-sftp"
    )
    lines = sshd_config.text(wanted).decode().splitlines()
    for line in (
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin prohibit-password",
    ):
        assert line in lines
    assert 'AuthorizedKeysFile "/r/a keys" %h/.ssh/authorized_keys' in lines
    assert "UsePAM no" in lines
    assert "Port 2222" in lines


def test_a_path_cannot_become_a_directive():
    """A newline or a quote in a folder's name is refused."""
    for name in ("/r/x\nPasswordAuthentication yes", '/r/"x', "/r/\\x"):
        with pytest.raises(BadInput, match="cannot configure sshd"):
            sshd_config.text(sshd_config.Sshd(22, Path(name), (), "root", "x"))


@pytest.mark.parametrize(
    ("shadow", "locked"),
    [
        ("root:*:19000:0:::::", False),
        ("root:!:19000::::::", True),
        ("rooty:!:1\nroot:$y$x:1", False),
        ("", False),
    ],
)
def test_a_locked_password_is_noticed(shadow, locked):
    """sshd without PAM would let nobody into such an account, not even by key."""
    assert sshd_config.is_locked(shadow, "root") is locked


def test_an_older_client_reads_a_status_with_services():
    """And a newer word for a state is a word."""
    told = status(services=(ServiceStatus("sshd", "a state of tomorrow", 1.0),))
    assert from_json(Status, to_json(told)) == told
    assert from_json(Status, to_json(told).replace(b'"services"', b'"unheard_of"')).services == ()


def test_the_scripts_are_clean():
    """Nothing for shellcheck to say; `.ci/run` installs it."""
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not here: apt-get install shellcheck")
    scripts = sorted(str(path) for path in HERE.glob("sshd_*.sh"))
    assert len(scripts) == 2
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
