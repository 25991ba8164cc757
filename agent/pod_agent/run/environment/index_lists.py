"""Requirements files that hold the login of a package index, as pip gets them: copies without it.

pip lets such a file's own index win over all that it is told elsewhere. Not here: where the login goes (index_logins).
"""

from __future__ import annotations

import itertools
import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pod_agent.run.environment.requirements import NESTED, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_URL = re.compile(r"(?<![+\w])https?://[^\s'\"]+")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")
_WHEELS = re.compile(r"^(?P<option>-f|--find-links)(?:\s*=\s*|\s+|(?=[^\s-]))(?P<path>[^'\"]+)$")


@dataclass(slots=True)
class Lists:
    """Files that pip is to read, with those that they name. ``without`` takes the login out of a URL."""

    place: Path
    env: Mapping[str, str]
    without: Callable[[str], str]
    has_logins: bool = False
    _copies: dict[Path, tuple[Path, str]] = field(default_factory=dict)

    def words(self, words: Sequence[str], folder: Path) -> list[str]:
        """The words for pip, with the copies where there is anything to be left out."""
        told = list(words)
        for number, (option, name) in enumerate(itertools.pairwise(words), start=1):
            if option in {"-r", "-c"}:
                told[number] = str(self._copy_of(folder / name))
        if not self.has_logins:
            return list(words)
        for path, text in self._copies.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(
                text, encoding="utf-8-sig"
            )  # a mark that pip heeds whatever the text says of itself
        return told

    def _copy_of(self, file: Path) -> Path:
        file = file.absolute()
        if file not in self._copies:
            try:
                text = text_of(file.read_bytes())
            except OSError:
                return file  # pip says what is wrong with it
            path = self.place / str(len(self._copies)) / file.name
            self._copies[file] = path, ""
            joined = re.sub(r"\\\r?\n", " ", text)
            self._copies[file] = path, "".join(f"{self._line(line, file)}\n" for line in joined.splitlines())
        return self._copies[file][0]

    def _line(self, line: str, file: Path) -> str:
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if not bare.startswith("-"):
            return line
        said = self._said(bare)
        nested, wheels = NESTED.match(said), _WHEELS.match(said)
        name = (nested or wheels or {"path": "://"})["path"].strip().strip("'\"")
        if nested and "://" not in name:
            option = "-c" if said.startswith(("-c", "--c")) else "-r"
            return f"{option} {shlex.quote(str(self._copy_of(file.parent / name)))}"
        if wheels and (file.parent / name).exists():
            return f"-f {shlex.quote(str((file.parent / name).absolute()))}"
        return _URL.sub(self._url, bare)

    def _url(self, found: re.Match[str]) -> str:
        url = self._said(found[0])
        plain = self.without(url)
        if plain == url:
            return found[0]
        self.has_logins = True
        return plain

    def _said(self, text: str) -> str:
        """With the variables that pip would fill in."""
        return _VARIABLE.sub(lambda found: self.env.get(found[1]) or found[0], text)
