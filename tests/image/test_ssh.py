"""Real containers of the image, port 22 mapped as RunPod does: ssh, scp, rsync, sftp, terminals, keys of both sides."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.ssh_place import Terminal
from tests.fakes.ssh_host import new_key
from tests.image.container import Container
from tests.image.entered import LACKING, Entered, public_keys
from tests.live import wait_for

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(bool(LACKING), reason=f"needs openssh-client and rsync: {LACKING}"),
]
HARD = 'it\'s "a" $HOME `id` \\\\ \n two lines, é'
HIDDEN = {
    "RUNPOD_API_KEY": "rpa_this_is_never_shown_to_anybody",
    "POD_GIT_TOKEN": "ghp_this_is_never_shown_to_anybody",
}


@pytest.fixture(scope="module")
def network(engine) -> Iterator[str]:
    """A network of its own, so that ports are mapped."""
    name = f"podkeep-test-{uuid.uuid4().hex[:12]}"
    engine.run("network", "create", name)
    yield name
    engine.run("network", "rm", name)


@pytest.fixture(scope="module")
def entered(engine, built_image, network, tmp_path_factory) -> Iterator[Entered]:
    """A pod that trains, with good keys among bad lines in two of the three variables."""
    folder = tmp_path_factory.mktemp("ssh")
    new_key(folder / "private")
    public = public_keys(folder, "mine", "second")
    cut = public["second"].split()[1][:-20]
    keys = {
        "PUBLIC_KEY": f"ssh-ed25519 {cut}\r\n{public['mine']}\r\n",
        "SSH_PUBLIC_KEY": f"{(folder / 'private').read_text()}{public['second']}".replace("\n", "\\n"),
    }
    with opened(engine, built_image, network, folder, POD_PRICE="3.60", HARD=HARD, **HIDDEN, **keys) as made:
        told = "PYTHONUNBUFFERED"
        wait_for(
            "the job's environment is told",
            lambda: told in made.pod.inside("cat", "/run/podkeep/ssh/environment", check=False),
        )
        yield made


@contextmanager
def opened(
    engine, built_image, network: str, folder: Path, checking: str = "accept-new", **env: str
) -> Iterator[Entered]:
    """A new container that trains, on the workspace of the folder, once its sshd answers."""
    (folder / "workspace").mkdir(exist_ok=True)
    pod = Container(
        engine,
        built_image.id,
        *("bash", "-c", "echo up; sleep 3600"),
        mounts={folder / "workspace": "/workspace"},
        options=("--publish", "127.0.0.1::22"),
        network=network,
        RUNPOD_POD_ID="abc123",
        RUNPOD_DC_ID="EU-RO-1",
        POD_RUNPOD_URL="http://127.0.0.1:9/v2",
        **env,
    )
    with pod:
        pod.says("up\n")
        port = engine.run("port", pod.name, "22/tcp").stdout.split(":")[-1]
        made = Entered(pod, int(port), folder, checking)
        wait_for("sshd answers", made.answers)
        yield made


def test_a_command_is_that_command_in_the_jobs_environment(entered):
    """Its own output and exit code and not a word of ours; every variable byte for byte, and none of our secrets."""
    done = entered.ssh("root@127.0.0.1", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout) == (7, b"out\n")
    assert b"err\n" in done.stderr
    assert b"podkeep" not in done.stderr
    told = entered.ssh("root@127.0.0.1", "env -0").stdout.decode().split("\0")
    assert {f"HARD={HARD}", "RUNPOD_POD_ID=abc123", "RUNPOD_DC_ID=EU-RO-1", "PYTHONUNBUFFERED=1"} <= set(told)
    assert not {line.partition("=")[0] for line in told} & {*HIDDEN, "POD_TOKEN"}
    assert "never_shown" not in "".join(told)


def test_files_go_both_ways(entered, tmp_path):
    """scp by both of its protocols, rsync, sftp: the same bytes arrive."""
    data = os.urandom(300_000)
    (tmp_path / "here").write_bytes(data)
    options, there = entered.options(), "root@127.0.0.1:/workspace/there"
    for number, old in enumerate(([], ["-O"])):
        entered.run("scp", *old, *options, str(tmp_path / "here"), f"{there}{number}")
        entered.run("scp", *old, *options, f"{there}{number}", str(tmp_path / f"back{number}"))
        assert (tmp_path / f"back{number}").read_bytes() == data
    (tmp_path / "from" / "deep").mkdir(parents=True)
    (tmp_path / "from" / "deep" / "file").write_bytes(data)
    shell = " ".join(["ssh", *options])
    entered.run("rsync", "-a", "-e", shell, f"{tmp_path}/from/", "root@127.0.0.1:/workspace/to/")
    assert (entered.folder / "workspace" / "to" / "deep" / "file").read_bytes() == data
    entered.run("rsync", "-a", "-e", shell, "root@127.0.0.1:/workspace/to/", f"{tmp_path}/again/")
    assert (tmp_path / "again" / "deep" / "file").read_bytes() == data
    (tmp_path / "batch").write_text(f"put {tmp_path}/here /workspace/by-sftp\nls /workspace\n")
    entered.run("sftp", "-b", str(tmp_path / "batch"), *options, "root@127.0.0.1")
    assert (entered.folder / "workspace" / "by-sftp").read_bytes() == data


def test_a_terminal_without_a_window_is_a_plain_shell(entered):
    """As through RunPod's gateway: commands on stdin of a shell with a terminal, a banner, and no tmux."""
    done = entered.ssh("-tt", "root@127.0.0.1", stdin=b'tty; pwd; echo "[$RUNPOD_DC_ID]" "[$TMUX]"; exit 3\n')
    said = done.stdout.decode().replace("\r", "")
    assert done.returncode == 3, said
    assert "podkeep abc123: job " in said
    assert ": running; $" in said
    assert "/dev/pts/" in said
    assert "/workspace\n[EU-RO-1] []\n" in said


