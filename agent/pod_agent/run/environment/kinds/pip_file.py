"""Requirements files, for pip: requirements.txt, or those that POD_REQUIREMENTS names.

Not here: what they depend on (``requirements``), and what pip's refusals mean (``pip``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pod_agent.run.environment import pip, requirements
from pod_agent.run.environment.kinds.project import editable
from pod_agent.run.work import StepFailed
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.environment.kinds.kind import Target
    from pod_agent.run.environment.requirements import Wanted

_ITSELF = re.compile(r"(?:-e\s+|--editable[\s=]\s*)?(?:file:)?\.(?:/)?(?:\[[^\]]*\])?")


@dataclass(frozen=True, slots=True)
class PipFiles:
    """One or more requirements files, installed in one go; then the project beside them, if there is one."""

    files: tuple[Path, ...]
    folder: Path  # where pip runs: local paths in the files begin there
    project: Path | None = None
    brings_python: bool = False

    @property
    def name(self) -> str:
        return ", ".join(str(file.relative_to(self.folder)) for file in self.files)

    def wanted(self) -> Wanted:
        reader = requirements.Reader()
        for file in self.files:
            reader.file(file, self.folder)
        if self.project is not None:
            reader.add(str(self.project).encode("utf-8", "surrogateescape"))
            reader.package(self.project, whole=False)
        return reader.wanted()

    def install(self, target: Target) -> tuple[str, ...]:
        for file in self.files:
            _check_text(file)
        words = [word for file in self.files for word in ("-r", str(file))]
        pip.install(target, words, self.name, self.folder)
        if self.project is None or self._lists_itself():
            return ()
        return editable(target, self.project)

    def _lists_itself(self) -> bool:
        texts = (file.read_text(encoding="utf-8", errors="replace") for file in self.files)
        return any(_ITSELF.fullmatch(line) for text in texts for line in requirements.lines(text))


def _check_text(file: Path) -> None:
    """What pip would end in a traceback of its own over."""
    try:
        requirements.text_of(file.read_bytes(), errors="strict")
    except UnicodeDecodeError as error:
        raise StepFailed(
            f"cannot install {file.name}: it is not UTF-8 text (byte {error.start})", "save it as UTF-8"
        ) from error
