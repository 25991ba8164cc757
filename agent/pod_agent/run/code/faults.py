"""What git's words mean: one name for each kind of failure, whether it may pass by itself, reason and remedy.

Pure: text in, value out. git speaks English here (LC_ALL=C).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from pod_agent.run.code.address import origin_of, ssh_address
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from pod_agent.run.code.logins import Logins, Remote


class Fault(StrEnum):
    """Kinds of failure."""

    FULL = "disk full"
    READ_ONLY = "not writable"
    DAMAGED = "git's own store here is damaged"
    HOST_KEY = "host key"
    NO_SSH = "no ssh"
    DENIED = "denied"
    MISSING = "missing"
    QUOTA = "quota of git LFS"
    CERTIFICATE = "certificate"
    NOT_GIVEN = "the server does not give single commits"
    BUSY = "the server asks for fewer requests (429)"
    SERVER = "the server has a fault of its own"
    SILENT = "the server says nothing"
    UNREACHABLE = "the server cannot be reached"
    CUT = "the connection was cut"
    GARBAGE = "the answer is not git's"
    UNKNOWN = "unknown"


PASSING = frozenset(
    {Fault.BUSY, Fault.SERVER, Fault.SILENT, Fault.UNREACHABLE, Fault.CUT, Fault.GARBAGE}
)  # worth another try

# The first that matches wins.
_WORDS: dict[Fault, tuple[str, ...]] = {
    Fault.FULL: (
        r"No space left on device|Disk quota exceeded|[Oo]ut of diskspace|not enough space|disk full",
    ),
    Fault.HOST_KEY: (r"Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED",),
    Fault.NO_SSH: (r"cannot run ssh|ssh: (command )?not found|unable to (fork|find) .*ssh",),
    Fault.QUOTA: (r"exceeded its (LFS )?(budget|data quota)|over its data quota",),
    Fault.DAMAGED: (
        r"object file .* is empty|loose object .* (is )?corrupt|packfile .* (cannot|does not|is)|index file",
        r"bad index file|bad signature 0x|bad config|bad numeric config|bad shallow|reference broken",
        r"unable to resolve reference|bad object|bad tree object|invalid object|unable to read (tree|sha1|tip)",
        r"did not send all necessary objects|not a git repository \(or any|missing (blob|tree|commit)",
        r"object .* is a .*, not a|cache entry|index uses|must be run in a work tree|badly formed",
        r"invalid refspec",  # what we ask for is well-formed: that of .git/config is not
    ),
    Fault.DENIED: (
        r"[Aa]uthentication (failed|required)|could not read (Username|Password)|prompts disabled",
        r"Permission denied \((publickey|password|keyboard)|returned error: 40[13]|Invalid username or",
        r"access denied|Access denied|Authorization error|Bad credentials|Too many authentication failures",
    ),
    Fault.MISSING: (
        r"[Rr]epository .*not found|does not appear to be a git repo|not valid: is this a git",
        r"returned error: (404|410|451)|(repository|project) .*does not exist|could not be found or you don't",
        r"Repository or object not found|not a git repository: ",
    ),
    Fault.CERTIFICATE: (r"server certificate|SSL certificate|certificate verif|self.signed certificate",),
    Fault.NOT_GIVEN: (
        r"not our ref|unadvertised object|does not support (shallow|--depth)|no such remote ref",
        r"couldn't find remote ref|Server does not allow",
    ),
    Fault.BUSY: (r"returned error: 429|Too Many Requests|status code:? 429|rate limit",),
    Fault.SERVER: (r"returned error: 5\d\d|HTTP 5\d\d|[Ii]nternal [Ss]erver [Ee]rror|Server error",),
    Fault.SILENT: (r"Operation too slow|[Oo]peration timed out|Connection timed out|[Tt]imed? ?out",),
    Fault.UNREACHABLE: (
        r"[Cc]ould not resolve|Failed to connect|Couldn't connect|Connection refused|No route to host",
        r"Network is unreachable|Name or service not known|Temporary failure in name|dial tcp|no such host",
    ),
    Fault.CUT: (
        r"early EOF|hung up|unexpected disconnect|Connection (reset|closed)|transfer closed|curl \d+|RPC failed",
        r"[Uu]nexpected (eof|EOF)|Recv failure|Send failure|index-pack (failed|died)|invalid index-pack",
        r"Broken pipe|kex_exchange|Could not read from remote|unable to access|SSL|GnuTLS|Empty reply",
    ),
    Fault.GARBAGE: (
        r"protocol error|bad line length|invalid server response|bad pack header|pack signature",
        r"unknown object type|inflate|pack is corrupted|pack has|SHA1 mismatch",
        r"expected (flush|ACK|packfile|shallow)|unexpected (line|response)",
    ),
    Fault.READ_ONLY: (r"Read-only file system|: Permission denied|insufficient permission",),
}


@dataclass(frozen=True, slots=True)
class Meaning:
    """A failure in words for a person."""

    reason: str
    remedy: str


def fault_of(text: str) -> Fault:
    """The kind of failure that these words of git's tell of."""
    found = (fault for fault, patterns in _WORDS.items() if any(re.search(one, text) for one in patterns))
    return next(found, Fault.UNKNOWN)


