"""Archives of every kind, good and bad, and a workspace that code is brought into."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

from pod_agent.outputs.came import PLACE
from pod_agent.run.code.sync import sync
from pod_agent.run.work import Work
from pod_wire.job import JobSpec
from tests.agent.code_place import QuickClock

ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


class Place:
    """A workspace with one job."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.tree = top / "workspace" / "digits"
        self.tree.parent.mkdir(parents=True)
        self.log = ""

    def sync(self, repo, pinned=None, env=ENV, subdir="."):
        spec = JobSpec("digits", "true", repo=str(repo), subdir=subdir)
        return sync(spec, self.tree, pinned, env, self.work())

    def work(self):
        return Work(self.write, QuickClock())

    def write(self, data):
        self.log += data.decode()

    def files(self):
        """Every file and link below the tree but our own, with its content or target."""
        found = {}
        for path in sorted(self.tree.rglob("*")):
            name = path.relative_to(self.tree).as_posix()
            if name.split("/")[0] in {PLACE, ".git"} or (path.is_dir() and not path.is_symlink()):
                continue
            found[name] = f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        return found

    def aside(self):
        """What was saved, by name."""
        return {
            path.relative_to(folder).as_posix(): path.read_text()
            for folder in (self.tree / PLACE).glob("aside-*")
            for path in folder.rglob("*")
            if path.is_file()
        }

    def manifest(self):
        return json.loads((self.tree / PLACE / "manifest.json").read_bytes())


def tar(files, kind="gz", top="digits-main/"):
    """A tarball's bytes; values: text, or a TarInfo that is added as it is."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{kind}") as packed:
        for name, value in files.items():
            if isinstance(value, tarfile.TarInfo):
                packed.addfile(value)
                continue
            info = tarfile.TarInfo(top + name)
            info.size = len(value.encode())
            info.mode = 0o755 if name.endswith(".sh") else 0o644
            packed.addfile(info, io.BytesIO(value.encode()))
    return out.getvalue()


def member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def zipped(files, top="digits-main/"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            packed.writestr(top + name, text)
    return out.getvalue()


def kept(place, data, name="code.tar.gz"):
    """An archive, or what is taken for one, beside the workspace."""
    path = place.top / name
    path.write_bytes(data)
    return path
