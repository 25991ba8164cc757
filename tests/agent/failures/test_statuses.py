"""A server's status in what programs say, and the same three digits where they are none."""

from __future__ import annotations

import pytest

from pod_agent.run.failures.failure import Kind
from tests.agent.failures.test_odd_logs import of, trace

RAISED = {
    "requests": (
        "requests.exceptions.HTTPError: {} Client Error: words for url: http://h/a",
        "401 403 404 429",
    ),
    "requests, its fault": (
        "requests.exceptions.HTTPError: {} Server Error: words for url: http://h/a",
        "500 503",
    ),
    "httpx": ("httpx.HTTPStatusError: Client error '{} Words' for url 'http://h/a'", "401 403 404 429"),
    "httpx, its fault": ("httpx.HTTPStatusError: Server error '{} Words' for url 'http://h/a'", "502 504"),
    "urllib": ("urllib.error.HTTPError: HTTP Error {}: Words", "401 403 404 429 500"),
    "urllib3": ("urllib3.exceptions.ResponseError: too many {} error responses", "429 503"),
    "aiohttp": (
        "aiohttp.client_exceptions.ClientResponseError: {}, message='Words', url='u'",
        "401 403 404 429 502",
    ),
    "openai": ("openai.APIClientError: Error code: {} - {{'error': {{'code': 'x'}}}}", "401 403 404 429 500"),
    "google": ("google.api_core.exceptions.ClientError: {} POST https://h/a: words", "401 403 404 429 503"),
    "botocore": (
        "botocore.exceptions.ClientError: An error occurred ({}) when calling the HeadObject operation: words",
        "401 403 404 429 503",
    ),
    "datasets": ("ConnectionError: Couldn't reach https://h/a (error {})", "403 404 429 503"),
    "a library's own": ("RuntimeError: the server answered with status code {}", "401 403 404 429 500"),
    "wandb": ("wandb.errors.CommError: returned error {}: words", "401 403 404 429 500"),
}
SAID = {
    "git": (
        "fatal: unable to access 'https://h/503/404/': The requested URL returned error: {}",
        "401 403 404 429 500",
    ),
    "curl": ("curl: (22) The requested URL returned error: {}", "401 403 404 429 503"),
    "wget": ("2026-11-24 00:03:19 ERROR {}: Words.", "403 404 429 503"),
}
KINDS = {"401": Kind.LOGIN, "403": Kind.FORBIDDEN, "404": Kind.NOT_ON_SERVER}
NO_STATUS = {
    "a size": (
        "RuntimeError: The size of tensor a (403) must match the size of tensor b (429) at dimension 1",
        Kind.SHAPE,
    ),
    "a step": ("RuntimeError: the loss exploded at step 429", Kind.EXCEPTION),
    "a token": ("ValueError: 503 is not in the vocabulary", Kind.EXCEPTION),
    "a count": ("ValueError: expected 404 columns, got 500", Kind.EXCEPTION),
    "a code": ("ValueError: code 512 of the codebook is unused", Kind.EXCEPTION),
    "an error's number": ("ValueError: Error: 503 samples were dropped", Kind.EXCEPTION),
    "a name": ("RuntimeError: cannot open /data/run-429/model-503.bin", Kind.EXCEPTION),
    "a URL": (
        "requests.exceptions.HTTPError: 404 Client Error: Not Found for url: http://h/429/503",
        Kind.NOT_ON_SERVER,
    ),
    "a name that says much": (
        "OSError: [Errno 30] Read-only file system: '/a/503 Server Error/loss is nan'",
        Kind.PERMISSION,
    ),
    "two names": (
        "OSError: [Errno 122] Disk quota exceeded: 'a' -> '/CUDA out of memory/429 Client Error'",
        Kind.QUOTA,
    ),
    "a name in bytes": (
        "FileNotFoundError: [Errno 2] No such file or directory: b'/loss nan/Too many open files'",
        Kind.NO_FILE,
    ),
}
NOT_SAID = (
    "2026-11-24 00:03:19 ERROR step 14032 failed",
    "ERROR: sample 10404 is bad",
    "ERROR [503] skipped",
    "curl: (22) 429",
)


def codes_of(table: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    return [(text, code) for text, codes in table.values() for code in codes.split()]


@pytest.mark.parametrize(("text", "code"), codes_of(RAISED))
def test_a_status_in_an_exception_is_read(text, code):
    """In the form of each library that the field asks servers with."""
    assert of(trace(text.format(code))).kind is KINDS.get(code, Kind.SERVER)


@pytest.mark.parametrize(("text", "code"), codes_of(SAID))
def test_a_status_in_a_programs_last_words_is_read(text, code):
    """As git, curl and wget end; the address before it may hold other numbers."""
    assert of(f"step 1\n{text.format(code)}\n").kind is KINDS.get(code, Kind.SERVER)


@pytest.mark.parametrize("name", NO_STATUS)
def test_three_digits_are_not_yet_a_status(name):
    """Sizes, steps, tokens, file names and URLs hold 403, 429 and 503 too; nobody is sent to look for a server."""
    text, kind = NO_STATUS[name]
    assert of(trace(text)).kind is kind


@pytest.mark.parametrize("line", NOT_SAID)
def test_a_line_with_three_digits_is_not_yet_a_status(line):
    """A log's line of level ERROR with a number in it is no server's answer."""
    assert of(line + "\n").kind is Kind.UNKNOWN


def test_a_refused_login_of_wget_is_one():
    """It says no status then."""
    assert of("Username/Password Authentication Failed.\n").kind is Kind.LOGIN
