"""One sync as a program of its own, so that it can be killed: what to do comes as JSON on the standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pod_agent.run.code.sync import sync
from pod_agent.run.work import Work
from pod_wire.clock import RealClock
from pod_wire.job import JobSpec

if __name__ == "__main__":
    asked = json.load(sys.stdin)
    spec = JobSpec("digits", "true", repo=asked["repo"], ref=asked.get("ref"))
    work = Work(sys.stderr.buffer.write, RealClock())
    sync(spec, Path(asked["tree"]), asked.get("pinned"), asked["env"], work)
