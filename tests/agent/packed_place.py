"""An environment with awkward things in it, a shelf for its pack, and the two programs run as the agent runs them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

from pod_agent.run.environment.interpreter import Interpreter
from pod_agent.run.environment.kinds.kind import Target
from pod_agent.run.environment.naming import MARK
from pod_agent.run.environment.packs import background, census, copied, form, program
from pod_agent.run.environment.packs.shelf import Limits, Shelf
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from tests.live import PATIENCE_S

VERSION = sys.version.split()[0]
REAL = os.path.realpath(sys.executable)
SITE = "lib/python3.11/site-packages"
LARGE = f"{SITE}/a/large.so"


ROOMY = Limits(least_free=0, most_free=0)
NAME = "0123456789abcdef"


class PackedPlace:
    """``env`` is the environment; ``away`` takes it off the disk, as a new boot does."""

    def __init__(self, top, limits=ROOMY):
        self.envs = top / "disk" / "envs"
        self.env = self.envs / NAME
        self.shelf = Shelf(top / "workspace" / ".podkeep" / "envs", limits)
        self.pack = self.shelf.pack(NAME)
        self.log = b""
        self.warned = []
        self.work = Work(self.write, RealClock())
        self.python = Interpreter(REAL, REAL, VERSION, has_pip=True, torch="", packages=())

    def write(self, data):
        self.log += data

    def file(self, path, data=b"", mode=0o644):
        place = self.env / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(mode)
        os.utime(place, ns=(10**18 + len(data), 10**18 + len(data)))

    def fill(self, large=(form.BLOCK * 2 + 12345)):
        """Small, empty, large, executable, unwritable, linked, oddly named, byte code and its drafts."""
        (self.env / "bin").mkdir(parents=True)
        (self.env / "bin" / "python").symlink_to(REAL)
        (self.env / "bin" / "python3").symlink_to("python")
        self.file("bin/tool", b"#!/bin/sh\n", 0o755)
        self.file(f"{SITE}/a/__init__.py", b"value = 1\n")
        self.file(f"{SITE}/a/empty.py")
        self.file(f"{SITE}/a/gr\u00fc\u00dfe \u2713.txt", b"hello")
        self.file(os.fsdecode(os.fsencode(f"{SITE}/a/") + b"not-\xff-text"), b"x")
        self.file(f"{SITE}/a/locked.py", b"y" * 5000, 0o444)
        self.file(LARGE, os.urandom(large), 0o755)
        self.file(f"{SITE}/a/exact.so", os.urandom(form.BLOCK))
        self.file(f"{SITE}/a/zz_after.py", b"z" * 100)
        self.file(f"{SITE}/a/__pycache__/empty.cpython-311.pyc", b"byte code")
        self.file(f"{SITE}/a/__pycache__/empty.cpython-311.pyc.139872", b"half of it")
        (self.env / SITE / "nothing in it").mkdir()
        self.finish()

    def finish(self):
        """What the install step leaves behind."""
        told = {"format": 1, "text": "t", "python": REAL, "version": VERSION}
        (self.env / MARK).write_text(json.dumps(told))
        return census.note(self.env)

    def packing(self, **more):
        given = {"pause_s": 0.0, "apart": lambda *_: True} | more
        shelf = given.pop("shelf", self.shelf)
        return background.Packing(self.envs, shelf, RealClock(), self.warned.append, **given)

    def make(self):
        """Pack it, as in the background of a training."""
        packing = self.packing()
        packing.begin()
        assert packing.wait(PATIENCE_S)  # it is the least of all on a busy machine
        return self.pack.exists()

    def write_pack(self, target, reserve=0, **facts):
        """The writing program alone; ``facts`` are lies about the environment."""
        own = form.Facts(self.env.name, str(self.env), REAL, VERSION, VERSION, census.noted(self.env) or "")
        told = json.dumps(asdict(own) | facts)
        return program.run("writing", [str(self.env), str(target), str(reserve), told], self.work)

    def away(self):
        """The container's disk is wiped."""
        kept = self.envs.parent / "as it was"
        self.env.rename(kept)
        return kept

    def unpack(self):
        self.log = b""
        return copied.unpack(Target(self.env, self.python, {}, self.work), self.shelf)


def listing(top):
    """Everything below a folder: kind, mode, size, time, contents."""
    found = {}
    for place in sorted(top.rglob("*")):
        seen = place.lstat()
        if place.is_symlink():
            found[str(place.relative_to(top))] = ("link", str(place.readlink()))
        elif place.is_dir():
            found[str(place.relative_to(top))] = ("folder", seen.st_mode)
        else:
            data = place.read_bytes()
            found[str(place.relative_to(top))] = ("file", seen.st_mode, seen.st_mtime_ns, data)
    return found
