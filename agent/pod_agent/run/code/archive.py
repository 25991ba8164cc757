"""Code from an archive, over HTTP or from a file of the pod: pinned by its sha256, unpacked over what lay there."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

from pod_agent.outputs.came import PLACE, Manifest, digest, lies_there
from pod_agent.run.code.download import download
from pod_agent.run.code.placing import Placing, clear_half
from pod_agent.run.code.switching import from_git
from pod_agent.run.code.unpack import unpack
from pod_agent.run.work import StepFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_agent.run.work import Work
    from pod_wire.source import Source

SHA256 = "sha256:"


def bring(
    source: Source, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    """Have the archive's files in ``tree``; what names their state, and warnings."""
    if source.text.startswith("/"):
        return _from_file(source, tree, pinned, env, work)
    origin = hashlib.sha256(source.text.encode("utf-8", "replace")).hexdigest()
    there = Manifest.read(tree)
    is_known = there is not None and there.origin == origin and lies_there(tree, there.id)
    validator = there.validator if there is not None and is_known and pinned is None else ""
    got = download(source.text, tree / PLACE, validator, env, work)
    if got.path is None and there is not None:
        work.say(f"podkeep: {source.shown} has not changed: {there.id[:19]}")
        return there.id, ()
    if got.path is None:
        raise StepFailed(f"cannot download {source.shown}: it says unchanged, but is not here", "try again")
    wanted = f"{SHA256}{digest(got.path)}"
    try:
        _check_pin(source.shown, wanted, pinned)
        coming = Manifest(wanted, {}, origin, got.validator)
        return wanted, put(got.path, tree, coming, env, work, shown=source.shown)
    finally:
        got.path.unlink(missing_ok=True)


def put(
    archive: Path,
    tree: Path,
    coming: Manifest,
    env: Mapping[str, str],
    work: Work,
    *,
    shown: str,
    strips: bool = True,
) -> tuple[str, ...]:
    """Unpack beside the tree, then put in place: a damaged archive leaves the tree as it was. Warnings."""
    began = time.monotonic()
    if lies_there(tree, coming.id):
        work.say(f"podkeep: {shown} has not changed: {coming.id[:19]}")
        return ()
    try:
        unpacked = unpack(archive, tree / PLACE / "new", work, shown=shown, strips=strips)
        if not unpacked.files:
            raise StepFailed(f"cannot use {shown}: it is empty", "pack the folder that holds your code")
        from_git(tree, env, work)
        whole = Manifest(coming.id, unpacked.files, coming.origin, coming.validator)
        Placing(tree, work).put(unpacked.root, whole)
    finally:  # also where the disk was full: it has need of the room
        clear_half(tree)
    many = f"{len(unpacked.files)} files in {time.monotonic() - began:.1f} s"
    work.say(f"podkeep: code is {coming.id[:19]} of {shown}, {many}")
    return _warnings(unpacked.left_out)


def _from_file(
    source: Source, tree: Path, pinned: str | None, env: Mapping[str, str], work: Work
) -> tuple[str, tuple[str, ...]]:
    from pathlib import Path  # noqa: PLC0415 - for this one only

    path = Path(source.text)
    if not path.is_file():
        raise StepFailed(
            f"cannot unpack {path}: there is no such file on the pod",
            "check POD_REPO: a path is one of the pod; from your own machine send it with pod-client up --tree",
        )
    wanted = f"{SHA256}{digest(path)}"
    _check_pin(source.text, wanted, pinned)
    return wanted, put(path, tree, Manifest(wanted), env, work, shown=source.text)


def _check_pin(shown: str, found: str, pinned: str | None) -> None:
    if pinned is not None and found != pinned:
        raise StepFailed(
            f"cannot use {shown}: it has changed since this run began",
            "take the new one by ordering the job again: pod-client up, or POST /jobs",
        )


def _warnings(left_out: tuple[str, ...]) -> tuple[str, ...]:
    if not left_out:
        return ()
    shown = ", ".join(left_out[:3]) + (", …" if len(left_out) > 3 else "")  # noqa: PLR2004 - enough to recognize
    return (f"left out of the code, being links that lead out of it or no files: {shown}",)
