"""The transport of everything but the log's stream: one requests session, our User-Agent, no surprises.

No redirect is followed (it would drop the key or lead it elsewhere), and no .netrc replaces our key.
"""

from __future__ import annotations

import base64
from dataclasses import field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_auth_from_url

from pod_wire.errors import BadInput, Unreachable
from pod_wire.frozen import dataclass
from pod_wire.runpod.transport import USER_AGENT, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping


CERTIFICATES = "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names a file or folder that cannot be read"
ADDRESSES = "POD_RUNPOD_URL and POD_PROXY_URL, or runpod_url and proxy in config.toml, hold the addresses"
OFFLINE = f"check this machine's network; {ADDRESSES}"
NO_ADDRESS = (
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SIGNS = (
    ("Name or service", "no such host"),
    ("getaddrinfo", "no such host"),
    ("refused", "nobody listens there"),
)
_NEVER_CONNECTED = ("Failed to establish a new connection", "Failed to resolve")  # urllib3's words


class _OurOwnHeader(AuthBase):
    """An auth that changes nothing: given one, requests leaves .netrc alone."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class RequestsTransport:
    """pod_wire's Transport over requests. Sessions are kept, so that asking each second costs no handshake."""

    def __init__(self) -> None:
        self._auth = _OurOwnHeader()
        self._session = _session(trust_env=True)
        self._loopback = _session(trust_env=False)  # a company's HTTP proxy cannot reach our own machine

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, timeout_s: float
    ) -> Answer:
        host = urlsplit(url).hostname or ""
        session = self._loopback if host in LOOPBACK else self._session
        try:
            answer = session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=timeout_s,
                allow_redirects=False,
                auth=self._auth,
            )
        except NO_ADDRESS:
            raise BadInput(
                "cannot send a request: the URL is neither http nor https", hint=ADDRESSES
            ) from None
        except requests.Timeout as error:
            sent = not isinstance(error, requests.ConnectTimeout)
            raise Unreachable(
                f"cannot reach {host}: no answer within {timeout_s:g} s", OFFLINE, sent=sent
            ) from None
        except requests.RequestException as error:
            raise Unreachable(f"cannot reach {host}: {_reason(error)}", OFFLINE, sent=_sent(error)) from None
        except OSError as error:  # requests does not wrap what it cannot read before it connects
            raise Unreachable(
                f"cannot reach {host}: its certificate cannot be checked",
                CERTIFICATES,
                sent="TLS" not in str(error),
            ) from None
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, names, answer.content)


@dataclass(frozen=True, slots=True)
class Way:
    """How requests would reach a URL: with which certificates, through which proxy."""

    certificates: str
    proxy: tuple[str, int] | None
    proxy_login: str | None = field(default=None, repr=False)  # the value of a Proxy-Authorization header


def way_to(url: str) -> Way:
    settings = requests.Session().merge_environment_settings(url, {}, None, None, None)
    verify = settings["verify"]
    certificates = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
    named = settings["proxies"].get(urlsplit(url).scheme)
    if not named:
        return Way(certificates, None)
    proxy = urlsplit(named if "//" in named else f"//{named}")
    if not proxy.hostname:
        return Way(certificates, None)
    user, password = get_auth_from_url(proxy.geturl())
    login = base64.b64encode(f"{user}:{password}".encode()).decode() if user else None
    return Way(certificates, (proxy.hostname, proxy.port or 80), f"Basic {login}" if login else None)


def _session(*, trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    session.headers["User-Agent"] = USER_AGENT
    return session


def _reason(error: requests.RequestException) -> str:
    """In words, without the URL and the headers that requests likes to print."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, requests.exceptions.ProxyError):
        return "the HTTP proxy in between refused"
    text = str(error)
    return next((words for sign, words in _SIGNS if sign in text), "the connection broke")


def _sent(error: requests.RequestException) -> bool:
    """False where no connection came about; everything else may have arrived."""
    return not any(sign in str(error) for sign in _NEVER_CONNECTED)
