"""Values that are text."""

import signal
import sys

import pytest

from pod_wire.contract import BY_NAME
from pod_wire.texts import SIGNALS, BadValue
from pod_wire.values import check


def _env(name, value):
    return check(BY_NAME[name], value, typed=False)


@pytest.mark.parametrize(
    ("name", "value", "meaning"),
    [
        ("POD_SIGNAL", "SIGINT", "INT"),
        ("POD_SIGNAL", "usr1", "USR1"),
        ("POD_ON_FINISH", "Keep", "keep"),
        ("POD_WORKSPACE", "/data//x/", "/data/x"),
        ("POD_RUNPOD_URL", "http://127.0.0.1:81/v2/", "http://127.0.0.1:81/v2"),
        ("POD_SUBDIR", "./a//b/", "a/b"),
        ("POD_SUBDIR", "a/..b", "a/..b"),
        ("POD_CHECKPOINTS", "out/**/checkpoint-*", "out/**/checkpoint-*"),
        ("POD_REQUIREMENTS", "  ", ""),
        ("POD_REQUIREMENTS", "dev/req.txt", "dev/req.txt"),
        ("POD_JOB", "a.B_c-9", "a.B_c-9"),
        ("POD_JOB", "_x", "_x"),
        ("POD_JOB", "x" * 64, "x" * 64),
        ("POD_REF", "feature/x-1", "feature/x-1"),
        ("POD_REPO", "https://example.org/a.git", "https://example.org/a.git"),
        ("POD_REPO", "ssh://git@example.org/a.git", "ssh://git@example.org/a.git"),
        ("POD_REPO", "git@example.org:me/a.git", "git@example.org:me/a.git"),
        ("POD_REPO", "/srv/a b", "/srv/a b"),
        ("POD_PROGRESS", r"at (?P<step>\d+)", r"at (?P<step>\d+)"),
        ("POD_PROGRESS", "python how_far.py", "python how_far.py"),
        ("POD_REPO", "file:///srv/a", "file:///srv/a"),
        ("POD_TOKEN", "sha256:" + "aF" * 32, "sha256:" + "aF" * 32),
    ],
)
def test_good_values_are_taken(name, value, meaning):
    """What is well-formed becomes the field's value."""
    assert _env(name, value) == meaning


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("POD_SIGNAL", "KILL", "KILL"),
        ("POD_SIGNAL", "SIGSTOP", "STOP"),
        ("POD_SIGNAL", "9", "no signal"),
        ("POD_SIGNAL", "TREM", "no signal"),
        ("POD_ON_FINISH", "explode", "must be"),
        ("POD_WORKSPACE", "work", "absolute"),
        ("POD_WORKSPACE", "/a/../b", ".."),
        ("POD_RUNPOD_URL", "ftp://x/v2", "http"),
        ("POD_RUNPOD_URL", "http://", "http"),
        ("POD_RUNPOD_URL", "http://x:99999/v2", "well-formed"),
        ("POD_RUNPOD_URL", "https://u:hidden@x/v2", "credentials"),
        ("POD_RUNPOD_URL", "https://x/v2?a=b", "query"),
        ("POD_PROGRESS", "(?P<step>", "regular expression"),
        ("POD_PROGRESS", r"(?P<stage>\d+)", "names none"),
        ("POD_PROGRESS", "a\nb", "one line"),
        ("POD_SUBDIR", "/etc", "absolute"),
        ("POD_SUBDIR", "~/x", "absolute"),
        ("POD_SUBDIR", "a/../b", ".."),
        ("POD_CHECKPOINTS", "../x/*", ".."),
        ("POD_CHECKPOINTS", "/x/*", "absolute"),
        ("POD_REQUIREMENTS", "../r.txt", ".."),
        ("POD_REQUIREMENTS", "/r.txt", "absolute"),
        ("POD_SUBDIR", "a\nb", "control"),
        ("POD_JOB", ".hidden", "begin"),
        ("POD_JOB", "a/b", "letters"),
        ("POD_JOB", "a b", "letters"),
        ("POD_JOB", "..", "letters"),
        ("POD_JOB", "caf\u00e9", "letters"),
        ("POD_JOB", "a\nb", "letters"),
        ("POD_JOB", "x" * 65, "64"),
        ("POD_REF", "--upload-pack=x", "'-'"),
        ("POD_REF", "a..b", "git"),
        ("POD_REF", "a b", "git"),
        ("POD_REF", "a:b", "git"),
        ("POD_REF", "a\\b", "git"),
        ("POD_REF", "x.lock", "git"),
        ("POD_REPO", "--upload-pack=x", "'-'"),
        ("POD_REPO", "ext::sh -c x", "helper"),
        ("POD_REPO", "https://me:hidden@example.org/a.git", "credentials"),
        ("POD_REPO", "https://ghp_hidden@example.org/a.git", "credentials"),
        ("POD_REPO", "ssh://git:hidden@example.org/a", "credentials"),
        ("POD_REPO", "https:///a.git", "well-formed"),
        ("POD_REPO", "https://[x/a.git", "well-formed"),
        ("POD_REPO", "a\nb", "control"),
        ("POD_TOKEN", "short", "shorter"),
        ("POD_TOKEN", "sha256:abc", "64 hex"),
        ("POD_TOKEN", "with a space in it", "ASCII"),
        ("POD_TOKEN", "caf\u00e9caf\u00e9caf\u00e9", "ASCII"),
    ],
)
def test_bad_values_are_refused(name, value, said):
    """What is not well-formed is refused in words that say why."""
    with pytest.raises(BadValue) as caught:
        _env(name, value)
    assert said in caught.value.problem


def test_credentials_have_their_remedy():
    """Who puts a token into the repository's URL is told where it belongs."""
    with pytest.raises(BadValue) as caught:
        _env("POD_REPO", "https://x:hidden@example.org/a.git")
    assert "GITHUB_TOKEN" in caught.value.remedy


def test_a_misspelt_signal_is_guessed_at():
    """The remedy names the signal that was probably meant."""
    with pytest.raises(BadValue) as caught:
        _env("POD_SIGNAL", "TREM")
    assert "TERM" in caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="the signals are Linux's")
def test_every_signal_but_two_is_offered():
    """The names are the signal module's on Linux; KILL and STOP cannot be handled by a program."""
    known = {item.name.removeprefix("SIG") for item in signal.Signals}
    assert set(SIGNALS) == known - {"KILL", "STOP"}
