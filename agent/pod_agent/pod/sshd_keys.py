"""Public keys out of the variables that RunPod and people put them into: which lines are good, and which are not. Pure.

A bad line is named by variable and number, never by content: somebody may have pasted a private key. Not here: files.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from typing import TYPE_CHECKING

from pod_agent.settings import SSH_KEYS
from pod_wire.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KINDS = (
    r"ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp(?:256|384|521)"
    r"|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com"
)
KEY = re.compile(
    rf"(?P<kind>(?:{KINDS})(?:-cert-v01@openssh\.com)?)[ \t]+(?P<body>[A-Za-z0-9+/]+={{0,3}})(?=[ \t]|$)"
)
QUOTED = r'"(?:\\"|[^"])*+"'  # as sshd reads it; possessive, or a long line of quotes would take for ever
OPTION = rf"[A-Za-z0-9-]++(?:={QUOTED})?"
OPTIONS = re.compile(rf"(?P<options>{OPTION}(?:,{OPTION})*)[ \t]+")
OWN_COMMAND = re.compile(r'(?:^|,)command="', re.IGNORECASE)
_KNOWN = """
agent-forwarding cert-authority command environment expiry-time from no-agent-forwarding no-port-forwarding no-pty
no-touch-required no-user-rc no-x11-forwarding permitlisten permitopen port-forwarding principals pty restrict tunnel
user-rc verify-required x11-forwarding
"""
KNOWN_OPTIONS = frozenset(_KNOWN.split())  # with another one before it, sshd passes over the whole key
ESCAPED_END = re.compile(
    rf"(?P<kept>={QUOTED})|(?:\\r)?\\n|\\r\Z"
)  # what an option's quotes hold is the option's
LATER_KEY = re.compile(rf"(?:\\r)?\\n(?=(?:{KINDS})[ \t])")
PRIVATE = "PRIVATE KEY", "PuTTY-User-Key-File"
PRIVATE_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----|Private-MAC:")
DSA = "ssh-dss"
LENGTH_BYTES = 4
MOST_BAD = 5


@dataclass(frozen=True, slots=True)
class Key:
    """One that may come in."""

    kind: str
    body: str
    options: str = ""
    comment: str = ""

    @property
    def has_own_command(self) -> bool:
        return OWN_COMMAND.search(re.sub(f"(?<==){QUOTED}", '""', self.options)) is not None


@dataclass(frozen=True, slots=True)
class Keys:
    """Those found, each once, and in words which lines were not understood."""

    keys: tuple[Key, ...] = ()
    bad: tuple[str, ...] = ()


def find(variables: Mapping[str, str]) -> Keys:
    """All keys of the three variables, in their order."""
    found: dict[tuple[str, str], Key] = {}
    bad: list[tuple[bool, str]] = []
    for name in SSH_KEYS:
        for number, text in _told(variables.get(name, "")):
            key = read(text)
            if key is not None:
                found.setdefault((key.kind, key.body), key)
            if key is None or KEY.search(key.comment) is not None:
                bad.append((not _is_private(text), f"{name}, line {number}: {wrong(text)}"))
    return Keys(tuple(found.values()), tuple(words for _, words in sorted(bad, key=lambda one: one[0])))


def _told(value: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers. A private key is one of them, however many it has."""
    inside = False
    for number, line in enumerate(lines(value), 1):
        text = line.strip().strip("\ufeff")
        if inside and read(text) is None:
            inside = PRIVATE_END.search(text) is None
            continue
        inside = _is_private(text) and PRIVATE_END.search(text) is None
        if text and not text.startswith("#"):
            yield number, text


def _is_private(text: str) -> bool:
    return any(words in text for words in PRIVATE)


def lines(value: str) -> list[str]:
    r"""The lines of a variable; in one that holds no line's end, ``\n`` is one: RunPod's form and shells write so."""
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if "\n" not in text and "\r" not in text:
        text = ESCAPED_END.sub(lambda found: found["kept"] or "\n", text)
    return re.split(r"\r\n|\r|\n", LATER_KEY.sub("\n", text))


