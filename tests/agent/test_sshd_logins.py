"""Real ssh, scp, rsync and sftp into a pod with a real agent and sshd: programs work unchanged, people land in tmux."""

from __future__ import annotations

import os
import pwd
import shutil
from pathlib import Path

import pytest

from tests.agent.agent_process import free_port
from tests.agent.ssh_place import HAS_TERMINALS, SshPlace
from tests.fakes.ssh_host import SSHD
from tests.live import wait_for

PROGRAMS = ("ssh", "scp", "sftp", "rsync", "tmux")
LACKING = [name for name in PROGRAMS if shutil.which(name) is None] + [SSHD] * (not Path(SSHD).exists())
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"needs openssh-server, openssh-client, rsync, tmux: {LACKING}"),
]
HARD = 'it\'s "a" $HOME `id` \\ \n two lines, é'


@pytest.fixture(scope="module")
def place():
    made = SshPlace(
        RUNPOD_POD_ID="abc123",
        RUNPOD_API_KEY="rpa_never_shown_to_anybody",
        POD_GIT_TOKEN="ghp_never_shown_to_anybody",
        RUNPOD_DC_ID="EU-RO-1",
        HARD=HARD,
        POD_PRICE="3.60",
        POD_RUNPOD_URL="http://127.0.0.1:9/v2",
        POD_REQUIREMENTS="",
    )
    try:
        made.start()
        made.training()
        yield made
    finally:
        made.close()


def test_a_command_says_what_it_says_and_nothing_else(place):
    """No banner, no tmux, its own exit code and streams, in the home as ever."""
    done = place.ssh("127.0.0.1", "echo out; echo err >&2; pwd; exit 7")
    assert done.returncode == 7
    assert done.stdout == f"out\n{pwd.getpwuid(os.geteuid()).pw_dir}\n".encode()
    assert b"err\n" in done.stderr
    assert b"podkeep" not in done.stdout + done.stderr


def test_bytes_go_through_as_they_are(place):
    """Stdin and stdout of a command are not touched: a megabyte of every byte comes back."""
    data = bytes(range(256)) * 4096
    assert place.ssh("127.0.0.1", "cat", stdin=data).stdout == data


def test_a_command_has_the_job_s_environment_and_none_of_our_tokens(place):
    """RunPod's variables and the user's, byte for byte; the pod's key, our token and the git login stay ours."""
    told = place.say("env -0").split("\0")
    assert f"HARD={HARD}" in told
    assert {"RUNPOD_POD_ID=abc123", "RUNPOD_DC_ID=EU-RO-1", "PYTHONUNBUFFERED=1"} <= set(told)
    names = {line.partition("=")[0] for line in told}
    assert not names & {"POD_TOKEN", "RUNPOD_API_KEY", "POD_GIT_TOKEN", "SSH_ORIGINAL_COMMAND"}
    assert "never_shown" not in "".join(told)
    assert {"SSH_CONNECTION", "HOME", "SHELL"} <= names


