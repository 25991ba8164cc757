"""What is kept on the laptop: settings, and the pods we know."""

from __future__ import annotations

import os
import threading

import pytest

from pod_client.config import read_config
from pod_client.known_pods import KnownPod, KnownPods
from pod_client.moments import parse_moment
from pod_wire.errors import BadInput, Broken

POSIX = pytest.mark.skipif(os.name == "nt", reason="modes mean nothing on Windows")


def known(pod_id="p1", *, name="podkeep-job-1", job="job", created_at=1.0):
    return KnownPod(
        pod_id, name, job, "token-" + pod_id, "https://x/v2", 8787, is_local=False, created_at=created_at
    )


def test_the_environment_wins_over_the_file(tmp_path):
    """config.toml gives what the environment does not."""
    folder = tmp_path / "podkeep"
    folder.mkdir()
    (folder / "config.toml").write_text('api_key = "from-file"\nrunpod_url = "https://file/v2/"\n')
    (folder / "config.toml").chmod(0o600)
    env = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)}
    config = read_config(env)
    assert config.api_key.reveal() == "from-file"
    assert config.runpod_url == "https://file/v2"
    assert config.warnings == ()
    assert read_config(env | {"RUNPOD_API_KEY": "from-env"}).api_key.reveal() == "from-env"


@POSIX
def test_a_key_that_others_may_read_is_warned_about(tmp_path):
    """A config.toml with a key and mode 0644 gives the command that mends it."""
    folder = tmp_path / "podkeep"
    folder.mkdir()
    (folder / "config.toml").write_text('api_key = "secret-key"\n')
    (folder / "config.toml").chmod(0o644)
    warnings = read_config({"XDG_CONFIG_HOME": str(tmp_path)}).warnings
    assert "chmod 600" in warnings[0]
    assert "secret-key" not in warnings[0]


@pytest.mark.parametrize("text", ["api_key = 5\n", "apikey = 'x'\n", "not toml"])
def test_a_wrong_file_is_refused_by_name(tmp_path, text):
    """What is not a setting, or not text, is a mistake; nothing is guessed."""
    (tmp_path / "podkeep").mkdir()
    (tmp_path / "podkeep" / "config.toml").write_text(text)
    with pytest.raises(BadInput, match=r"config\.toml"):
        read_config({"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_pod_is_found_by_id_name_and_newest_job(tmp_path):
    """The id comes first, then the name, then the newest pod with that job."""
    pods = KnownPods(tmp_path)
    pods.keep(known("p1", created_at=1.0))
    pods.keep(known("p2", name="podkeep-job-2", created_at=2.0))
    assert pods.find("p1").id == "p1"
    assert pods.find("podkeep-job-1").id == "p1"
    assert pods.find("job").id == "p2"
    assert pods.find("nothing") is None
    pods.forget("p2")
    assert pods.find("job").id == "p1"


def test_commands_at_once_do_not_undo_each_other(tmp_path):
    """Twenty writers keep twenty pods."""
    threads = [threading.Thread(target=KnownPods(tmp_path).keep, args=(known(f"p{n}"),)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KnownPods(tmp_path).all()) == 20


@POSIX
def test_tokens_are_for_their_owner(tmp_path):
    """The file is 0600, and a pod's repr does not show its token."""
    KnownPods(tmp_path / "new").keep(known())
    assert (tmp_path / "new" / "pods.json").stat().st_mode & 0o777 == 0o600
    assert "token-p1" not in repr(known())


def test_a_newer_or_damaged_file_is_left_untouched(tmp_path):
    """What another version wrote, or nobody can read, is refused and kept."""
    path = tmp_path / "pods.json"
    for text in ('{"format": 2, "pods": {}}', "{"):
        path.write_text(text)
        with pytest.raises(Broken):
            KnownPods(tmp_path).keep(known())
        assert path.read_text() == text


def test_moments():
    """So long ago, or a time; anything else is refused with examples."""
    assert parse_moment("10m", 1000.0) == 400.0
    assert parse_moment("2026-01-31T12:00:00+00:00", 0.0) == 1769860800.0
    with pytest.raises(BadInput, match="since"):
        parse_moment("yesterday", 0.0)
