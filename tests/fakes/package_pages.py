"""What a package index answers for a project: its page as PEP 503 HTML and as PEP 691 JSON. Values to text only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class File:
    data: bytes
    sha256: str
    python: str
    metadata: bytes | None


def as_json(name: str, files: Mapping[str, File]) -> bytes:
    told = {"meta": {"api-version": "1.1"}, "name": name, "versions": _versions(files)}
    return json.dumps(told | {"files": [_json(name, path, file) for path, file in files.items()]}).encode()


def as_html(name: str, files: Mapping[str, File]) -> bytes:
    links = "\n".join(_link(name, path, file) for path, file in files.items())
    return f"<!DOCTYPE html><html><body>\n{links}\n</body></html>".encode()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _versions(files: Mapping[str, File]) -> list[str]:
    return sorted({path.removesuffix(".tar.gz").split("-")[1] for path in files})


def _json(name: str, path: str, file: File) -> dict[str, object]:
    told: dict[str, object] = {"filename": path, "url": f"../../files/{name}/{path}", "size": len(file.data)}
    told["hashes"] = {"sha256": file.sha256}
    if file.python:
        told["requires-python"] = file.python
    if file.metadata is not None:
        told["core-metadata"] = {"sha256": sha256(file.metadata).hexdigest()}
    return told


def _link(name: str, path: str, file: File) -> str:
    python = file.python.replace("<", "&lt;").replace(">", "&gt;")
    more = f' data-requires-python="{python}"' if python else ""
    if file.metadata is not None:
        more += f' data-core-metadata="sha256={sha256(file.metadata).hexdigest()}"'
    return f'<a href="../../files/{name}/{path}#sha256={file.sha256}"{more}>{path}</a><br>'
