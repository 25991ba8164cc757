"""What is a secret in an environment, and that it hides itself."""

import json
import pickle
from hashlib import sha256

import pytest

from pod_wire.secrets import Secret, TokenRule, find_secrets, is_secret_name, job_environment, weak_secrets

VALUE = "correct-horse-battery"


def _found(env):
    return {secret.reveal() for secret in find_secrets(env)}


@pytest.mark.parametrize(
    "shown", [str, repr, "{}".format, lambda secret: f"{secret!r:>20}", lambda secret: f"{[secret]}"]
)
def test_a_secret_hides_itself(shown):
    """However it is printed, a secret shows stars."""
    assert VALUE not in shown(Secret(VALUE))


def test_a_secret_is_neither_hashed_nor_pickled():
    """A secret is no dict key and is never written by pickle."""
    with pytest.raises(TypeError):
        hash(Secret(VALUE))
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(Secret(VALUE))


def test_secrets_compare_by_value():
    """Equal values are equal, whatever characters they hold; nothing else is."""
    assert Secret("caf\u00e9 \udcff") == Secret("caf\u00e9 \udcff")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "WANDB_API_KEY",
        "RUNPOD_API_KEY",
        "POD_TOKEN",
        "POD_GIT_TOKEN",
        "POD_DEPLOY_KEY",
        "POD_STOP_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "JUPYTER_PASSWORD",
        "GOOGLE_APPLICATION_CREDENTIALS_JSON",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "COMET_API_KEY",
        "NEPTUNE_API_TOKEN",
        "CLEARML_API_ACCESS_KEY",
        "CLEARML_API_SECRET_KEY",
        "KAGGLE_KEY",
        "MY_TOKEN",
        "SOME_API_KEY",
        "CLIENT_SECRET",
        "DB_PASSWORD",
        "APP_SECRET_KEY",
        "my_token",
    ],
)
def test_well_known_names_and_suffixes_are_secrets(name):
    """The names that hold secrets in this field are known."""
    assert _found({name: VALUE}) == {VALUE}


@pytest.mark.parametrize(
    "name",
    [
        "MAX_TOKENS",
        "TOKENIZERS_PARALLELISM",
        "TOKEN",
        "POD_COMMAND",
        "SSH_PUBLIC_KEY",
        "PATH",
        "HOTKEY",
        "TOKEN_LIMIT",
    ],
)
def test_other_names_blank_nothing(name):
    """MAX_TOKENS=512 is no secret."""
    assert not is_secret_name(name)
    assert _found({name: VALUE}) == set()


def test_a_hashed_token_is_no_secret():
    """The hash of a token may be seen."""
    assert _found({"POD_TOKEN": "sha256:" + "0" * 64}) == set()


def test_passwords_inside_urls_are_secrets():
    """The password of an address is one, as written and as decoded; the rest of the address is not."""
    env = {
        "DATABASE_URL": "postgres://me:p%40ss-word-1@db:5432/x",
        "https_proxy": "http://user:hidden-proxy-pw@proxy:3128",
        "PLAIN_URL": "https://example.org/a:b@c",
        "OTHER": "https://user:not-looked-at@host/",
    }
    assert _found(env) == {"p%40ss-word-1", "p@ss-word-1", "hidden-proxy-pw"}


def test_a_credential_document_gives_up_its_parts():
    """A service account's key is masked also when a program prints it out of its document."""
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----\n"
    document = json.dumps({"type": "service_account", "private_key": key, "private_key_id": "0a1b2c3d4e5f"})
    assert _found({"GOOGLE_APPLICATION_CREDENTIALS_JSON": document}) == {document, key, "0a1b2c3d4e5f"}


@pytest.mark.parametrize("broken", ["{", "{]", "[1]", '{"private_key": 3}', "{" * 100_000])
def test_a_broken_document_is_a_secret_as_it_is(broken):
    """What only looks like a document is hidden whole."""
    assert _found({"GOOGLE_APPLICATION_CREDENTIALS_JSON": broken}) == {broken}


def test_each_value_comes_once():
    """The same token under two names is searched for once."""
    assert len(find_secrets({"HF_TOKEN": VALUE, "HUGGING_FACE_HUB_TOKEN": VALUE})) == 1


def test_weak_secrets_are_named_and_never_shown():
    """Values too short to mask are named for a warning; empty ones are nothing."""
    assert weak_secrets(
        {"HF_TOKEN": "short", "GH_TOKEN": " ", "MY_TOKEN": VALUE, "A_URL": "http://u:p@h"}
    ) == (
        "A_URL",
        "HF_TOKEN",
    )


def test_the_job_gets_everything_but_our_tokens():
    """The job's environment is the pod's without the tokens that are the agent's alone."""
    ours = {
        "POD_TOKEN": "a",
        "RUNPOD_API_KEY": "b",
        "POD_ORDER": "c",
        "POD_GIT_TOKEN": "d",
        "POD_DEPLOY_KEY": "e",
        "POD_STOP_KEY": "f",
    }
    theirs = {"HF_TOKEN": "x", "PATH": "/bin", "POD_RESUME": ""}
    assert job_environment({**ours, **theirs}) == theirs


@pytest.mark.parametrize("configured", [VALUE, "sha256:" + sha256(VALUE.encode()).hexdigest().upper()])
def test_a_token_is_known_by_itself_or_its_hash(configured):
    """The agent accepts the token whether it was given the token or its hash, and nothing else."""
    rule = TokenRule(Secret(configured))
    assert rule.accepts(VALUE)
    for wrong in (
        "",
        VALUE + "x",
        VALUE[:-1],
        configured if configured != VALUE else "z",
        "\u00fc\udcff\ud800",
    ):
        assert not rule.accepts(wrong)


def test_a_login_in_the_repository_s_address_is_a_secret():
    """A password, or a token that stands alone before the host; a person's name is none."""
    token = "ghp_0123456789abcdef0123"
    for address in (f"https://{token}@github.com/u/r", f"https://x:{token}@github.com/u/r"):
        assert [one.reveal() for one in find_secrets({"POD_REPO": address})] == [token]
    for address in (
        "https://ada@github.com/u/r",
        "git@github.com:u/r",
        "/srv/repo",
        "https://github.com/u/r",
    ):
        assert find_secrets({"POD_REPO": address}) == ()


def test_a_login_of_any_package_index_is_a_secret():
    """pip's and uv's variables hold lists of URLs, uv's with names before them: each password and lone token counts."""
    token = "pk_0123456789abcdef0123"
    for name, value, wanted in (
        ("PIP_INDEX_URL", "https://me:first-secret@a.example/simple", {"first-secret"}),
        (
            "PIP_EXTRA_INDEX_URL",
            "https://a.example/\n https://me:s%40cond-1@b.example/",
            {"s%40cond-1", "s@cond-1"},
        ),
        (
            "UV_INDEX",
            "mine=https://me:first-secret@a.example/ b=https://you:second-one@b/",
            {"first-secret", "second-one"},
        ),
        ("UV_FIND_LINKS", f"https://a/,https://{token}:@b.example/wheels", {token}),
        ("UV_DEFAULT_INDEX", f"https://{token}@a.example/", {token}),
        ("UV_INDEX_MINE_PASSWORD", "third-secret", {"third-secret"}),
        ("PIP_FIND_LINKS", "/a/folder https://a.example/", set()),
    ):
        assert _found({name: value}) == wanted, name
