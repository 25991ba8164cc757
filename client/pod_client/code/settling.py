"""What code the job gets, settled before a pod is asked for: as pushed, or this folder as it is.

Work that a pod would not get is never passed over in silence: somebody decides, by a flag or when asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pod_client.code import difference
from pod_client.code.checkout import GitRefused, git, read_checkout
from pod_client.code.listing import list_tree
from pod_client.code.packing import pack, size_of
from pod_client.init.git_place import https_form
from pod_client.plan import values_of
from pod_client.receipt import size
from pod_client.user_env import count
from pod_wire.errors import BadInput
from pod_wire.rules import default_name
from pod_wire.source import SourceKind, read_source, tree_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.choices import Choices
    from pod_client.code.checkout import Checkout
    from pod_client.code.packing import Packed
    from pod_client.plan import Wishes
    from pod_client.screen import Screen

LARGE = 500_000_000  # bytes, before packing
THREE_WAYS = (
    "push it, and run this again; or name what is pushed: --ref BRANCH (or --pushed, without your local work); "
    "or send this folder as it is: --tree"
)


@dataclass(frozen=True, slots=True)
class Code:
    """The wishes with their code settled; the tree to send, and what the receipt says of it."""

    wishes: Wishes
    tree: Packed | None = None
    said: str | None = None

    def close(self) -> None:
        if self.tree is not None:
            self.tree.close()


class Settling:
    """One `up`. ``here`` is the folder it was typed in, ``patches`` where differences are kept."""

    def __init__(
        self, screen: Screen, choices: Choices, env: Mapping[str, str], here: Path, patches: Path
    ) -> None:
        self._screen = screen
        self._choices = choices
        self._env = env
        self._here = here
        self._patches = patches

    def settle(self, wishes: Wishes) -> Code:
        """Nothing is created; what is wrong with other settings is said by the plan."""
        try:
            given = values_of(wishes)
        except BadInput:
            if self._choices.tree:
                raise
            return Code(wishes)
        repo = given.get("POD_REPO", "")
        folder = self._folder(repo)
        if self._choices.tree:
            return self._tree(wishes, given, folder)
        if folder is not None:
            return self._of_folder(wishes, given, folder)
        return self._of_address(wishes, given, repo)

    # -- a repository that is named ---------------------------------------------------------------------------

    def _of_address(self, wishes: Wishes, given: Mapping[str, str], repo: str) -> Code:
        """An address; looked at where this folder is a checkout of the very repository."""
        if not repo or given.get("POD_REF") or self._choices.pushed or not _is_git(repo):
            return Code(wishes)
        checkout = read_checkout(self._here)
        if checkout is None or not checkout.is_of(repo):
            return Code(wishes)
        checkout = checkout.but(_own_files(wishes, checkout))
        if checkout.is_as_pushed:
            return Code(wishes)
        return self._decide(wishes, given, checkout, lambda: wishes)

    def _of_folder(self, wishes: Wishes, given: Mapping[str, str], folder: Path) -> Code:
        """A folder of this machine: a pod gets what its remote has."""
        checkout = read_checkout(folder)
        if self._choices.local:
            if checkout is not None and checkout.but(_own_files(wishes, checkout)).is_dirty:
                self._screen.warn(
                    "changes that are not committed are not used; --tree sends the folder as it is"
                )
            return Code(wishes)
        if checkout is None:
            raise BadInput(
                f"cannot start a job with {folder}: it is a folder of this machine, without git: a pod cannot see it",
                hint="send it: --tree",
            )
        checkout = checkout.but(_own_files(wishes, checkout))
        if checkout.address is None:
            raise BadInput(
                f"cannot start a job with {checkout.top}: it has no remote that a pod could clone",
                hint="send it as it is: --tree; or push it somewhere: git remote add origin ADDRESS",
            )
        return self._pushed(wishes, given, checkout)

    def _pushed(self, wishes: Wishes, given: Mapping[str, str], checkout: Checkout) -> Code:
        address = _reachable(checkout.address or "", given)

        def as_pushed() -> Wishes:
            ref = given.get("POD_REF") or _pushed_commit(checkout)
            return _with(wishes, POD_REPO=address, **({"POD_REF": ref} if ref else {}))

        if given.get("POD_REF") or self._choices.pushed or checkout.is_as_pushed:
            return Code(as_pushed())
        return self._decide(wishes, given, checkout, as_pushed)

    def _decide(
        self, wishes: Wishes, given: Mapping[str, str], checkout: Checkout, as_pushed: _Wished
    ) -> Code:
        """Somebody must say what becomes of the local work."""
        what = f"this checkout is {difference.summary(checkout)}; a pod would not get that"
        if not self._choices.asks:
            raise BadInput(f"cannot start a job: {what}", hint=THREE_WAYS)
        self._screen.warn(what)
        ways = {"tree": "send this folder as it is", "pushed": "take what is pushed, without it"}
        if not checkout.is_dirty and checkout.branch is not None:
            ways["push"] = f"push {checkout.branch} to {checkout.remote} now"
        ways["stop"] = "do nothing"
        for word, meaning in ways.items():
            self._screen.note(f"{word}: {meaning}")
        match self._screen.choose("what shall the pod run?", tuple(ways)):
            case "tree":
                return self._tree(wishes, given, checkout.top)
            case "pushed":
                return Code(as_pushed())
            case "push":
                git(checkout.top, "push", checkout.remote or "origin", f"HEAD:refs/heads/{checkout.branch}")
                self._screen.step(f"pushed {checkout.branch}")
                return Code(_with(as_pushed(), POD_REF=checkout.commit or ""))
            case _:
                raise BadInput(
                    "cannot start a job: it was called off, and nothing was created", hint=THREE_WAYS
                )

    # -- this folder as it is ---------------------------------------------------------------------------------

    def _tree(self, wishes: Wishes, given: Mapping[str, str], folder: Path | None) -> Code:
        if "POD_REF" in wishes.contract or self._choices.pushed:
            raise BadInput("cannot use --tree beside --ref or --pushed", hint="give one of them")
        start = folder or self._here
        checkout = read_checkout(start)
        if checkout is None and (start / ".git").exists():
            git(
                start, "status", "--short"
            )  # says what is wrong; a tree without git's word might hold secrets
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
        said = self._said(checkout, tree)
        self._screen.step(f"the code: {said}")
        return Code(_with(wishes, POD_REPO=tree_text(tree.digest), POD_REF="", **changes), tree, said)

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

    def _said(self, checkout: Checkout | None, tree: Packed) -> str:
        what = f"{count(tree.files, 'file', 'files')}, {size(tree.size)} packed"
        if checkout is None:
            return f"this folder as it is, {what}"
        said = f"{difference.summary(checkout)}, sent as it is: {what}"
        if not checkout.is_dirty or self._choices.dry_run:
            return said
        kept = difference.keep_patch(checkout, self._env, self._patches)
        return said if kept is None else f"{said}; the difference is kept in {kept}"

    def _folder(self, repo: str) -> Path | None:
        """The folder of this machine that a repository's text names."""
        if not repo or ":" in repo.split("/", maxsplit=1)[0] or "{{" in repo:
            return None
        folder = Path(repo).expanduser()
        folder = folder if folder.is_absolute() else self._here / folder
        return folder if folder.is_dir() else None


