"""How programs and libraries write the HTTP status that a server refused them with.

Pure. A bare number is none: a step, a size, a part of a file's name or of a URL has the same three digits.
"""

from __future__ import annotations

_PHRASES = (
    "Client Error|Server Error|Too Many Requests|Unauthorized|Forbidden|Not Found|Internal Server Error|Bad Gateway"
    "|Service Unavailable|Gateway Time-?[Oo]ut|error responses"
)


def raised(code: str) -> str:
    """A regular expression that finds the status ``code`` (itself one, of three digits) in an exception's message.

    The forms are those of requests, httpx, urllib, urllib3, aiohttp, botocore, Google's and OpenAI's clients, datasets
    and wandb.
    """
    return (
        rf"^{code}(?: [A-Z]{{2}}|, message=)|\b(?:Client|Server|Redirect) error '{code} "
        rf"|\b{code} (?:{_PHRASES})"
        rf"|\bHTTP(?:/[\d.]+)?(?: [Ee]rror)?(?: [Ss]tatus)?(?: [Cc]ode)?:? {code}\b"
        rf"|\b(?:[Ss]tatus|[Ee]rror|[Rr]esponse)[ _][Cc]ode(?: is|:|=)? ?{code}\b"
        rf"|\b(?:[Ss]tatus|[Rr]esponse|[Ee]rror)(?: is|:|=)? ?\(?{code}(?=[:,.;)]|$)"
        rf"|\bAn error occurred \({code}\)"
    )


def said(code: str) -> str:
    """The same for the line of a program that ends with it, from the line's beginning: git, curl and wget."""
    return rf"(?:fatal: .*|curl: \(22\) .*)\breturned error: {code}\b|(?:[\d: -]{{19}} )?ERROR {code}: "
