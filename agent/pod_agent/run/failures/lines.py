"""A log's end as lines: bytes that are no text, carriage returns, colours and ranks' prefixes taken care of. Pure.

Not here: what a line means (``traces``, ``words``).
"""

from __future__ import annotations

import re

from pod_wire.frozen import dataclass

LONGEST = 2000  # characters of a line that anybody looks at
MOST_LINES = 4000

_BREAK = re.compile(r"\r\n|\n|\r")
_COLOUR = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
_RANK = re.compile(r"\[(?:rank|default|\d+,)?:? ?(\d{1,6})\](?:<std(?:err|out)>)?: ?")
_STEP = re.compile(
    r"(?i)(?:^|[\s\[{(|'\",])((?:global[_ ]?)?(?:step|iter|iteration|epoch|batch)s?)['\"]?[ :=#]{1,3}\[?(\d+)"
)
_BAR = re.compile(r"\d+%\|.{0,400}\| *(\d+)/(\d+) \[")
_LOSS = re.compile(r"(?i)['\"]?\b(?:train[_/])?loss['\"]?[ :=]{1,3}-?(?:\d|nan|inf)")
_VALUE = re.compile(r"(?i)\bloss['\"]?[ :=]{1,3}(-?(?:\d+|nan\b|inf\b))")
_ONLY_TOLD = re.compile(r"wandb: |podkeep: | {4}")  # what trackers repeat at the end, and we


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one rank. ``rank`` is empty where no prefix tells it."""

    text: str
    rank: str = ""

    @property
    def step(self) -> tuple[str, str] | None:
        """Whose step and which, of a line that tells of a training that goes on."""
        if _ONLY_TOLD.match(self.text):  # nor is a line of code in a traceback
            return None
        bar = _BAR.search(self.text)
        if bar:
            return f"of {bar[2]}", bar[1]
        named = _STEP.search(self.text)
        if named:
            return named[1].lower(), named[2]
        return ("loss", self.text) if _LOSS.search(self.text) else None


def read(tail: bytes) -> tuple[Line, ...]:
    """The lines, oldest first; each state of a progress bar is a line of its own."""
    text = _COLOUR.sub("", tail.decode("utf-8", "replace"))
    return tuple(_line(one[:LONGEST]) for one in _BREAK.split(text)[-MOST_LINES:])


def _line(text: str) -> Line:
    rank = ""
    while found := _RANK.match(text):
        rank, text = found[1], text[found.end() :]
    return Line(text.replace("\0", ""), rank)


def is_nan(lines: tuple[Line, ...]) -> bool:
    """Whether the last loss that was told is no number."""
    told = (_VALUE.search(line.text) for line in reversed(lines) if line.step is not None)
    last = next((found for found in told if found), None)
    return last is not None and not last[1].lstrip("-").isdecimal()


def last_words(lines: tuple[Line, ...]) -> str:
    """The last line that says something."""
    return next((line.text.strip() for line in reversed(lines) if line.text.strip()), "")
