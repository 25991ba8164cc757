"""environment.yml, made by micromamba where the image has it; otherwise refused, as nothing else reads it truly.

Such an environment has a Python of its own: the image's packages, torch among them, are not seen in it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import tools
from pod_agent.run.environment.requirements import Reader
from pod_agent.run.environment.said import last_line, meaning
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.requirements import Wanted

PROGRAM = "micromamba"
NAMES = ("environment.yml", "environment.yaml")
_ITEM = re.compile(r"^\s+-\s+(?P<text>\S.*)$")
_MEANINGS = (
    (r"No space left on device", "the container's disk is full", "give the pod a larger container disk"),
    (
        r"(?:nothing provides|does not exist \(perhaps a typo|Could not solve).*",
        "its packages cannot be had together",
        "the log names them; loosen or correct one",
    ),
    (
        r"[Cc]ould not (?:resolve|connect)|Timeout was reached|Download error",
        "a channel cannot be reached",
        "check the pod's network and the file's channels, then run the job again",
    ),
)


@dataclass(frozen=True, slots=True)
class CondaFile:
    """A file that lists conda packages."""

    file: Path
    brings_python: bool = True

    @property
    def name(self) -> str:
        return self.file.name

    def wanted(self) -> Wanted:
        """The file, and what its list for pip names: files, local packages, git refs."""
        reader = Reader()
        folder = self.file.parent
        for line in reader.plain(self.file).splitlines():
            item = _ITEM.match(line)
            if item:
                reader.line(item["text"].strip("'\" "), self.file, folder)
        return reader.wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        program = tools.on_path(PROGRAM, target)
        if program is None:
            raise StepFailed(
                f"cannot install {self.name}: the image has no {PROGRAM}",
                f"use an image with {PROGRAM} on its PATH, or list the packages in requirements.txt and set"
                " POD_REQUIREMENTS=requirements.txt",
            )
        env = {"MAMBA_ROOT_PREFIX": str(target.place.parent.parent / PROGRAM), **target.env}
        words = [program, "create", "--yes", "--prefix", str(target.place), "--file", str(self.file)]
        done = target.work.run(words, cwd=self.file.parent, env=env)
        if not done.ok:
            said = meaning(done.text, _MEANINGS, self.name)
            raise said or StepFailed(
                f"cannot install {self.name}: {last_line(done)}", f"the log shows what {PROGRAM} said"
            )
        return ()
