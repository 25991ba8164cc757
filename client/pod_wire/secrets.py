"""Values that must not be shown: the type that hides one, the token rule, and which of an environment they are.

``str()``, ``repr()`` and f-strings of a Secret show stars; ``reveal()`` is the only way to it. Not here: masking.
"""

from __future__ import annotations

import hmac
import json
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import unquote

from pod_wire.key_text import private_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WELL_KNOWN: Final = frozenset(
    {
        "ANTHROPIC_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "COMET_API_KEY",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "JUPYTER_PASSWORD",
        "KAGGLE_KEY",
        "NEPTUNE_API_TOKEN",
        "OPENAI_API_KEY",
        "POD_DEPLOY_KEY",
        "POD_GIT_TOKEN",
        "POD_STOP_KEY",
        "POD_TOKEN",
        "RUNPOD_API_KEY",
        "WANDB_API_KEY",
    }
)
SUFFIXES: Final = ("_TOKEN", "_API_KEY", "_SECRET", "_PASSWORD", "_SECRET_KEY")
CLEARML: Final = ("CLEARML_API_ACCESS_KEY", "CLEARML_API_SECRET_KEY")
OURS: Final = frozenset(
    {"POD_TOKEN", "RUNPOD_API_KEY", "POD_ORDER", "POD_GIT_TOKEN", "POD_DEPLOY_KEY", "POD_STOP_KEY"}
)
INDEXES: Final = frozenset(  # of packages: lists of URLs, in which a login may stand
    {
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "PIP_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "UV_EXTRA_INDEX_URL",
        "UV_FIND_LINKS",
        "UV_INDEX",
        "UV_INDEX_URL",
    }
)
_URLS: Final = re.compile(r"\s+|,(?=(?:[\w.-]+=)?[a-z+]+://)")
_HASHED: Final = "sha256:"
_JSON_SECRETS: Final = ("private_key", "private_key_id", "client_secret", "refresh_token")
_LEAST_BYTES: Final = 8
_LEAST_TOKEN_BYTES: Final = 20  # shorter ones are people's names


class Secret:
    """A string that hides itself. Equality is in constant time; it is not hashable, so it is no dict key."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself. Search for this name to find every place that touches one."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return False
        return hmac.compare_digest(_encoded(self._value), _encoded(other._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __str__(self) -> str:
        return "********"

    def __repr__(self) -> str:
        return "Secret(********)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a Secret: it would lie on disk in clear")


class TokenRule:
    """What the agent accepts as its bearer token: tokens, or ``sha256:<hex>`` of one. Compared in constant time."""

    __slots__ = ("_digests",)

    def __init__(self, *configured: Secret) -> None:
        self._digests = tuple(_digest(one.reveal()) for one in configured)

    def accepts(self, presented: str) -> bool:
        digest = sha256(_encoded(presented)).hexdigest().encode()
        return any(hmac.compare_digest(digest, _encoded(known)) for known in self._digests)


def _digest(text: str) -> str:
    known = text.removeprefix(_HASHED).lower()
    return known if text.startswith(_HASHED) else sha256(_encoded(text)).hexdigest()


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret: well-known names and exact suffixes, so not MAX_TOKENS."""
    upper = name.upper()
    return upper in WELL_KNOWN or upper in CLEARML or upper.endswith(SUFFIXES)


def find_secrets(env: Mapping[str, str]) -> tuple[Secret, ...]:
    """The values of an environment that must not leave the pod, each once."""
    values = dict.fromkeys(value for _, value in _secret_values(env))
    return tuple(Secret(value) for value in values)


def weak_secrets(env: Mapping[str, str]) -> tuple[str, ...]:
    """Names whose values are secrets too short to be masked; they are warned about."""
    short = (name for name, value in _secret_values(env) if len(_encoded(value.strip())) < _LEAST_BYTES)
    return tuple(sorted(set(short)))


def job_environment(env: Mapping[str, str]) -> dict[str, str]:
    """The environment as the job gets it: without the tokens that are ours alone."""
    return {name: value for name, value in env.items() if name not in OURS}


def _encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _secret_values(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in env.items():
        if is_secret_name(name):
            if value.strip() and not (name == "POD_TOKEN" and value.startswith(_HASHED)):
                yield name, value
                yield from ((name, part) for part in _json_parts(value))
                yield from ((name, part) for part in _git_parts(name, value))
        elif name.upper() in INDEXES:
            for url in _URLS.split(value):
                yield from (
                    (name, part) for part in (*_url_passwords(url), *_url_tokens(url.replace(":@", "@", 1)))
                )
        elif name.upper().endswith(("_URL", "_PROXY")):
            yield from ((name, part) for part in _url_passwords(value))
        elif name.upper() == "POD_REPO":
            yield from ((name, part) for part in (*_url_passwords(value), *_url_tokens(value)))


def _git_parts(name: str, value: str) -> Iterator[str]:
    """The token of ``user:token``, and a key as ssh is given it, whatever form it came in."""
    if name == "POD_GIT_TOKEN" and ":" in value:
        yield value.strip().partition(":")[2]
    elif name == "POD_DEPLOY_KEY":
        key = private_key(value)
        if key is not None and key.strip() != value.strip():
            yield key


def _json_parts(value: str) -> Iterator[str]:
    """The secret texts inside a credential that is a JSON document, as a program would print them."""
    if not value.lstrip().startswith("{"):
        return
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        return
    for key in _JSON_SECRETS:
        part = document.get(key) if isinstance(document, dict) else None
        if isinstance(part, str) and part.strip():
            yield part


def _url_tokens(value: str) -> Iterator[str]:
    """A token that stands alone before the host, as git hosts take it: ``https://token@host/path``."""
    _, found, rest = value.partition("://")
    login, at, _ = rest.partition("/")[0].rpartition("@")
    if found and at and ":" not in login and len(login) >= _LEAST_TOKEN_BYTES:
        yield login


def _url_passwords(value: str) -> Iterator[str]:
    """The password in ``scheme://user:password@host``, as written and decoded."""
    _, found, rest = value.partition("://")
    login, at, _ = rest.partition("/")[0].rpartition("@")
    _, colon, password = login.partition(":")
    if found and at and colon and password:
        yield password
        if unquote(password) != password:
            yield unquote(password)
