"""What kind of place a repository's text names: decided once, for laptop and pod."""

from __future__ import annotations

import pytest

from pod_wire.errors import BadInput
from pod_wire.parse import parse_environment
from pod_wire.rules import default_name
from pod_wire.source import HubPlace, NoSource, SourceKind, is_same_place, read_source, tree_text

DIGEST = "ab" * 32


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("https://github.com/u/r", "git"),
        ("https://github.com/u/r.git", "git"),
        ("https://git.example/tar.gz-lovers/r", "git"),
        ("git@github.com:u/r.git", "git"),
        ("ssh://git@host/u/r", "git"),
        ("file:///srv/r.git", "git"),
        ("../beside", "git"),
        ("/srv/r", "path"),
        ("/srv/r.tar.gz", "archive"),
        ("/srv/R.ZIP", "archive"),
        ("https://host/r.tgz", "archive"),
        ("https://host/r.tar.xz?X-Amz-Signature=abc", "archive"),
        ("https://github.com/u/r/archive/refs/heads/main.tar.gz", "archive"),
        ("https://api.github.com/repos/u/r/tarball/main", "archive"),
        ("https://codeload.github.com/u/r/tar.gz/refs/heads/main", "archive"),
        ("hf://datasets/u/r", "hub"),
        ("hf://u/r", "hub"),
        (tree_text(DIGEST), "tree"),
    ],
)
def test_each_text_has_one_kind(text, kind):
    """Addresses, paths and the two schemes of ours are told apart by their text alone."""
    assert read_source(text).kind is SourceKind(kind)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hf://datasets/u/r", HubPlace("dataset", "u/r")),
        ("hf://datasets/u/r@v1.0", HubPlace("dataset", "u/r", "v1.0")),
        ("hf://models/u/r@refs/pr/3", HubPlace("model", "u/r", "refs/pr/3")),
        ("hf://spaces/u/r/", HubPlace("space", "u/r")),
        ("hf://u/r", HubPlace("model", "u/r")),
    ],
)
def test_a_hub_place_has_kind_name_and_revision(text, place):
    """What the Hub is asked for stands in the text."""
    assert read_source(text).hub == place


@pytest.mark.parametrize(
    "text",
    [
        "tree:", "tree:abc", f"tree:{'AB' * 32}", "tree:../../etc/passwd", "s3://bucket/x.tar.gz", "gs://b/x",
        "ftp://host/x.zip", "svn://host/x", "hf://", "hf://datasets/u", "hf://datasets/u/r/file", "hf://dataset/u/r",
        "hf://u/../r", "hf://u/r@../x", "hf://u/r@", "hf://u/r.git",
    ],
)  # fmt: skip
def test_what_names_no_place_is_refused_with_a_remedy(text):
    """The parse refuses it, names the variable and what to do, and never the value."""
    with pytest.raises(NoSource) as refused:
        read_source(text)
    assert refused.value.remedy
    with pytest.raises(BadInput) as wrong:
        parse_environment({"POD_COMMAND": "true", "POD_REPO": text})
    assert [mistake.field for mistake in wrong.value.mistakes] == ["POD_REPO"]
    assert not text[8:] or f"{text} " not in f"{wrong.value} "


def test_a_ref_belongs_to_git():
    """With another kind of source a ref is a mistake; for the Hub the remedy says where a revision goes."""
    for repo, words in (("hf://u/r", "@revision"), ("https://h/x.zip", "leave it out")):
        with pytest.raises(BadInput) as wrong:
            parse_environment({"POD_COMMAND": "true", "POD_REPO": repo, "POD_REF": "main"})
        assert "POD_REF" in str(wrong.value)
        assert words in str(wrong.value)
    assert (
        parse_environment({"POD_COMMAND": "true", "POD_REPO": "/srv/r", "POD_REF": "main"}).spec is not None
    )


@pytest.mark.parametrize(
    ("text", "stem"),
    [
        ("https://host/digits.tar.gz?X-Amz-Signature=secretsecret", "digits"),
        ("hf://datasets/u/digits@main", "digits"),
        ("/srv/digits.zip", "digits"),
        ("git@github.com:u/digits.git", "digits"),
        (tree_text(DIGEST), "tree"),
    ],
)
def test_a_job_is_named_for_what_stays(text, stem):
    """Neither a signature nor a revision nor a digest enters the name: the same name resumes."""
    assert default_name(text, ".", "true").rpartition("-")[0] == stem


def test_what_is_shown_holds_no_signature():
    """Behind the question mark of an address there may be a secret."""
    assert read_source("https://host/x.zip?sig=abc").shown == "https://host/x.zip"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://github.com/us/code.git", "git@github.com:us/code", True),
        ("https://me@GitHub.com/us/code/", "ssh://git@github.com:22/us/code.git", True),
        ("https://github.com/us/code", "https://github.com/them/code", False),
        ("https://github.com/us/code", "https://gitlab.com/us/code", False),
        ("https://h/us/code/archive/v1.tar.gz", "https://h/us/code/archive/v2.tar.gz?token=a", True),
        ("https://h/us/code/archive/v1.tar.gz", "https://h/us/other/archive/v1.tar.gz", False),
        ("hf://datasets/us/code@v1", "hf://datasets/us/code@v2", True),
        ("hf://models/us/code", "hf://us/code", True),
        ("hf://datasets/us/code", "hf://us/code", False),
        ("tree:" + "0" * 64, "https://github.com/us/code", True),
        ("/repos/code.git", "file:///repos/code", True),
        ("/repos/code", "/repos/other", False),
        (None, None, True),
        (None, "https://github.com/us/code", False),
    ],
)
def test_one_repository_has_many_spellings(one, other, same):
    """What a training came from, held against what an order under its name brings."""
    assert is_same_place(one, other) is same
    assert is_same_place(other, one) is same
