"""Requirements files, for pip: requirements.txt, or those that POD_REQUIREMENTS names.

Not here: what they depend on (``requirements``), and what pip's refusals mean (``pip``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip, requirements

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.requirements import Wanted


@dataclass(frozen=True, slots=True)
class PipFiles:
    """One or more requirements files, installed in one go."""

    files: tuple[Path, ...]
    folder: Path  # where pip runs: local paths in the files begin there
    brings_python: bool = False

    @property
    def name(self) -> str:
        return ", ".join(str(file.relative_to(self.folder)) for file in self.files)

    def wanted(self) -> Wanted:
        return requirements.read(self.files, self.folder)

    def install(self, target: Target) -> tuple[str, ...]:
        words = [word for file in self.files for word in ("-r", str(file))]
        pip.install(target, words, self.name, self.folder)
        return ()
