"""The `init` command: looks, writes, and says what it wrote and what comes next. Nothing is created or billed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pod_client.exits import DONE
from pod_client.init.looking import look, resume_fits
from pod_client.init.pod_toml import render, wrapped
from pod_client.init.writing import FILE, refuse_existing, write

if TYPE_CHECKING:
    from pathlib import Path

    from pod_client.init.looking import Found
    from pod_client.screen import Screen


def init(screen: Screen, folder: Path, *, force: bool = False, to_stdout: bool = False) -> int:
    if not force and not to_stdout:
        refuse_existing(folder)
    found = look(folder)
    text = render(found)
    if to_stdout:
        screen.page(text)
        return DONE
    backup = write(folder, text, force=force)
    screen.step(f"wrote {FILE}" + (f"; the old one is kept as {backup}" if backup else ""))
    _tell(screen, found)
    return DONE


def _tell(screen: Screen, found: Found) -> None:
    command, way = found.command, found.resuming.way
    for words in found.trouble:
        screen.warn(_clean(words))
    if command.text is None:
        screen.warn(f"no program that trains was found here: say in {FILE} what to run")
        return
    screen.note(f"job       {found.name}")
    screen.note(_clean(f"command   {command.text}   ({command.reason})"))
    if way is not None and (not way.text or resume_fits(found)):
        text = way.text or "by itself, from the folder it saves to"
        screen.note(_clean(f"resume    {text}   ({way.reason})"))
    else:
        gap = found.resuming.gap
        why = f": {gap.reason} ({gap.place})" if gap is not None else " in the code"
        screen.warn(_clean(f"no way to resume was found{why}; a crash will end the job"))
    screen.note(_clean(f"packages  {found.packages.named or found.packages.words}"))
    if command.needs:
        screen.warn(
            _clean(f"the program insists on {', '.join(command.needs)}: add it to the command in {FILE}")
        )
    sent = " --tree" if found.git.top is None else ""
    if sent:
        screen.note("code      this folder is not in git; pod-client up --tree sends it as it is")
    screen.step(f"look {FILE} over; then try it here, for nothing: pod-client up --local{sent}")


def _clean(words: str) -> str:
    """File names are a stranger's: nothing in them speaks to the terminal."""
    return " ".join(wrapped(words))
