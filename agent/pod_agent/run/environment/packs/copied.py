"""An environment from its packed copy: unpacked at the place it was made for, or not at all, with the reason said.

Not here: the bytes (``reading``), and the mark that makes an environment one (``naming``).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pod_agent.run.environment.packs import census, program

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.packs.program import Answer
    from pod_agent.run.environment.packs.shelf import Shelf
    from pod_agent.run.work import Work

_WHO = "import sys; sys.stdout.write(sys.version.split()[0])"
_THROWN = {"damaged", "failed"}  # rebuilt and packed again; a newer podkeep's pack is left to it


def unpack(into: Target, shelf: Shelf) -> bool:
    """True when the environment is there, whole but for the mark; False with nothing of it left."""
    name, work = into.place.name, into.work
    pack = shelf.pack(name)
    try:
        size = pack.stat().st_size
    except OSError:
        return False
    began = time.monotonic()
    work.say(f"podkeep: unpacking environment {name}, {size / 1e6:.0f} MB")
    answer = _unpacked(pack, into)
    if not answer.problem:
        seconds = time.monotonic() - began
        work.say(f"podkeep: unpacked {answer.files} files in {seconds:.2f} s")
        with suppress(OSError):  # only says that it was used
            os.utime(pack)
        return True
    shutil.rmtree(into.place, ignore_errors=True)
    what = "left where it is"
    if answer.problem in _THROWN:
        with suppress(OSError):  # it is found bad again next time
            pack.unlink()
        what = "thrown away"
    work.say(f"podkeep: the packed copy of environment {name} cannot be used: {answer.words}; {what}")
    return False


def _unpacked(pack: Path, into: Target) -> Answer:
    wanted = {
        "name": into.place.name,
        "place": str(into.place),
        "python": into.python.real,
        "version": into.python.version,
    }
    answer = program.run("reading", [str(pack), str(into.place), json.dumps(wanted)], into.work)
    if answer.problem:
        return answer
    own = own_version(into.place, into.work)
    if not own or own != answer.own:
        words = f"its Python says {own or 'nothing'}, not {answer.own}"
        return program.Answer("damaged", words)
    (into.place / census.NAME).write_text(f"{answer.census}\n", encoding="ascii")
    return answer


def own_version(place: Path, work: Work) -> str:
    """What the environment's own Python calls itself; empty where it does not start."""
    python = place / "bin" / "python"
    if not os.access(python, os.X_OK):
        return ""
    env = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    done = work.run([str(python), "-I", "-S", "-c", _WHO], cwd=place, env=env, capture=True)
    return done.text if done.ok else ""
