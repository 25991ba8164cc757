"""Public keys out of the variables that RunPod and people put them into: which lines are good, and which are not. Pure.

A bad line is named by variable and number, never by content: somebody may have pasted a private key. Not here: files.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pod_agent.settings import SSH_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    bad: list[str] = []
    for name in SSH_KEYS:
        for number, line in enumerate(lines(variables.get(name, "")), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            key = read(text)
            if key is None:
                bad.append(f"{name}, line {number}: {wrong(text)}")
            else:
                found.setdefault((key.kind, key.body), key)
    return Keys(tuple(found.values()), tuple(bad))


def lines(value: str) -> list[str]:
    r"""The lines of a variable; in one that holds no line's end, ``\n`` is one: RunPod's form and shells write so."""
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1]
    if "\n" not in text and "\r" not in text:
        text = text.replace("\\r", "").replace("\\n", "\n")
    return re.split(r"\r\n|\r|\n", text)


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
    if not options.isprintable():
        return None
    return Key(match["kind"], match["body"], options, comment)


def wrong(text: str) -> str:
    """What is wrong with a line, without a letter of it."""
    if "PRIVATE KEY" in text:
        return "a private key; the public one ends in .pub, and this one should be replaced"
    if re.search(KINDS, text) is not None:
        return "a key that is cut off or damaged"
    return "no public key"


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