def test_files_for_logins_are_ours_alone(place):
    """The environment, the keys and the configuration are 0600 in a folder that nobody else may enter."""
    folder = place.run_dir / "ssh"
    assert folder.stat().st_mode & 0o777 == 0o700
    for name in ("environment", "facts", "authorized_keys", "sshd_config", "login"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert b"never_shown" not in b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("old_protocol", [[], ["-O"]])
def test_scp_brings_files_both_ways(place, tmp_path, old_protocol):
    """By sftp and by the old protocol."""
    data = os.urandom(300_000)
    (tmp_path / "a file").write_bytes(data)
    there = f"127.0.0.1:{tmp_path}/there"
    options = place.options()
    assert place.run("scp", *old_protocol, *options, str(tmp_path / "a file"), there).returncode == 0
    assert (tmp_path / "there").read_bytes() == data
    assert place.run("scp", *old_protocol, *options, there, str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back").read_bytes() == data


def test_rsync_brings_a_folder(place, tmp_path):
    """With its own program on the other side."""
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file").write_bytes(os.urandom(100_000))
    ssh = " ".join(["ssh", *place.options()])
    done = place.run("rsync", "-a", "-e", ssh, f"{tmp_path}/from/", f"127.0.0.1:{tmp_path}/to/")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "to/deep/file").read_bytes() == (tmp_path / "from/deep/file").read_bytes()


def test_sftp_lists_and_brings(place, tmp_path):
    """An sftp session from a batch file."""
    (tmp_path / "here").write_text("hello")
    (tmp_path / "batch").write_text(f"put {tmp_path}/here {tmp_path}/there\nls {tmp_path}\n")
    done = place.run("sftp", "-b", str(tmp_path / "batch"), *place.options(), "127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there").read_text() == "hello"


def test_a_port_can_be_forwarded_and_an_editor_s_server_started(place):
    """As an editor does it: a script on stdin of a shell without a terminal, beside a forwarded port."""
    script = b"uname -s\necho $RUNPOD_POD_ID\nexit 5\n"
    for words in (
        ("-T", "-D", str(free_port()), "127.0.0.1", "bash"),
        ("-T", "127.0.0.1", "sh"),
        ("-T", "127.0.0.1"),
    ):
        done = place.ssh(*words, stdin=script)
        assert (done.returncode, done.stdout) == (5, b"Linux\nabc123\n")


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_a_pty_without_a_window_is_a_plain_shell_with_a_banner(place):
    """A script's `ssh -tt` with commands on stdin, as through RunPod's gateway: no tmux in its way."""
    done = place.ssh("-tt", "127.0.0.1", stdin=b'tty; pwd; echo "[$RUNPOD_DC_ID]" "[$TMUX]"; exit 3\n')
    said = done.stdout.decode().replace("\r", "")
    assert done.returncode == 3
    assert "podkeep abc123: job demo: running; $" in said
    assert "/dev/pts/" in said
    assert f"{place.agent.workspace}\n[EU-RO-1] []\n" in said


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_a_command_with_a_terminal_gets_no_tmux(place):
    """`ssh -t pod htop` is that program and nothing around it."""
    done = place.ssh("-tt", "127.0.0.1", "tty; echo [$TMUX]")
    assert done.returncode == 0
    assert b"podkeep" not in done.stdout
    assert b"[]" in done.stdout


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_a_person_lands_in_tmux_and_finds_it_again(place):
    """In the job's folder and environment, with a banner; the next login goes on where the last one left."""
    first = place.terminal()
    try:
        first.until("a banner", lambda text: "to keep it longer" in text and "Ctrl-b d" in text)
        first.type('marker=found; echo "<$PWD>" "<$RUNPOD_DC_ID>" "<${TMUX:+in tmux}>"\n')
        first.until("the folder", lambda text: f"<{place.agent.workspace}> <EU-RO-1> <in tmux>" in text)
    finally:
        first.close()
    second = place.terminal()
    try:
        second.until("the old screen", lambda text: "in tmux" in text)
        second.type('echo "it is $marker"\n')
        second.until("the shell of the first login", lambda text: "it is found" in text)
        second.type("\x02c")
        second.type('echo "<$PWD>" "<$RUNPOD_DC_ID>" "<$marker>"\n')
        second.until("a new window like it", lambda text: f"<{place.agent.workspace}> <EU-RO-1> <>" in text)
    finally:
        second.close()


@pytest.mark.skipif(not HAS_TERMINALS, reason="needs root, or /dev/pts mounted with gid=5")
def test_the_status_line_of_tmux_tells_phase_and_cost(place):
    """Whoever is in tmux for hours sees when the pod stops."""
    person = place.terminal(columns=200)
    try:
        person.until("the line", lambda text: "podkeep abc123: job demo: running; $" in text)
    finally:
        person.close()


def test_password_and_keyboard_are_refused(place):
    """Whatever a client would like to try: by key only."""
    wanted = ["-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "PubkeyAuthentication=no"]
    done = place.ssh(*wanted, "127.0.0.1", "true")
    assert done.returncode == 255
    assert b"Permission denied (publickey)" in done.stderr


def test_a_strange_key_and_another_user_are_refused(place):
    """Only the keys that were given, only the pod's own user."""
    place.public("stranger")
    assert b"Permission denied" in place.ssh("127.0.0.1", "true", key="stranger").stderr
    assert b"Permission denied" in place.ssh("127.0.0.1", "true", user="nobody").stderr


def test_the_user_s_own_authorized_keys_are_honoured_and_untouched(place):
    """A key added on the pod opens it at once, to a plain shell."""
    own = place.agent.folder / ".ssh" / "authorized_keys"
    own.parent.mkdir(exist_ok=True)
    own.write_text(place.public("added") + "\n")
    assert place.say("echo in", key="added") == "in\n"
    assert own.read_text() == place.public("added") + "\n"


def test_the_status_shows_the_service(place):
    """With its process and since when it runs; no secret and no key is in it."""
    (found,) = place.agent.status()["services"]
    assert (found["name"], found["state"], found["restarts"], found["remedy"]) == ("sshd", "running", 0, None)
    wait_for("its process", lambda: Path(f"/proc/{found['pid']}").exists())
    assert "ssh-ed25519" not in str(found)
