"""A deploy key, with a real sshd: it opens its repository, and lies on no disk."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import pytest

from pod_agent.run.code.deploy_key import held
from pod_agent.run.work import StepFailed, Work
from pod_wire.clock import RealClock
from pod_wire.secrets import Secret
from tests.agent.code_place import ENV, Place
from tests.agent.secret_watch import SecretWatch
from tests.fakes.ssh_host import SSHD, SshHost, new_key

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path(SSHD).exists(), reason="needs openssh-server")]


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with SshHost.running(tmp_path_factory.mktemp("ssh") / "host") as running:
        yield running


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def sync(place, host, home, key, **more):
    env = {**ENV, "HOME": str(home), **({"POD_DEPLOY_KEY": key} if key else {})}
    known = f"-o UserKnownHostsFile={home}/hosts"  # ssh asks the system, not HOME, where its files are
    ssh = f"ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o IdentityFile=none {known}"
    return place.sync(**{"repo": host.url(place.repo), "env": {**env, "GIT_SSH_COMMAND": ssh}, **more})


@pytest.mark.parametrize("form", ["file", "one line", "base64"])
def test_a_deploy_key_opens_its_repository_and_is_on_no_disk(place, host, home, form):
    """In every form in which a variable can hold it; not in a file, an argument or the log, and no agent is left."""
    commit = place.commit(**{"train.py": "one"})
    value = {
        "file": host.key,
        "one line": host.key.replace("\n", "\\n"),
        "base64": base64.b64encode(host.key.encode()).decode(),
    }[form]
    body = host.key.splitlines()[2]
    with SecretWatch(body) as watch:
        assert sync(place, host, home, value).commit == commit
    assert (watch.found, watch.below(place.tree, home)) == (set(), [])
    assert body.encode() not in place.log
    assert agents() == []


def agents() -> list[str]:
    """ssh-agents of ours that live."""
    mine = ["ps", "-ww", "--ppid", str(os.getpid()), "-o", "args"]
    listed = subprocess.run(mine, capture_output=True, text=True, check=False).stdout
    return [line for line in listed.splitlines() if "ssh-agent" in line]


def test_the_key_is_held_as_long_as_the_sync_and_no_longer(host):
    """An ssh-agent of ours has it while it is asked for, and is gone afterwards."""
    with held(Secret(host.key), ENV, Work(lambda _: None, RealClock())) as known:
        assert len(agents()) == 1
        listed = subprocess.run(
            ["ssh-add", "-l"], env={**ENV, **known}, capture_output=True, text=True, check=True
        )
        assert "ED25519" in listed.stdout
        assert host.key not in known.values()
    assert agents() == []
    assert not Path(known["SSH_AUTH_SOCK"]).parent.exists()


def test_a_key_that_the_host_does_not_know_is_refused_at_once(place, host, home, tmp_path):
    """The message names the variable and what a deploy key is."""
    place.commit(**{"train.py": "one"})
    with pytest.raises(StepFailed, match="access was denied to the key in POD_DEPLOY_KEY") as caught:
        sync(place, host, home, new_key(tmp_path / "other"))
    assert "deploy key of this very repository" in caught.value.hint
    assert b"trying again" not in place.log


def test_without_a_key_the_three_ways_are_named(place, host, home):
    """ssh without any key of ours says what to give."""
    place.commit(**{"train.py": "one"})
    with pytest.raises(StepFailed, match="without a key of ours") as caught:
        sync(place, host, home, "")
    assert "POD_DEPLOY_KEY" in caught.value.hint


def test_a_repository_that_is_not_there(place, host, home):
    """The key opens the host, and the path leads nowhere."""
    with pytest.raises(StepFailed, match="there is no such repository, or access was denied to the key"):
        sync(place, host, home, host.key, repo=host.url("/nowhere/at/all"))


@pytest.mark.parametrize("kind", ["passphrase", "broken", "cut off", "no key"])
def test_a_key_that_cannot_be_used_is_said_before_anything_is_asked(place, host, home, tmp_path, kind):
    """A passphrase has nobody to type it; a key damaged on its way says so."""
    whole = new_key(tmp_path / "key", "secret" if kind == "passphrase" else "")
    lines = whole.splitlines()
    value = {
        "passphrase": whole,
        "broken": "\n".join([lines[0], lines[1][::-1], *lines[2:]]),
        "cut off": "\n".join([lines[0], lines[1], lines[-1]]),
        "no key": "hello",
    }[kind]
    words = {"passphrase": "it has a passphrase", "no key": "it is no private key"}.get(
        kind, "it is broken or cut off"
    )
    with pytest.raises(StepFailed, match=f"cannot use the key in POD_DEPLOY_KEY: {words}") as caught:
        sync(place, host, home, value)
    assert "ssh-keygen" in caught.value.hint
    assert lines[2] not in f"{caught.value} {caught.value.hint} {place.log!r}"
    assert agents() == []


def test_an_image_without_openssh_says_so(place, host, home, tmp_path):
    """A key without the programs that use it ends with the other way."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "sh", "setpriv"):
        found = [
            Path(folder, name) for folder in os.environ["PATH"].split(":") if Path(folder, name).exists()
        ]
        if found:
            (programs / name).symlink_to(found[0])
    with pytest.raises(StepFailed, match="the image has no ssh-agent") as caught:
        place.sync(repo=host.url("/x"), env={**ENV, "PATH": str(programs), "POD_DEPLOY_KEY": host.key})
    assert "POD_GIT_TOKEN" in caught.value.hint
    with pytest.raises(StepFailed, match="no ssh program"):
        place.sync(repo=host.url("/x"), env={**ENV, "PATH": str(programs)})


def test_a_host_key_that_changed_is_final(place, host, home):
    """Another key than the one remembered is not accepted, and not tried four times."""
    place.commit(**{"train.py": "one"})
    other = new_key(home / "other") and (home / "other.pub").read_text()
    (home / "hosts").write_text(f"[127.0.0.1]:{host.port} {other}")
    with pytest.raises(StepFailed, match="another host key") as caught:
        sync(place, host, home, host.key)
    assert "known_hosts" in caught.value.hint
    assert b"trying again" not in place.log