def read(text: str) -> Key | None:
    """One line of an authorized_keys file, without a line's end; None where it is none."""
    options = ""
    match = KEY.match(text)
    if match is None:
        before = OPTIONS.match(text)
        match = KEY.match(text, before.end()) if before is not None else None
        if before is None or match is None:
            return None
        options = before["options"]
    if not _is_of(match["kind"], match["body"]):
        return None
    comment = "".join(c if c.isprintable() else " " for c in text[match.end() :]).strip()
    if not options.isprintable() or not _names(options) <= KNOWN_OPTIONS or _is_useless(match["kind"]):
        return None
    return Key(match["kind"], match["body"], options, comment)


def wrong(text: str) -> str:
    """What is wrong with a line, without a letter of it."""
    if _is_private(text):
        return "a private key; the public one ends in .pub, and this one should be replaced"
    if "BEGIN SSH2 PUBLIC KEY" in text:
        return "a public key in another program's form; `ssh-keygen -i -f FILE` writes it as ssh does"
    before = OPTIONS.match(text)
    whole = next((match for match in KEY.finditer(text) if _is_of(match["kind"], match["body"])), None)
    if whole is None:
        return "a key that is cut off or damaged" if re.search(KINDS, text) is not None else "no public key"
    if whole["kind"] == DSA:
        return "a DSA key, which sshd no longer takes; make another (ssh-keygen -t ed25519)"
    if "-cert-" in whole["kind"]:
        return "a certificate, which opens nothing here; put the key itself, or cert-authority and the authority's key"
    if read(text) is not None:
        return "more keys than one; only the first counts, each needs a line of its own"
    is_option = (
        before is not None and before.end() == whole.start() and _names(before["options"]) <= KNOWN_OPTIONS
    )
    return (
        "a key that is cut off or damaged"
        if is_option
        else "a key with something before it that is no option"
    )


def _is_useless(kind: str) -> bool:
    """Such a line is understood by sshd and lets nobody in."""
    return kind == DSA or "-cert-" in kind


def _names(options: str) -> set[str]:
    """The names of the options before a key, in small letters."""
    bare = re.sub(f"={QUOTED}", "", options)
    return {name.lower() for name in bare.split(",") if name}


def _is_of(kind: str, body: str) -> bool:
    """Whether the body decodes, and begins with the name of its kind, as all do."""
    try:
        blob = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return False
    length = int.from_bytes(blob[:LENGTH_BYTES], "big")
    rest = blob[LENGTH_BYTES:]
    return rest[:length] == kind.encode() and len(rest) > length and _is_whole(rest[length:])


def _is_whole(parts: bytes) -> bool:
    """Whether all the length-prefixed parts of a key are there to their last byte."""
    at = 0
    while at < len(parts):
        if len(parts) - at < LENGTH_BYTES:
            return False
        at += LENGTH_BYTES + int.from_bytes(parts[at : at + LENGTH_BYTES], "big")
    return at == len(parts)


def authorized(keys: tuple[Key, ...], login: str) -> bytes:
    """The file for sshd. Whoever has a command of the key's own gets that; everybody else our login."""
    ours = shlex.quote(login).replace("\\", "\\\\").replace('"', '\\"')
    return "".join(_line(key, f'command="exec sh {ours}"') for key in keys).encode("utf-8", "replace")


def _line(key: Key, command: str) -> str:
    options = key.options if key.has_own_command else ",".join(filter(None, (command, key.options)))
    return f"{options} {key.kind} {key.body} {key.comment}".strip() + "\n"


def warning(bad: tuple[str, ...]) -> str:
    """One sentence for all bad lines."""
    more = f" and {len(bad) - MOST_BAD} more" if len(bad) > MOST_BAD else ""
    return f"public keys for ssh that are not understood and skipped: {'; '.join(bad[:MOST_BAD])}{more}"