def meaning(fault: Fault, text: str, remote: Remote, logins: Logins, place: str) -> Meaning:
    """Reason and remedy. ``place`` is the folder that was written to."""
    match fault:
        case Fault.DENIED | Fault.MISSING if not remote.is_local:
            return _denied(fault, remote, logins)
        case Fault.SERVER:
            found = re.search(r"(?:returned error: |HTTP )(5\d\d)", text)
            number = f" (error {found[1]})" if found else ""
            return Meaning(f"{fault}{number}", "wait for it to be well again, then run the job again")
        case Fault.UNKNOWN:
            return Meaning(_telling(text), "the log shows what git said")
        case _:
            reason, remedy = _PLAIN[fault]
            return Meaning(reason.format(place=place, host=remote.host), remedy.format(host=remote.host))


_AGAIN = "check the address and the pod's network, then run the job again"
_PLAIN: dict[Fault, tuple[str, str]] = {
    Fault.FULL: (
        "the disk that holds {place} is full",
        "make the pod's volume larger, or remove old files from it; nothing was lost",
    ),
    Fault.READ_ONLY: ("{place} cannot be written to", "check the pod's volume and who owns the folder"),
    Fault.DAMAGED: ("the repository's store in {place} is damaged", "move the folder's .git away"),
    Fault.HOST_KEY: (
        "the server {host} shows another host key than the one known here",
        "if its key was changed on purpose, remove its old line from ~/.ssh/known_hosts on the pod",
    ),
    Fault.NO_SSH: (
        "the image has no ssh program",
        "write POD_REPO as an https:// address (with POD_GIT_TOKEN where it is private), or add openssh-client",
    ),
    Fault.DENIED: ("access was denied", "check who may read the repository"),
    Fault.MISSING: (
        "there is no git repository at that address",
        "check POD_REPO: it is an https:// address or a path that git can clone",
    ),
    Fault.QUOTA: (
        "the repository's quota of git LFS is used up",
        "its owner can raise it at the git host; or keep the files elsewhere",
    ),
    Fault.CERTIFICATE: (
        "the certificate of {host} is not trusted",
        "give the image its CA certificate, and GIT_SSL_CAINFO its path",
    ),
    Fault.NOT_GIVEN: ("the server does not give that commit", "push it, or set POD_REF"),
    Fault.BUSY: (str(Fault.BUSY), "run the job again later; with a token the limits are wider"),
    Fault.SILENT: ("the server says nothing", _AGAIN),
    Fault.UNREACHABLE: ("the server cannot be reached", _AGAIN),
    Fault.CUT: ("the connection was cut each time", _AGAIN),
    Fault.GARBAGE: (
        "the server's answer is not git's",
        "check the address, and whether a proxy stands in between; then run the job again",
    ),
}


def _denied(fault: Fault, remote: Remote, logins: Logins) -> Meaning:
    """Private, or not there: git hosts do not tell which. What helps depends on what was tried."""
    asked = "there is no such repository, or " if fault is Fault.MISSING else ""
    if ssh_address(remote.url) is not None:
        return _denied_ssh(asked, remote, logins)
    host = remote.host
    if remote.login is not None:
        source = remote.login.source
        what = "the login in POD_REPO" if source == "POD_REPO" else source
        return Meaning(
            f"{asked}access was denied to {what}, which was given to {host}",
            f"check the address, and that {what} has not expired and may read this repository"
            " (on GitHub: Contents, read; authorized for the organization's SSO)",
        )
    said = f"{asked}access was denied: {host} was asked without a login"
    if logins.has_token and origin_of(remote.url) is None:
        return Meaning(said, "POD_GIT_TOKEN is not sent over plain http://: write POD_REPO with https://")
    others = " and ".join(login.source for login in logins.known)
    spared = f"; {others} was not sent, being for another host" if others else ""
    if logins.deploy_key is not None:
        spared += "; POD_DEPLOY_KEY works over ssh only: write POD_REPO as git@host:owner/name.git"
    token = "GITHUB_TOKEN or POD_GIT_TOKEN" if host == "github.com" else "POD_GIT_TOKEN"
    return Meaning(
        said, f"check the address; if the repository is private, give {token} with read access{spared}"
    )


def _denied_ssh(asked: str, remote: Remote, logins: Logins) -> Meaning:
    if logins.deploy_key is not None:
        return Meaning(
            f"{asked}access was denied to the key in POD_DEPLOY_KEY, which was shown to {remote.host}",
            "check the address, and that the key's public half is a deploy key of this very repository",
        )
    return Meaning(
        f"{asked}access was denied: {remote.host} was asked over ssh without a key of ours",
        "give POD_DEPLOY_KEY, or POD_GIT_TOKEN (the address is then used over https)",
    )


def _telling(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return telling[-1].split(": ", 1)[-1] if telling else "git ended without a word"
