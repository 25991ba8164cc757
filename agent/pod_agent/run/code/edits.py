"""Saves what a checkout would write over: edits of tracked files as a patch, files in the way as they are.

Kept inside the tree's own store, where neither git nor a job looks, and named in the log. What git tracks is read
from the commit itself, never from an index that may be broken, half merged, or told to look away.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pod_agent.run.code.store import free_name, ours, set_store_aside, store_of
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from pod_agent.run.code.git import Git

_LINK = b"160000"  # the mode of a submodule

_POINTER = b"version https://git-lfs"  # a patch of these has not the files' content


@dataclass(frozen=True, slots=True)
class _Listing:
    """A commit beside the tree: its files, its submodules, and the files that are not as the commit has them."""

    index: Path
    names: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    different: tuple[str, ...] = ()


def make_way(git: Git, base: str | None, commit: str, *, was_cut: bool = False) -> None:
    """Save edits against ``base``, move aside what is untracked and in the way of ``commit``.

    The index is ``base``'s afterwards. Without a base nothing counts as tracked: what differs is moved aside as it is.
    ``was_cut``: a checkout of this commit was killed here, and the file it was writing is nobody's edit.
    """
    folder = ours(git.tree)
    real = store_of(git.tree) / "index"
    before = _listing(git, base, folder / "index.before", real) if base else None
    after = _listing(git, commit, folder / "index.after", before.index if before else real)
    if after is None:
        return  # the checkout will say what is wrong with the commit
    if before is None:
        before = _Listing(folder / "index.before")
    if was_cut:
        after = _without_halves(git, before, after, commit)
    _save_edits(git, before, after)
    _clear_the_way(git, before, after)
    after.index.unlink(missing_ok=True)
    real.unlink(missing_ok=True)
    if before.index.exists():
        before.index.rename(real)


def keep_commits(git: Git, known: frozenset[str]) -> None:
    """A commit that a person made here on no branch gets a name, so that it stays."""
    head = git.ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if not head.ok or head.text in known or git.ask("symbolic-ref", "--quiet", "HEAD").ok:
        return
    name = f"refs/podkeep/kept/{head.text[:12]}"
    if git.ask("rev-parse", "--verify", "--quiet", name).text == head.text:
        return
    git.must("update-ref", name, head.text)
    git.say(f"the folder stood at commit {head.text[:12]}, on no branch; it is kept as {name}")


def _listing(git: Git, commit: str, index: Path, like: Path) -> _Listing | None:
    """None where the commit cannot be read. ``like``: an index whose knowledge of unchanged files spares reading."""
    env = {"GIT_INDEX_FILE": str(index)}
    index.unlink(missing_ok=True)
    if like.exists() and _is_plain(git, like):
        shutil.copyfile(like, index)
    if not git.ask("read-tree", "--reset", commit, env=env).ok:
        index.unlink(missing_ok=True)
        if not git.ask("read-tree", commit, env=env).ok:
            return None
    git.ask("update-index", "-q", "--really-refresh", env=env)
    entries = git.must("ls-files", "-s", "-z", env=env).output.split(b"\0")
    pairs = [(entry[:6], os.fsdecode(entry.partition(b"\t")[2])) for entry in entries if entry]
    changed = git.must("diff-files", "-z", "--name-only", "--ignore-submodules=all", env=env).output
    return _Listing(
        index,
        frozenset(name for mode, name in pairs if mode != _LINK),
        frozenset(name for mode, name in pairs if mode == _LINK),
        tuple(os.fsdecode(name) for name in changed.split(b"\0") if name),
    )


def _without_halves(git: Git, before: _Listing, after: _Listing, commit: str) -> _Listing:
    """Without the files that a killed checkout had only begun. What is still as ``before`` has it need not be read."""
    known = before.names - frozenset(before.different)
    different = tuple(name for name in after.different if name in known or not _is_half(git, commit, name))
    return replace(after, different=different)


def _is_half(git: Git, commit: str, name: str) -> bool:
    """Whether the file is only the beginning of what the commit has there: all of it comes back with the commit."""
    path = git.tree / name
    if not path.is_file() or path.is_symlink() or not _is_below(git.tree, name):
        return False
    whole = git.ask("cat-file", "--filters", f"{commit}:{name}")
    # sizes first: what somebody put there may be larger than memory
    if not whole.ok or path.stat().st_size >= len(whole.output):
        return False
    return whole.output.startswith(path.read_bytes())


def _is_plain(git: Git, index: Path) -> bool:
    """Whether no entry is told to look away from its file, and none is half merged."""
    listed = git.ask("ls-files", "-v", "-z", env={"GIT_INDEX_FILE": str(index)})
    return listed.ok and all(entry[:2] == b"H " for entry in listed.output.split(b"\0") if entry)


def _save_edits(git: Git, before: _Listing, after: _Listing) -> None:
    stays = after.names - frozenset(after.different)
    at_risk = [
        name
        for name in before.different
        if name not in stays and _is_below(git.tree, name) and not _is_folder(git.tree / name)
    ]
    if not at_risk:
        return
    env = {"GIT_INDEX_FILE": str(before.index)}
    patch = free_name(ours(git.tree) / "edits", ".patch")
    done = git.ask(
        "diff",
        "--binary",
        "--ignore-submodules=all",
        "--no-ext-diff",
        "--no-textconv",
        f"--output={patch}",
        env=env,
    )
    is_true = done.ok and git.ask("apply", "--check", "--reverse", str(patch), env=env).ok
    if is_true and _POINTER not in patch.read_bytes():
        git.say(f"files of the repository had been edited here; the edits are saved in {patch}")
        return
    patch.unlink(missing_ok=True)
    aside = _set_aside(git, [git.tree / name for name in at_risk])
    git.say(f"{_files(len(at_risk))} of the repository had been edited here; moved to {aside}")


def _clear_the_way(git: Git, before: _Listing, after: _Listing) -> None:
    """Move aside what git does not track and the commit would replace."""
    found: dict[Path, None] = {}
    for name in (*after.different, *after.links):
        path = _in_the_way(git.tree, name, before.names, is_link=name in after.links)
        if path is not None:
            found[path] = None
    for link in before.links - after.links:
        nested = git.tree / link
        if os.path.lexists(nested / ".git") and any(name.startswith(f"{link}/") for name in after.names):
            aside = set_store_aside(nested)
            git.say(f"{link} was a submodule; its store is kept as {aside.name}")
    if found:
        aside = _set_aside(git, list(found))
        git.say(
            f"{_files(len(found))} not of the repository lay where the commit has its own; moved to {aside}"
        )


def _in_the_way(tree: Path, name: str, tracked: frozenset[str], *, is_link: bool) -> Path | None:
    """What lies where this name goes: something of that name, or what stands for one of its folders.

    No file or link counts as tracked where the commit had a submodule.
    """
    path = tree / name
    for parent in reversed(path.relative_to(tree).parents[:-1]):
        place = tree / parent
        if os.path.lexists(place) and not _is_folder(place):
            return None if parent.as_posix() in tracked else place
    if not os.path.lexists(path):
        return None
    if _is_folder(path):
        return None if is_link else path
    return None if name in tracked else path


def _is_below(tree: Path, name: str) -> bool:
    """Whether there is something of this name in the tree itself: what lies behind a link is not at risk."""
    path = tree / name
    return os.path.lexists(path) and all(
        _is_folder(tree / parent) for parent in path.relative_to(tree).parents[:-1]
    )


def _is_folder(path: Path) -> bool:
    """A folder itself; a link to one is replaced by a checkout like any file."""
    return path.is_dir() and not path.is_symlink()


def _set_aside(git: Git, paths: list[Path]) -> Path:
    aside = free_name(ours(git.tree) / "aside")
    for path in paths:
        place = aside / path.relative_to(git.tree)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    return aside


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"
