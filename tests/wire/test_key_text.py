"""A private key is read in every form in which a variable can hold it."""

from __future__ import annotations

import base64

import pytest

from pod_wire.errors import BadInput
from pod_wire.key_text import private_key
from pod_wire.masker import Masker
from pod_wire.parse import parse_environment
from pod_wire.secrets import find_secrets, job_environment

KIND = "OPENSSH PRIVATE " + "KEY"  # in two parts, so that no scanner takes it for one
BODY = ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW", "QyNTUxOQAAACD")
KEY = "\n".join(
    (f"-----BEGIN {KIND}-----", BODY[0][:64], BODY[0][64:] + BODY[1], f"-----END {KIND}-----", "")
)
FORMS = {
    "as it is": KEY,
    "without the last line end": KEY.strip(),
    "with CR LF": KEY.replace("\n", "\r\n"),
    "escaped": KEY.replace("\n", "\\n"),
    "escaped CR LF": KEY.replace("\n", "\\r\\n"),
    "spaces for line ends": KEY.replace("\n", " "),
    "indented": "\n".join("    " + line for line in KEY.splitlines()),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 in lines": base64.encodebytes(KEY.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_key(form):
    """Line ends may be real, escaped, spaces, or hidden in base64."""
    assert private_key(FORMS[form]) == KEY


@pytest.mark.parametrize("value", ["", "no key", "ssh-ed25519 AAAA me", KEY[:60], "QUJD", "\ud800"])
def test_what_is_no_key_is_none(value):
    """Half a key, a public one and plain words are not taken for a key."""
    assert private_key(value) is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("POD_DEPLOY_KEY", "ssh-ed25519 hiddenhidden me@here", "public key"),
        ("POD_DEPLOY_KEY", "hiddenhidden", "not a private key"),
        ("POD_GIT_TOKEN", "hidden hidden", "space"),
        ("POD_GIT_TOKEN", "hidden:", "colon"),
        ("POD_GIT_TOKEN", "https://me:hidden@host", "address"),
    ],
)
def test_a_bad_login_is_a_mistake_that_does_not_show_it(name, value, words):
    """What cannot be a token or a key is said by name before anything is fetched."""
    with pytest.raises(BadInput) as caught:
        parse_environment({"POD_COMMAND": "true", "POD_EPHEMERAL": "1", name: value})
    told = caught.value.describe() if hasattr(caught.value, "describe") else str(caught.value.mistakes)
    assert name in told
    assert words in told
    assert "hidden" not in told


def test_logins_are_masked_in_every_form_and_kept_from_the_job():
    """The log shows neither the token alone, nor the key whatever form it was given in; the job has neither."""
    for form in FORMS.values():
        env = {"POD_GIT_TOKEN": "me:glpat-planted-and-hidden", "POD_DEPLOY_KEY": form, "PATH": "/bin"}
        masked = Masker(find_secrets(env)).mask(f"{KEY} glpat-planted-and-hidden {form}".encode())
        assert BODY[0][:64].encode() not in masked
        assert b"glpat" not in masked
        assert job_environment(env) == {"PATH": "/bin"}
