"""The Hub's client at work, as a program: one answer in JSON on stdout. Its token comes by the environment alone."""

from __future__ import annotations

import errno
import json
import sys
from typing import Literal, cast

Kind = Literal["model", "dataset", "space"]


def main(argv: list[str]) -> int:
    """``KIND NAME resolve REVISION`` gives the commit; ``KIND NAME fetch COMMIT FOLDER`` the files."""
    try:
        done = _do(cast("Kind", argv[0]), argv[1], argv[2:])
    except Exception as error:  # noqa: BLE001 - a program's top: who asked gets the reason
        _say({"trouble": _kind_of(error), "words": _words(error)})
        return 1
    _say({"done": done})
    return 0


def _do(kind: Kind, name: str, words: list[str]) -> str:
    from huggingface_hub import HfApi, snapshot_download  # noqa: PLC0415 - takes a second

    if words[0] == "resolve":
        return str(HfApi().repo_info(name, repo_type=kind, revision=words[1] or None).sha or "")
    return snapshot_download(name, repo_type=kind, revision=words[1], local_dir=words[2])


def _kind_of(error: BaseException) -> str:
    from huggingface_hub import errors  # noqa: PLC0415

    kinds: tuple[tuple[type[BaseException], str], ...] = (
        (errors.GatedRepoError, "gated"),
        (errors.RepositoryNotFoundError, "missing"),
        (errors.RevisionNotFoundError, "revision"),
    )
    for kind, word in kinds:
        if isinstance(error, kind):
            return word
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in {401, 403}:
        return "denied"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "disk"
    is_theirs = status is not None and (status == 429 or status >= 500)  # noqa: PLR2004 - HTTP's
    names = {type(one).__name__ for one in _chain(error)}
    is_network = any("Timeout" in one or "Connect" in one or "Protocol" in one for one in names)
    return "network" if is_theirs or is_network or "LocalEntryNotFoundError" in names else "other"


def _chain(error: BaseException) -> list[BaseException]:
    found = [error]
    while (cause := found[-1].__cause__ or found[-1].__context__) is not None and cause not in found:
        found.append(cause)
    return found


def _words(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200]


def _say(answer: dict[str, str]) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
