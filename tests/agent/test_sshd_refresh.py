"""What sshd tells of the pod while it runs: as far as it is known, whatever the workspace does."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from pod_agent.pod.services import Off
from pod_agent.pod.sshd import Sshd
from pod_agent.settings import Settings, SshAsked, ssh_asked
from pod_wire.clock import RealClock
from pod_wire.status import Phase, Status
from tests.agent.test_sshd_keys import GOOD


@pytest.fixture
def sshd(tmp_path):
    """One whose job's folder is asked for of ``found``; the shell that a login gets is there."""
    (tmp_path / "run" / "ssh").mkdir(parents=True)
    (tmp_path / "run" / "ssh" / "login").touch()
    keys = SshAsked(is_wanted=True, keys={"PUBLIC_KEY": GOOD})
    settings = Settings(
        ssh=keys,
        workspace=tmp_path / "w",
        disk_dir=tmp_path / "disk",
        run_dir=tmp_path / "run",
        job_environment={"A": "1"},
    )

    def make(found=lambda: None, **more):
        shown = Status(version="1", now=1.0, phase=Phase.RUNNING)
        return Sshd(settings, RealClock(), status=lambda: shown, job=found, warn=print, limit_s=2.0, **more)

    return make


def test_an_image_without_sshd_is_told_what_to_install(sshd, tmp_path):
    """It is off, which is no failure, and nothing is made for it."""
    found = sshd(programs=str(tmp_path)).prepare()
    assert isinstance(found, Off)
    assert "openssh-server" in found.why
    assert not (tmp_path / "disk").exists()


@pytest.mark.parametrize(
    ("env", "is_expected"),
    [
        ({}, False),
        ({"RUNPOD_POD_ID": "abc"}, False),
        ({"RUNPOD_POD_ID": "abc", "PUBLIC_KEY": ""}, False),
        ({"RUNPOD_POD_ID": "abc", "PUBLIC_KEY": "ssh-ed25519 AAAA"}, True),
        ({"PODKEEP_SSH_PORT": "2222"}, True),
    ],
)
def test_without_a_key_it_is_news_only_where_somebody_asked_for_ssh(tmp_path, env, is_expected):
    """A key that is none, or a port of its own; a pod that was never given a key says nothing of sshd."""
    places = {"workspace": tmp_path / "w", "disk_dir": tmp_path / "disk", "run_dir": tmp_path / "run"}
    settings = Settings(ssh=ssh_asked(env), job_environment={"HOME": str(tmp_path)}, **places)
    shown = Status(version="1", now=1.0, phase=Phase.RUNNING)
    one = Sshd(settings, RealClock(), status=lambda: shown, job=lambda: None, warn=[].append)
    found = one.prepare()
    assert isinstance(found, Off)
    assert found.is_expected is is_expected


@pytest.mark.slow
def test_a_hung_workspace_hides_neither_phase_nor_environment(sshd, tmp_path):
    """Where the job's folder is cannot be found out: what was known stands, and the rest is told."""
    gate, begun = threading.Event(), threading.Event()

    def found():
        if begun.is_set():
            gate.wait(60)
        return Path("/w/job"), {"A": "2"}

    one = sshd(found)
    one.refresh()
    begun.set()
    one.refresh()
    folder = tmp_path / "run" / "ssh"
    assert "pk_folder='/w/job'" in (folder / "facts").read_text()
    assert "export A='2'" in (folder / "environment").read_text()
    (folder / "facts").unlink()
    (folder / "environment").unlink()
    other = sshd(found)
    other.refresh()
    gate.set()
    assert "pk_phase='running'" in (folder / "facts").read_text()
    assert "export A='1'" in (folder / "environment").read_text()