def test_a_person_lands_in_tmux_and_finds_it_again(entered):
    """With the banner, in the job's folder and environment; the second login goes on in the first one's shell."""
    first = Terminal(["ssh", *entered.options(), "-tt", "root@127.0.0.1"], 40, 120)
    try:
        first.until("a banner", lambda text: "to keep it longer" in text and "Ctrl-b d" in text)
        first.type('marker=found; echo "<$PWD>" "<$RUNPOD_DC_ID>" "<${TMUX:+in tmux}>"\n')
        first.until("the folder", lambda text: "</workspace> <EU-RO-1> <in tmux>" in text)
    finally:
        first.close()
    second = Terminal(["ssh", *entered.options("second"), "-tt", "root@127.0.0.1"], 40, 120)
    try:
        second.until("the old screen", lambda text: "in tmux" in text)
        second.type('echo "it is $marker"\n')
        second.until("the shell of the first login", lambda text: "it is found" in text)
    finally:
        second.close()


def test_good_keys_among_bad_lines_open_and_the_bad_are_named(entered):
    """Both good ones; a line that is cut off and a pasted private key are told by variable and number, never shown."""
    for key in ("mine", "second"):
        assert entered.ssh("root@127.0.0.1", "echo in", key=key).stdout == b"in\n"
    warnings = [text for text in entered.pod.status()["warnings"] if "public keys" in text]
    assert len(warnings) == 1
    assert "PUBLIC_KEY, line 1: a key that is cut off or damaged" in warnings[0]
    assert "SSH_PUBLIC_KEY, line 1: a private key" in warnings[0]
    private = (entered.folder / "private").read_text().splitlines()[1:-1]
    shown = entered.pod.logs() + str(entered.pod.status())
    assert not [line for line in private if line in shown]


def test_nobody_else_comes_in(entered):
    """A key that was not given, the private key's own, a password."""
    new_key(entered.folder / "stranger")
    for key in ("stranger", "private"):
        assert b"Permission denied (publickey)" in entered.ssh("root@127.0.0.1", "true", key=key).stderr
    wanted = ["-o", "PreferredAuthentications=password,keyboard-interactive", "-o", "PubkeyAuthentication=no"]
    assert b"Permission denied (publickey)" in entered.ssh(*wanted, "root@127.0.0.1", "true").stderr


def test_a_new_container_on_the_same_workspace_is_known(engine, built_image, network, tmp_path):
    """The first is removed, disk and all: a client that takes no new host key comes in; sshd's copy is root's alone."""
    public = public_keys(tmp_path, "mine", "second")
    keys = {"AUTHORIZED_KEYS": "\\n".join(("# of the team", public["mine"], "no key", public["second"], ""))}
    with opened(engine, built_image, network, tmp_path, **keys) as first:
        for key in ("mine", "second"):
            assert first.ssh("root@127.0.0.1", "echo in", key=key).stdout == b"in\n"
        (warning,) = (text for text in first.pod.status()["warnings"] if "public keys" in text)
        assert "AUTHORIZED_KEYS, line 3: no public key" in warning
        gone = first.pod.inside("hostname")
    known = (tmp_path / "known").read_bytes()
    (kept,) = (tmp_path / "workspace" / ".podkeep" / "ssh").iterdir()
    kept.chmod(0o666)  # as a network volume shows every file
    with opened(engine, built_image, network, tmp_path, checking="yes", **keys) as again:
        done = again.ssh("root@127.0.0.1", "hostname")
        assert done.returncode == 0, done
        assert done.stdout.decode() == again.pod.inside("hostname") != gone
        assert (tmp_path / "known").read_bytes() == known
        told = again.pod.inside("/usr/sbin/sshd", "-T", "-f", "/run/podkeep/ssh/sshd_config").splitlines()
        (used,) = (line.removeprefix("hostkey ") for line in told if line.startswith("hostkey "))
        assert again.pod.inside("stat", "--format", "%a %U", used) == "600 root\n"
        assert not used.startswith("/workspace")
        assert again.pod.inside("cat", used) == kept.read_text()
        (tmp_path / "known").unlink()
        refused = again.ssh("root@127.0.0.1", "hostname")  # such a client it is
        assert (refused.returncode, refused.stdout) == (255, b"")
        assert b"Host key verification failed" in refused.stderr
