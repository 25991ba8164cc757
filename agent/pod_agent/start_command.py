"""A container's start command as people write them, read as a shell would: the job's command, or just waiting. Pure.

Nothing is run here and no word of the user's is changed but a sleep for ever at the end, which is left out and said.
Not here: our own options (``invocation``).
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from pod_wire.frozen import dataclass
from pod_wire.shell_text import shape

if TYPE_CHECKING:
    from collections.abc import Sequence

SHELLS = frozenset({"bash", "sh", "dash"})
OPERATORS = frozenset({"&&", "||", ";", "|", "&", ">", ">>", "<", "2>", "2>&1", "|&", "&>"})
QUOTES = ("'", '"')
EXPANDED = re.compile(r"[\w@%+=:,./~${}*?-]+")
BASE_SCRIPT = "/start.sh"  # of RunPod's own images
FOR_EVER = re.compile(
    r"(exec\s+)?(/usr)?(/bin/)?(sleep\s+((?i:inf|infinity)|\d+d|\d{6,})|tail\s+(-f|-F|--follow)\s+/dev/null)"
    r"(\s*&\s*wait(\s+\S+)?)?|cat|while\s+(true|:|\[\s*1\s*\])\s*;?\s*do\s+sleep\s+\S+\s*;?\s*done"
)
BACKGROUND = re.compile(
    r"(?<![&>|])&(?![&>\d])|\b(service|systemctl|nohup|setsid|daemon|trap)\b|/etc/init\.d/"
)
TRAP = re.compile(r"trap\s+('[^']*'|\"[^\"]*\"|[:-])(\s+[A-Z0-9]+)+")
STAYS = (
    "the start command ends in {what}, which is left out: after the job the pod stays for POD_IDLE_MINUTES and then"
    " stops; POD_ON_FINISH=stop stops it at once"
)
ENDLESS = (
    "the start command waits for ever at its end, so this job never ends by itself: set POD_MAX_HOURS, or leave"
    " {what} out"
)


@dataclass(frozen=True, slots=True)
class Command:
    """``text`` is bash's; None means waiting. ``stays``: the pod is to be kept when it has ended."""

    text: str | None
    stays: bool = False
    is_nested: bool = False  # in a shell of its own, so that nothing can be added at its end
    warning: str | None = None


def read(given: Sequence[str]) -> Command:
    """What these words ask for."""
    words = rejoined(given)
    if len(words) == 1 and (not words[0].strip() or shape(words[0]).breaks or " " in words[0].strip()):
        return of_text(words[0])
    inner = shell_text(words)
    if inner is not None:
        return of_text(inner)
    if any(word in OPERATORS for word in words):
        return of_text(" ".join(word if _is_the_shell_s(word) else shlex.quote(word) for word in words))
    if means_waiting(shlex.join(words)):
        return Command(None)
    return Command(shlex.join(words), is_nested=is_nested(words))


def rejoined(given: Sequence[str]) -> list[str]:
    """Words of a shell's text that was cut at its blanks, quotes and all, as the shell would have cut them."""
    words = list(given)
    text = " ".join(words)
    is_cut = is_shell(words) and any(word[:1] in QUOTES and not shape(word).is_closed for word in words)
    if is_cut and shape(text).is_closed:
        try:
            return shlex.split(text)
        except ValueError:
            return words
    return words


def is_shell(words: Sequence[str]) -> bool:
    return bool(words) and words[0].rpartition("/")[2] in SHELLS


def shell_text(words: Sequence[str]) -> str | None:
    """The text of ``bash -c TEXT``, which our own bash runs as well; None where there is more to it."""
    if list(words[:1]) in (["/usr/bin/env"], ["env"], ["exec"]):
        words = words[1:]
    if is_shell(words) and list(words[1:2]) == ["-c"] and len(words) == 3:  # noqa: PLR2004 - shell, -c, text
        return words[2]
    return None


def _is_the_shell_s(word: str) -> bool:
    """Whether a word of a text that was cut means to the shell what it meant before: an operator, ``$OUT``, ``~/x``."""
    return word in OPERATORS or EXPANDED.fullmatch(word) is not None


def is_nested(words: Sequence[str]) -> bool:
    """Whether the command is the text of a shell of its own, whatever starts it: ``env A=1 bash -lc TEXT``."""
    return any(is_shell(words[i:]) and _command_option(words[i:]) is not None for i in range(len(words)))


def _command_option(words: Sequence[str]) -> str | None:
    """The option that says that a text follows: ``-lc``, ``-ec``, ``-c`` after others."""
    options = [word for word in words[1:] if re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", word)]
    return options[0] if options else None


def of_text(text: str) -> Command:
    """A shell's text: what it waits for at its end is not the job's business."""
    text = text.strip()
    if means_waiting(text):
        return Command(None)
    try:
        words = shlex.split(text)
    except ValueError:
        return Command(text)  # bash will say what is wrong with it
    inner = None if shape(text).breaks or text.startswith("exec ") else shell_text(words)
    if inner is not None:
        return of_text(inner)
    before, what = _without_end(text)
    if what is None:
        return Command(text, is_nested=not shape(text).breaks and is_nested(words))
    if BACKGROUND.search(_unquoted(before)) or what == "cat":
        return Command(text, warning=ENDLESS.format(what=f"`{what}`"))
    return Command(before, stays=True, warning=STAYS.format(what=f"`{what}`"))


def means_waiting(text: str) -> bool:
    """Whether a text does nothing but wait: nothing, sleeping for ever, the base image's script, a bare shell."""
    text = text.strip().strip(";").strip()
    if not text or TRAP.fullmatch(text):
        return True
    before, what = _without_end(text)
    if what is not None and before != text:
        return means_waiting(before)
    if FOR_EVER.fullmatch(text) and not text.endswith("cat"):
        return True
    if shape(text).breaks:
        return False
    try:
        words = shlex.split(text)
    except ValueError:
        return False
    while words and words[0].rpartition("/")[2] in {*SHELLS, "exec", "env"}:
        words = [word for word in words[1:] if not re.fullmatch(r"-[ilec]+", word)]
    if not words:
        return True
    joined = words[0] if len(words) == 1 else " ".join(words)
    return joined == BASE_SCRIPT or (joined != text and means_waiting(joined))


def _without_end(text: str) -> tuple[str, str | None]:
    """The text before its last part, and that part, where it only waits for ever; else the text and None."""
    stripped = text.rstrip().rstrip(";").rstrip()
    for i in range(len(stripped) - 1, 0, -1):
        if stripped[i - 1] not in ";&\n":
            continue
        last = stripped[i:].strip()
        if not FOR_EVER.fullmatch(last) or not shape(stripped[:i]).is_closed:
            continue
        before = stripped[:i].rstrip(" \n;")
        return (before.removesuffix("&&").rstrip() if before.endswith("&&") else before), last
    return text, None


def _unquoted(text: str) -> str:
    """The text without what stands in quotes; an ``&`` there starts nothing."""
    return re.sub(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"", "''", text)
