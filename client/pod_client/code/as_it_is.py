"""This folder as it is, for `--tree`: listed, weighed, packed, and described for the receipt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pod_client.code import difference
from pod_client.code.checkout import git, read_checkout
from pod_client.code.listing import list_tree
from pod_client.code.packing import pack, size_of
from pod_client.receipt import size
from pod_client.user_env import count
from pod_wire.errors import BadInput
from pod_wire.frozen import dataclass
from pod_wire.rules import default_name
from pod_wire.source import tree_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pod_client.choices import Choices
    from pod_client.code.checkout import Checkout
    from pod_client.code.packing import Packed
    from pod_client.plan import Wishes
    from pod_client.screen import Screen

LARGE = 500_000_000  # bytes, before packing


@dataclass(frozen=True, slots=True)
class Code:
    """The wishes with their code settled; the tree to send, and what the receipt says of it."""

    wishes: Wishes
    tree: Packed | None = None
    said: str | None = None

    def close(self) -> None:
        if self.tree is not None:
            self.tree.close()


class AsItIs:
    """One `up`. ``here`` is the folder it was typed in, ``patches`` where differences are kept."""

    def __init__(
        self, screen: Screen, choices: Choices, env: Mapping[str, str], here: Path, patches: Path
    ) -> None:
        self._screen = screen
        self._choices = choices
        self._env = env
        self._here = here
        self._patches = patches

    def settle(self, wishes: Wishes, given: Mapping[str, str], folder: Path | None) -> Code:
        if "POD_REF" in wishes.contract or self._choices.pushed:
            raise BadInput("cannot use --tree beside --ref or --pushed", hint="give one of them")
        start = folder or self._here
        checkout = read_checkout(start)
        if checkout is None:
            let_git_say(start)
        top = start.resolve() if checkout is None else checkout.top
        listing = list_tree(top, has_git=checkout is not None)
        private = {
            *listing.held_back,
            *(name for name in listing.names if top / name in _private(wishes, checkout)),
        }
        listing = replace(listing, names=tuple(name for name in listing.names if name not in private))
        if not listing.names:
            raise BadInput(
                f"cannot send {top}: there are no files in it", hint="run this in the folder of your code"
            )
        self._weigh(size_of(listing), top, has_git=checkout is not None)
        tree = pack(listing)
        for names, why in (
            (tuple(sorted(private)), "being private by their names; pass variables with --env-file"),
            (tree.left_out, "being links that lead out of it"),
        ):
            if names:
                self._screen.warn(f"not sent, {why}: {', '.join(names[:5])}{', …' if names[5:] else ''}")
        changes = _wanted(given, top, start, folder is None)
        said = self._said(checkout, tree, private)
        self._screen.step(f"the code: {said}")
        return Code(over(wishes, POD_REPO=tree_text(tree.digest), POD_REF="", **changes), tree, said)

    def _weigh(self, total: int, top: Path, *, has_git: bool) -> None:
        """A tree so large is seldom meant: data lies in it."""
        if total < LARGE:
            return
        what = f"{top} is {size(total)} before packing"
        remedy = (
            "have git ignore what the job does not need"
            if has_git
            else "run git init there, and a .gitignore"
        )
        if self._choices.asks:
            if not self._screen.ask(f"{what}: send it all?"):
                raise BadInput("cannot start a job: it was called off, and nothing was created", hint=remedy)
        elif not has_git:
            raise BadInput(f"cannot send it unasked: {what}", hint=f"{remedy}; or answer on a terminal")
        else:
            self._screen.warn(f"{what}; {remedy}")

    def _said(self, checkout: Checkout | None, tree: Packed, private: set[str]) -> str:
        what = f"{count(tree.files, 'file', 'files')}, {size(tree.size)} packed"
        if checkout is None:
            return f"this folder as it is, {what}"
        said = f"{difference.summary(checkout)}, sent as it is: {what}"
        if not checkout.is_dirty or self._choices.dry_run:
            return said
        kept = difference.keep_patch(checkout, self._env, self._patches, private)
        return said if kept is None else f"{said}; the difference is kept in {kept}"


def _wanted(given: Mapping[str, str], top: Path, start: Path, is_here: bool) -> dict[str, str]:
    """The folder in which the command runs, and a name that stays when the tree changes."""
    below = start.resolve().relative_to(top.resolve()).as_posix() if is_here else "."
    subdir = given.get("POD_SUBDIR") or below
    changes = {} if subdir == "." else {"POD_SUBDIR": subdir}
    if not given.get("POD_JOB") and given.get("POD_COMMAND"):
        changes["POD_JOB"] = default_name(top.name, subdir, given["POD_COMMAND"].strip("\n"))
    return changes


def over(wishes: Wishes, **changes: str) -> Wishes:
    """Above everything that was given."""
    env = {name: value for name, value in wishes.env.items() if name not in changes}
    return replace(wishes, contract={**wishes.contract, **changes}, env=env)


def _private(wishes: Wishes, checkout: Checkout | None) -> frozenset[Path]:
    """Files of variables, unless git tracks them."""
    untracked = None if checkout is None else {checkout.top / name for name in checkout.untracked}
    files = frozenset(
        path.resolve() for path in wishes.files if path.name != "pod.toml" and path.suffix != ".toml"
    )
    return files if untracked is None else files & untracked


def let_git_say(folder: Path) -> None:
    """A repository that git does not take: its words are the reason. Without git's word a tree might hold secrets."""
    if (folder / ".git").exists():
        git(folder, "status", "--short")
