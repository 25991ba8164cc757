"""What code the job gets, settled before a pod is asked for: as pushed, or this folder as it is.

Work that a pod would not get is never passed over in silence: somebody decides, by a flag or when asked.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pod_client.code import difference
from pod_client.code.as_it_is import AsItIs, Code, let_git_say, over
from pod_client.code.checkout import GitRefused, git, read_checkout
from pod_client.code.listing import is_private
from pod_client.init.git_place import https_form
from pod_client.plan import values_of
from pod_wire.errors import BadInput
from pod_wire.source import SourceKind, read_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.choices import Choices
    from pod_client.code.checkout import Checkout
    from pod_client.plan import Wishes
    from pod_client.screen import Screen

THREE_WAYS = (
    "push it, and run this again; or name what is pushed: --ref BRANCH (or --pushed, without your local work); "
    "or send this folder as it is: --tree"
)


class Settling:
    """One `up`. ``here`` is the folder it was typed in, ``patches`` where differences are kept."""

    def __init__(
        self, screen: Screen, choices: Choices, env: Mapping[str, str], here: Path, patches: Path
    ) -> None:
        self._screen = screen
        self._choices = choices
        self._here = here
        self._as_it_is = AsItIs(screen, choices, env, here, patches)

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
            return self._as_it_is.settle(wishes, given, folder)
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
            let_git_say(folder)
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
            return over(wishes, POD_REPO=address, **({"POD_REF": ref} if ref else {}))

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
                return self._as_it_is.settle(wishes, given, checkout.top)
            case "pushed":
                return Code(as_pushed())
            case "push":
                git(checkout.top, "push", checkout.remote or "origin", f"HEAD:refs/heads/{checkout.branch}")
                self._screen.step(f"pushed {checkout.branch}")
                return Code(over(as_pushed(), POD_REF=checkout.commit or ""))
            case _:
                raise BadInput(
                    "cannot start a job: it was called off, and nothing was created", hint=THREE_WAYS
                )

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


def _is_git(repo: str) -> bool:
    return read_source(repo).kind is SourceKind.GIT


def _own_files(wishes: Wishes, checkout: Checkout) -> tuple[str, ...]:
    """What is no work that a pod would miss: the job file and files of variables, read here; private files."""
    found = [name for name in checkout.untracked if is_private(name.rsplit("/", 1)[-1])]
    for path in wishes.files:
        whole = path.resolve()
        if whole.is_relative_to(checkout.top.resolve()):
            found.append(whole.relative_to(checkout.top.resolve()).as_posix())
    return tuple(found)


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
