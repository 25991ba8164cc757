"""sshd over the lives of agents, containers and pods: a login survives them, the host key stays, changed keys count."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.agent.agent_process import is_alive
from tests.agent.ssh_place import HAS_TERMINALS, SshPlace
from tests.agent.test_sshd_keys import GOOD
from tests.fakes import hung_mount
from tests.fakes.ssh_host import SSHD
from tests.live import wait_for

LACKING = not Path(SSHD).exists() or shutil.which("tmux") is None
pytestmark = [pytest.mark.slow, pytest.mark.skipif(LACKING, reason="needs openssh-server and tmux")]


@pytest.fixture
def place():
    made = []

    def make(**env):
        made.append(SshPlace(**env))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_an_open_session_outlives_the_agent(place):
    """The agent is killed and begun again: the session, its sshd and the count of restarts are the same."""
    here = place()
    before = here.start()
    session = subprocess.Popen(here.argv("127.0.0.1", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        session.stdin.write(b"one\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"one\n"
        here.agent.kill()
        assert here.say("echo without an agent") == "without an agent\n"
        after = here.start()
        assert (after["pid"], after["since"], after["restarts"]) == (before["pid"], before["since"], 0)
        session.stdin.write(b"two\n")
        session.stdin.close()
        assert session.stdout.read() == b"two\n"
        assert session.wait(60) == 0
    finally:
        session.kill()
        session.wait(60)
        session.stdout.close()


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_a_login_with_the_agent_dead_says_so_and_has_the_job_s_environment(place):
    """Files are all that a login needs; the next agent keeps what its predecessor told of the job."""
    here = place(HARD="it's")
    here.start()
    here.training()
    here.agent.kill()
    done = here.ssh("-tt", "127.0.0.1", stdin=b'echo "[$HARD$PYTHONUNBUFFERED]"; exit\n')
    assert b"[it's1]" in done.stdout
    assert b"the agent does not run, this was" in done.stdout
    here.start()
    assert here.say("echo $PYTHONUNBUFFERED") == "1\n"


def test_an_sshd_that_is_killed_comes_back_and_its_sessions_stay(place):
    """With its pause, its count, and the same host key."""
    here = place()
    before = here.start()
    session = subprocess.Popen(here.argv("127.0.0.1", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        session.stdin.write(b"one\n")
        session.stdin.flush()
        assert session.stdout.readline() == b"one\n"
        os.kill(before["pid"], signal.SIGKILL)
        after = here.until("running", lambda one: one["restarts"] == 1)
        assert after["pid"] != before["pid"]
        assert after["words"].startswith("it was ended by signal SIGKILL")
        assert session.communicate(b"two\n", timeout=60)[0] == b"two\n"
        assert here.say("echo in") == "in\n"
        assert len((here.folder / "known_hosts").read_text().splitlines()) == 1
    finally:
        session.kill()
        session.wait(60)


def test_the_host_key_outlives_the_container(place):
    """A new container disk and run folder beside the same workspace: a strict client does not scream."""
    here = place()
    first = here.start()
    assert here.say("echo one") == "one\n"
    here.agent.kill(signal.SIGTERM)
    wait_for("sshd has gone with the agent", lambda: not is_alive(first["pid"]))
    shutil.rmtree(here.agent.folder / "disk")
    shutil.rmtree(here.run_dir)
    here.start()
    strict = here.ssh("-o", "StrictHostKeyChecking=yes", "127.0.0.1", "echo two")
    assert strict.stdout == b"two\n"


def test_changed_keys_count_at_once(place):
    """An agent begun with other keys: the new one opens, the old one no longer, and no open session is cut."""
    here = place()
    before = here.start()
    here.agent.kill()
    here.agent.env["PUBLIC_KEY"] = here.public("other")
    after = here.start()
    assert after["pid"] == before["pid"]
    assert here.say("echo in", key="other") == "in\n"
    assert b"Permission denied" in here.ssh("127.0.0.1", "true").stderr


def test_without_keys_there_is_no_sshd_any_more(place):
    """One that an earlier agent began is ended; the status says where a key would go."""
    here = place()
    before = here.start()
    here.agent.kill()
    del here.agent.env["PUBLIC_KEY"]
    off = here.start("off")
    assert "no public key in PUBLIC_KEY, SSH_PUBLIC_KEY, AUTHORIZED_KEYS" in off["words"]
    wait_for("the old one has gone", lambda: not is_alive(before["pid"]))
    assert not here.answers()


def test_a_key_in_the_user_s_own_file_is_a_key(place):
    """An image or a person has put it there: sshd runs without any variable."""
    here = place(PUBLIC_KEY="")
    own = here.agent.folder / ".ssh" / "authorized_keys"
    own.parent.mkdir()
    own.write_text(f"# mine\n{here.public()}\n")
    here.start()
    assert here.say("echo in") == "in\n"


def test_a_bad_line_among_good_ones_is_named_and_skipped(place):
    """Both good keys open; the warning has the variable and the number, and nothing of the line."""
    here = place(PUBLIC_KEY="")
    bad = GOOD[:-40]
    here.agent.env["SSH_PUBLIC_KEY"] = f"{here.public()}\\n{bad}\\n{here.public('second')}"
    here.start()
    assert here.say("echo in") == here.say("echo in", key="second") == "in\n"
    told = here.agent.until("the warning", lambda status: "public keys" in str(status["warnings"]))
    warning = next(text for text in told["warnings"] if "public keys" in text)
    assert "SSH_PUBLIC_KEY, line 2: a key that is cut off or damaged" in warning
    assert bad not in here.agent.said()


def test_a_private_key_is_named_and_shown_nowhere(place):
    """Pasted before the public one: the login works, and no line of the private key is told by status, log or agent."""
    here = place(PUBLIC_KEY="")
    private = (here.folder / "mine").read_text()
    here.agent.env["PUBLIC_KEY"] = f"{private}{here.public()}\n"
    here.start()
    assert here.say("echo in") == "in\n"
    here.agent.until(
        "the warning", lambda status: "PUBLIC_KEY, line 1: a private key" in str(status["warnings"])
    )
    here.training()
    shown = here.agent.said() + str(here.agent.status()) + here.agent.log().decode()
    shown += "".join(path.read_text() for path in (here.run_dir / "services").iterdir())
    assert not [line for line in private.splitlines()[1:-1] if line in shown]


def test_a_key_bound_to_a_command_gets_that_command(place):
    """Whatever the client asks for, and without our login."""
    here = place(PUBLIC_KEY="")
    here.agent.env["AUTHORIZED_KEYS"] = f'command="echo only this",no-pty {here.public()}'
    here.start()
    assert here.say("echo something else") == "only this\n"


def test_a_port_that_is_taken_is_a_pause_with_words(place):
    """Somebody else's sshd stands there: it is told, tried again, and the job runs on."""
    here = place()
    other = place()
    other.start()
    here.agent.env["PODKEEP_SSH_PORT"] = f"127.0.0.1:{other.ssh_port}"
    here.agent.start()
    here.until("pausing", lambda one: "in use" in one["words"] or "Cannot bind" in one["words"])
    here.agent.until("the job runs", lambda status: status["phase"] == "running")
    assert other.say("echo unharmed") == "unharmed\n"


