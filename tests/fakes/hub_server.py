"""A Hugging Face Hub as far as its own client can tell: revisions, files by Range, tokens; and faults on request."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

_KINDS = {"datasets": "datasets/", "spaces": "spaces/", "models": ""}


class FakeHub:
    """Repositories by "datasets/u/r" and the like; each has files by commit, and names of commits."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, dict[str, bytes]]] = {}
        self.names: dict[str, dict[str, str]] = {}
        self.private: dict[str, str] = {}  # repository -> the token that reads it
        self.gated: set[str] = set()
        self.broken: list[int] = []  # statuses of the next answers
        self.cut_after: list[int] = []  # the next files end so early
        self.requests: list[tuple[str, str]] = []
        self.tokens: set[str] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def push(self, repo: str, files: dict[str, str], branch: str = "main") -> str:
        """A new commit; its sha."""
        content = {name: text.encode() for name, text in files.items()}
        commit = hashlib.sha1(
            repr((repo, sorted(content.items()))).encode(), usedforsecurity=False
        ).hexdigest()
        self.files.setdefault(repo, {})[commit] = content
        self.names.setdefault(repo, {})[branch] = commit
        return commit

    def commit_of(self, repo: str, revision: str) -> str | None:
        return revision if revision in self.files[repo] else self.names[repo].get(revision)


class _Server(ThreadingHTTPServer):
    hub: FakeHub


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.hub.requests.append((self.command, path))
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.server.hub.tokens.add(token)
        if self.server.hub.broken:
            self._say(self.server.hub.broken.pop(0), b"broken")
        elif path.startswith("/api/"):
            self._api(path.removeprefix("/api/"), token)
        else:
            self._file(path.lstrip("/"), token)

    def _api(self, path: str, token: str) -> None:
        kind, user, name, *rest = path.split("/")
        repo = f"{kind}/{user}/{name}"
        if not self._may(repo, token):
            return
        revision = "/".join(rest[1:]) if rest[:1] == ["revision"] else "main"
        if rest[:1] == ["tree"]:
            commit = self.server.hub.commit_of(repo, rest[1]) or ""
            listed = [
                {"type": "file", "path": one, "size": len(data), "oid": _sha1(data)}
                for one, data in self.server.hub.files[repo].get(commit, {}).items()
            ]
            self._say(200, json.dumps(listed).encode())
            return
        commit = self.server.hub.commit_of(repo, revision)
        if commit is None:
            self._say(404, b"no revision", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [{"rfilename": one} for one in self.server.hub.files[repo][commit]]
        said = {"id": f"{user}/{name}", "sha": commit, "siblings": siblings, "private": False}
        said |= {"tags": [], "downloads": 0, "likes": 0}
        self._say(200, json.dumps(said).encode())

    def _file(self, path: str, token: str) -> None:
        kind = path.split("/", 1)[0]
        rest = path.removeprefix(f"{kind}/") if kind in {"datasets", "spaces"} else path
        user, name, _, commit, *parts = rest.split("/")
        repo = f"{kind if kind in _KINDS else 'models'}/{user}/{name}"
        if not self._may(repo, token):
            return
        data = self.server.hub.files[repo].get(commit, {}).get("/".join(parts))
        if data is None:
            self._say(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        tag = _sha1(data)
        said = {"X-Repo-Commit": commit, "ETag": f'"{tag}"', "Accept-Ranges": "bytes"}
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        if begin:
            said["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self._say(206 if begin else 200, data[begin:], said, is_file=True)

    def _may(self, repo: str, token: str) -> bool:
        if repo not in self.server.hub.files or self.server.hub.private.get(repo, token) != token:
            self._say(401 if not token else 404, b"", {"X-Error-Code": "RepoNotFound"})
            return False
        if repo in self.server.hub.gated:
            self._say(403, b"", {"X-Error-Code": "GatedRepo"})
            return False
        return True

    def _say(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, is_file: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if is_file and self.server.hub.cut_after:
            self.wfile.write(body[: self.server.hub.cut_after.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(body)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
