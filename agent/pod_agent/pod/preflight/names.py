"""Can the names be resolved that the job needs? DNS in pods has been seen broken: several tries.

Only hosts that the job or the pod talks to anyway. Behind a proxy the proxy resolves, and only its own name counts.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pod_agent.pod.preflight.verdict import FINE, Finding, failure, warning
from pod_wire.frozen import dataclass
from pod_wire.source import NoSource, SourceKind, read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pod_wire.clock import Clock

PAUSES_S = (1.0, 3.0, 8.0, 15.0)
LIMIT_S = 60.0  # a resolver that answers nothing takes ten seconds or more for each try
HUB = "huggingface.co"
INDEXES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL")
PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "http_proxy")
REMEDY = "RunPod's DNS on this host is at fault, or the name is wrong: try again, or another pod"


@dataclass(frozen=True, slots=True)
class Name:
    """A host and what it is needed for. ``is_alias``: it may be a name of ssh's own configuration."""

    host: str
    what: str
    is_code: bool = False
    is_alias: bool = False


def needed(repo: str | None, environment: Mapping[str, str], runpod_url: str) -> tuple[Name, ...]:
    """The hosts that this job will talk to, each once."""
    proxy = next((host for name in PROXIES if (host := _host(environment.get(name)))), None)
    hub = _host(environment.get("HF_ENDPOINT")) or HUB
    found = [_code(repo, hub)] if repo is not None else []
    for name in INDEXES:
        found += [Name(host, name) for word in environment.get(name, "").split() if (host := _host(word))]
    if environment.get("HF_TOKEN"):
        found.append(Name(hub, "the Hugging Face Hub"))
    if host := _host(runpod_url):
        found.append(Name(host, "RunPod's API"))
    named = [one for one in found if one is not None]
    if proxy is not None:
        is_code = any(one.is_code for one in named)
        named = [Name(proxy, "the proxy", is_code)] if named else []
    once: dict[str, Name] = {}
    for one in named:
        once.setdefault(one.host, one)
    return tuple(once.values())


def _code(repo: str, hub: str) -> Name | None:
    try:
        source = read_source(repo)
    except NoSource:
        return None
    if source.kind is SourceKind.HUB:
        return Name(hub, "the code", is_code=True)
    if source.kind not in {SourceKind.GIT, SourceKind.ARCHIVE}:
        return None
    host = _host(repo) if "://" in repo else repo.partition(":")[0].rpartition("@")[2]
    is_alias = not repo.startswith(("http://", "https://"))
    return Name(host, "the code", is_code=True, is_alias=is_alias) if host else None


def _host(url: str | None) -> str | None:
    text = url or ""
    try:
        return urlsplit(text if "://" in text else f"//{text}").hostname or None
    except ValueError:
        return None


def resolve(host: str) -> None:
    """OSError when nobody knows it."""
    socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)


def look(
    name: Name,
    clock: Clock,
    ask: Callable[[str], None] = resolve,
    given_up: Callable[[], bool] = lambda: False,
) -> str | None:
    """None when it resolves; else the last error, after all tries."""
    for pause_s in (*PAUSES_S, None):
        try:
            ask(name.host)
        except (OSError, UnicodeError) as error:
            words = str(getattr(error, "strerror", None) or error)
        else:
            return None
        if pause_s is None or given_up():
            return words
        clock.sleep(pause_s)
    raise AssertionError("the last try returns")


def judge(name: Name, error: str | None, *, must_fetch: bool) -> Finding:
    """Fatal only where the code still has to come from there, and nobody else may know the name."""
    if error is None or (name.is_alias and not must_fetch):
        return FINE
    tries = len(PAUSES_S) + 1
    reason = f"the name {name.host} ({name.what}) does not resolve, {tries} tries: {error}"
    is_fatal = must_fetch and name.is_code and not name.is_alias
    return failure(reason, REMEDY) if is_fatal else warning(reason, REMEDY)