def test_a_stop_of_the_agent_ends_sshd_quickly(place):
    """TERM leaves five seconds for everything; nothing of ours is left listening."""
    here = place()
    status = here.start()
    here.agent.kill(signal.SIGTERM)
    wait_for("sshd has gone with the agent", lambda: not is_alive(status["pid"]))
    assert not here.answers()


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_a_folder_that_is_gone_holds_no_login_up(place):
    """The shell begins at home and says so."""
    here = place()
    here.start()
    here.training()
    here.agent.kill()
    facts = here.run_dir / "ssh" / "facts"
    facts.write_text(facts.read_text().replace(str(here.agent.workspace), str(here.folder / "gone")))
    done = here.ssh("-tt", "127.0.0.1", stdin=b"echo [$PYTHONUNBUFFERED]; exit\n")
    assert b"is not there, or does not answer" in done.stdout
    assert b"[1]" in done.stdout


@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_hung_workspace_holds_nobody_up(place):
    """sshd has a host key of its own and says so; a login begins at home, with a banner."""
    here = place()
    with hung_mount.hung(here.agent.workspace):
        here.start()
        assert here.say("echo in") == "in\n"
        said = here.ssh("-tt", "127.0.0.1", stdin=b"echo [$SSH_CONNECTION]; exit\n").stdout.decode()
        assert "is not there, or does not answer" in said
        assert "[127.0.0.1 " in said
        warnings = here.agent.status()["warnings"]
        assert any("host key" in text and "no answer" in text for text in warnings)


@pytest.mark.skipif(not hung_mount.is_possible(), reason="needs root and /dev/fuse for a mount that hangs")
def test_a_workspace_that_hangs_later_cuts_nothing(place):
    """The agent is begun again beside it: sshd goes on, and lets people in."""
    here = place()
    before = here.start()
    assert here.say("echo one") == "one\n"
    here.agent.kill()
    with hung_mount.hung(here.agent.workspace):
        here.agent.start()
        here.until("running", lambda one: one["pid"] == before["pid"])
        assert here.ssh("-o", "StrictHostKeyChecking=yes", "127.0.0.1", "echo two").stdout == b"two\n"