if TYPE_CHECKING:
    from collections.abc import Callable

    _Wished = Callable[[], Wishes]


def _wanted(given: Mapping[str, str], top: Path, start: Path, is_here: bool) -> dict[str, str]:
    """The folder in which the command runs, and a name that stays when the tree changes."""
    below = start.resolve().relative_to(top.resolve()).as_posix() if is_here else "."
    subdir = given.get("POD_SUBDIR") or below
    changes = {} if subdir == "." else {"POD_SUBDIR": subdir}
    if not given.get("POD_JOB") and given.get("POD_COMMAND"):
        changes["POD_JOB"] = default_name(top.name, subdir, given["POD_COMMAND"].strip("\n"))
    return changes


def _with(wishes: Wishes, **changes: str) -> Wishes:
    """Above everything that was given."""
    env = {name: value for name, value in wishes.env.items() if name not in changes}
    return replace(wishes, contract={**wishes.contract, **changes}, env=env)


def _is_git(repo: str) -> bool:
    return read_source(repo).kind is SourceKind.GIT


def _own_files(wishes: Wishes, checkout: Checkout) -> tuple[str, ...]:
    """The job file and files of variables: they are read here, and a change in them is no work that is lost."""
    found = []
    for path in wishes.files:
        whole = path.resolve()
        if whole.is_relative_to(checkout.top.resolve()):
            found.append(whole.relative_to(checkout.top.resolve()).as_posix())
    return tuple(found)


def _private(wishes: Wishes, checkout: Checkout | None) -> frozenset[Path]:
    """Files of variables, unless git tracks them."""
    untracked = None if checkout is None else {checkout.top / name for name in checkout.untracked}
    files = frozenset(
        path.resolve() for path in wishes.files if path.name != "pod.toml" and path.suffix != ".toml"
    )
    return files if untracked is None else files & untracked


def _reachable(address: str, given: Mapping[str, str]) -> str:
    """An address without a login, and over https: a pod has no ssh key, unless it is given one."""
    return (
        address if "POD_DEPLOY_KEY" in given and "://" not in address else https_form(address)[0] or address
    )


def _pushed_commit(checkout: Checkout) -> str | None:
    """The newest commit of the branch that the remote has; None lets the remote choose."""
    if not checkout.unpushed:
        return checkout.commit
    try:
        said = git(
            checkout.top,
            "rev-parse",
            "--verify",
            "--quiet",
            f"{checkout.remote}/{checkout.branch}^{{commit}}",
        )
    except GitRefused:
        return None
    return said.decode("ascii", "replace").strip() or None
