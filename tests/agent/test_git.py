"""How git is called: what its refusals mean, and where a login goes and does not go."""

from __future__ import annotations

import base64
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pod_agent.run.code.logins import Logins
from pod_agent.run.work import StepFailed
from pod_wire.secrets import Secret
from tests.agent.code_place import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_what_cannot_be_cloned_is_said_clearly(place, tmp_path):
    """Empty, missing and unreachable repositories and unknown refs each get their reason and a remedy."""
    (tmp_path / "plain").mkdir()
    cases = [
        ({}, "is empty"),
        ({"repo": tmp_path / "nowhere"}, "no git repository"),
        ({"repo": f"file://{tmp_path}/plain"}, "no git repository"),
        ({"repo": "http://127.0.0.1:9/x.git"}, "cannot be reached"),
    ]
    for how, reason in cases:
        with pytest.raises(StepFailed, match=reason) as caught:
            place.sync(**how)
        assert caught.value.message.startswith("cannot clone")
        assert caught.value.hint
    place.commit(**{"train.py": "one"})
    for ref in ("nope", "deadbeefdead", "f" * 40):
        with pytest.raises(StepFailed, match=f"no branch, tag or commit '{ref}'"):
            place.sync(ref=ref)


class _Private(SimpleHTTPRequestHandler):
    seen: list[str]

    def do_GET(self):
        given = self.headers.get("Authorization", "")
        self.seen.append(given)
        if given != "Basic " + base64.b64encode(b"me:s3cret-s3cret").decode():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *args):
        pass


def test_a_login_reaches_the_server_and_nothing_else(place):
    """A login in the address is used, and is in no log, no file of the tree and no message."""
    commit = place.commit(**{"train.py": "one"})
    place.git("update-server-info")
    _Private.seen = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Private, directory=str(place.repo / ".git")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        address = f"127.0.0.1:{server.server_port}/"
        assert place.sync(repo=f"http://me:s3cret-s3cret@{address}").commit == commit
        with pytest.raises(StepFailed, match="access was denied") as caught:
            place.sync(repo=f"http://me:wrong-wrong@{address}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    written = b"".join(path.read_bytes() for path in place.tree.rglob("*") if path.is_file())
    for text in (place.log, written, str(caught.value).encode()):
        assert b"s3cret" not in text
        assert b"wrong" not in text


def test_githubs_token_goes_to_github_only():
    """GITHUB_TOKEN is the login for github.com over https, and for no other server."""
    env = {"GITHUB_TOKEN": "t" * 20}
    found = Logins.of("https://github.com/a/b", env).remote("https://github.com/a/b").login
    assert (found.user, found.password) == ("x-access-token", Secret("t" * 20))
    for other in (
        "https://gitlab.com/a/b",
        "http://github.com/a/b",
        "https://github.com.evil.org/a/b",
        "/a/b",
    ):
        assert Logins.of(other, env).remote(other).login is None
    assert "t" * 20 not in repr(Logins.of("https://github.com/a/b", env))
