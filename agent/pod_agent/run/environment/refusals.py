"""What an installer's refusal means: the reason in words, the remedy, and whether it may pass by itself.

Values and patterns only, over the words of pip and uv. Not here: running them (``installing``).
"""

from __future__ import annotations

import re

from pod_wire.frozen import dataclass

_AGAIN = "run the job again in a few minutes; the index may be down"
_COMPILER = "the log shows the compiler's words; pin a version that has a wheel for this Python"
_LOGIN = "check the login in PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, UV_DEFAULT_INDEX or .netrc"
_FILE = r"([^/\s'\"()]+\.(?:whl|tar\.gz|zip))"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``passing``: worth another try."""

    reason: str
    remedy: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class _Meaning:
    pattern: str
    reason: str
    remedy: str
    passing: bool = False


def _status(code: str) -> str:
    """How the installers name an HTTP status."""
    return (
        rf"\b{code} (?:Client|Server) Error|\b{code} Error|HTTP error {code}|too many {code} error responses|"
        rf"HTTP status (?:client|server) error \({code}|\({code} [A-Z]|returned a {code} "
    )


# The first that fits counts: what is sure before what may be its consequence.
_MEANINGS = (
    _Meaning(
        r"No space left on device|os error 28\b|Disk quota exceeded",
        "the container's disk is full",
        "give the pod a larger container disk",
    ),
    _Meaning(
        rf"(?s)Downloading [^\n]*?{_FILE}(?!.*Downloading ).*DO NOT MATCH THE HASHES",
        "{0} is not the file that was promised: its sha256 differs",
        "a mirror or proxy on the way may have changed or cut it; where you pin hashes yourself, lock again",
        passing=True,
    ),
    _Meaning(
        r"DO NOT MATCH THE HASHES|[Hh]ash mismatch for `([^`]+)`",
        "{0} is not the file that was promised: its sha256 differs",
        "a mirror or proxy on the way may have changed or cut it; where you pin hashes yourself, lock again",
        passing=True,
    ),
    _Meaning(_status("401"), "the package index wants a login, or refuses the one it got (401)", _LOGIN),
    _Meaning(
        _status("403"),
        "the package index forbids it (403)",
        f"{_LOGIN}, and that it may read this project",
    ),
    _Meaning(
        _status("429"),
        "the package index was asked too often (429)",
        "run the job again in a few minutes, or name another index in PIP_INDEX_URL",
        passing=True,
    ),
    _Meaning(_status("(5[0-9][0-9])"), "the package index fails ({0})", _AGAIN, passing=True),
    _Meaning(
        r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|SSLCertVerificationError|SSLVerificationError",
        "the package index's certificate is not trusted",
        "for an index with its own authority, name its certificate in PIP_CERT or SSL_CERT_FILE",
    ),
    _Meaning(
        r"ReadTimeout|[Rr]ead timed out|operation timed out|ConnectTimeout|didn.t respond within",
        "the package index does not answer in time",
        "check PIP_INDEX_URL and the pod's network; PIP_TIMEOUT and UV_HTTP_TIMEOUT are how long is waited",
        passing=True,
    ),
    _Meaning(
        r"IncompleteRead|IncompleteDownload|incomplete-download|not enough bytes were received|"
        r"[Cc]onnection broken|end of file before message length|ConnectionResetError|RemoteDisconnected|"
        r"error decoding response body|connection closed before message",
        "a download breaks off",
        _AGAIN,
        passing=True,
    ),
    _Meaning(
        r"NewConnectionError|NameResolution|[Cc]onnection refused|Max retries|error sending request|dns error|"
        r"ProxyError|Failed to (?:connect|resolve|establish)|Unable to fetch",
        "the package index cannot be reached",
        "check the pod's network and PIP_INDEX_URL, then run the job again",
        passing=True,
    ),
    _Meaning(
        rf"HTTP error 404 while getting \S*?{_FILE}|Failed to fetch: \S*?{_FILE}[^\n]*\n[^\n]*\(404 ",
        "the package index names {0} and does not have it (404)",
        "pin another version, or name another index in PIP_INDEX_URL",
    ),
    _Meaning(
        r"podkeep: (\S+) was found when asked for again",
        "the package index had nothing to say about {0}",
        _AGAIN,
        passing=True,
    ),
    _Meaning(
        r"(?s)No matching distribution found for ([^\s(]+).*404 Client Error",
        "there is no {0} on the package index",
        "check its name; a private index is named in PIP_EXTRA_INDEX_URL",
    ),
    _Meaning(
        r"No matching distribution found for ([^\s(]+)",
        "there is no {0} for this Python and platform",
        "check the name and the version in the requirements file",
    ),
    _Meaning(
        r"Because (\S+) was not found in the package registry",
        "there is no {0} on the package index",
        "check its name; a private index is named in UV_INDEX",
    ),
    _Meaning(
        r"[Bb]ecause there is no version of (\S+)|has no wheels with a matching",
        "there is no {0} for this Python and platform",
        "check the name and the version",
    ),
    _Meaning(
        r"ResolutionImpossible|conflicting dependencies|your requirements are unsatisfiable",
        "its pins contradict each other",
        "the log names them; loosen one",
    ),
    _Meaning(
        r"Could not open requirements file.*'([^']+)'",
        "{0} does not exist",
        "check the path after -r or -c in the requirements file",
    ),
    _Meaning(
        r"requires a different Python: (\S+) not in '([^']+)'",
        "the project asks for Python {1} and the image has {0}",
        "use an image with such a Python, or widen requires-python",
    ),
    _Meaning(r"Invalid requirement: (.+?)(?:: |$)", "{0} is not a requirement", "correct that line"),
    _Meaning(
        r"Failed building wheel for (\S+)|Could not build wheels for ([^,\n]+)|Failed to build [`']([^`'\s]+)|"
        r"(?:metadata-generation-failed|failed-wheel-build-for-install)[^\u2570]*\u2570\u2500> (?!See above)(\S+)",
        "{0} could not be built from its sources",
        _COMPILER,
    ),
    _Meaning(
        r"failed-wheel-build-for-install|metadata-generation-failed|subprocess-exited-with-error|Failed to build ",
        "a package could not be built from its sources",
        _COMPILER,
    ),
)


def refusal(text: str) -> Refusal | None:
    """The first meaning that fits an installer's words; None where nobody knows it."""
    for one in _MEANINGS:
        found = re.search(one.pattern, text)
        if found:
            names = [group for group in found.groups() if group]
            reason = one.reason.format(*names) if names or "{" not in one.reason else _nameless(one.reason)
            return Refusal(reason, one.remedy, one.passing)
    return None


def _nameless(reason: str) -> str:
    return reason.format("a package", "another")
