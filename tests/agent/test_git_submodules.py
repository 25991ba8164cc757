"""Submodules: every depth, relative and private ones, ssh addresses, repaired and edited like the repository itself."""

from __future__ import annotations

import pytest

from pod_agent.run.code.address import relative_to
from pod_agent.run.code.logins import Logins
from pod_agent.run.work import StepFailed
from tests.agent.code_place import ENV, Place
from tests.agent.secret_watch import SecretWatch
from tests.fakes.git_server import GitHost
from tests.tables import SLOW, mostly_slow

TOKEN = "glpat-PlantedForSubmodules-3Jd8"


@pytest.fixture
def place(tmp_path):
    """origin holds lib (relative address), which holds deep; all are served from one folder."""
    place = Place(tmp_path)
    place.lib, place.deep = Place(tmp_path / "libs"), Place(tmp_path / "deeps")
    place.deep.commit(**{"deep.py": "deep"})
    add(place.lib, "../../../deeps/origin/.git", place.deep, "inner/deep")
    place.lib.commit(**{"lib.py": "lib"})
    add(place, "../../libs/origin/.git", place.lib, "lib")
    place.commit(**{"train.py": "one"})
    return place


@pytest.fixture
def host(tmp_path):
    with GitHost.running(tmp_path) as running:
        running.login = f"oauth2:{TOKEN}"
        yield running


def add(outer, url, inner, path):
    """A submodule at the inner's newest commit, with this address, which nobody needs to reach now."""
    commit = inner.git("rev-parse", "HEAD")
    outer.git("update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
    (outer.repo / path).mkdir(parents=True, exist_ok=True)
    for key, value in (("path", path), ("url", url)):
        outer.git("config", "--file", ".gitmodules", f"submodule.{path}.{key}", value)


def sync(place, host, **more):
    return place.sync(repo=host.url("origin/.git"), env={**ENV, "POD_GIT_TOKEN": TOKEN}, **more)


@pytest.mark.parametrize(
    "speaks_v2", [True, pytest.param(False, marks=SLOW)], ids=["any commit", "named ones only"]
)
def test_private_ones_come_with_the_same_token(place, host, speaks_v2):
    """Two levels of private submodules with relative addresses, also at commits that are no branch's newest."""
    host.speaks_v2 = speaks_v2
    place.lib.commit(**{"lib.py": "newer"})
    place.deep.commit(**{"deep.py": "newer"})
    with SecretWatch(TOKEN) as watch:
        sync(place, host)
    assert (place.text("lib/lib.py"), place.text("lib/inner/deep/deep.py")) == ("lib", "deep")
    assert (watch.found, watch.below(place.tree)) == (set(), [])
    assert TOKEN.encode() not in place.log
    depth = place.git("rev-list", "--count", "HEAD", cwd=place.tree / "lib")
    assert depth == "1"


def test_a_helper_in_the_trees_own_settings_is_told_nothing(place, host, tmp_path):
    """Somebody told git in the tree to store logins: ours is used, and stored nowhere."""
    home = tmp_path / "home"
    home.mkdir()
    for number in range(2):
        place.commit(**{"train.py": f"{number}"})
        place.sync(repo=host.url("origin/.git"), env={**ENV, "POD_GIT_TOKEN": TOKEN, "HOME": str(home)})
        for tree in (place.tree, place.tree / "lib"):
            place.git("config", "credential.helper", "store", cwd=tree)
    assert place.text() == "1"
    assert list(home.iterdir()) == []


def test_a_link_where_a_submodule_was_is_kept(place, tmp_path):
    """A person put a link to their own copy in the submodule's place: the copy is as it was, the link is saved."""
    place.sync(repo=place.repo / ".git")
    mine = tmp_path / "mine"
    (place.tree / "lib").rename(mine)
    (mine / "lib.py").write_text("edited")
    (place.tree / "lib").symlink_to(mine)
    place.commit(**{"train.py": "two"})
    place.sync(repo=place.repo / ".git")
    assert (place.text(), place.text("lib/lib.py")) == ("two", "lib")
    assert (mine / "lib.py").read_text() == "edited"
    saved = [path for path in (place.tree / ".git/podkeep").rglob("lib") if path.is_symlink()]
    assert [path.readlink() for path in saved] == [mine]
    assert str(saved[0].parent).encode() in place.log


def test_a_token_never_goes_to_another_host(place, host, tmp_path):
    """A submodule elsewhere is asked for without a login, and the message says that the token was not sent."""
    with GitHost.running(tmp_path) as other:
        other.login = "somebody:else"
        add(place, other.url("deeps/origin/.git"), place.deep, "elsewhere")
        place.commit(**{"train.py": "two"})
        with pytest.raises(StepFailed, match=r"\(submodule elsewhere\): access was denied") as caught:
            sync(place, host)
        assert {request.login for request in other.seen} == {""}
    assert "POD_GIT_TOKEN was not sent, being for another host" in caught.value.hint


def test_ssh_addresses_become_https_where_a_token_is():
    """Of the repository when there is no deploy key; of a submodule in any case. Other hosts stay as they are."""
    token, key = {"POD_GIT_TOKEN": TOKEN}, {"POD_DEPLOY_KEY": "x"}
    main = "git@git.example.org:o/r.git"
    assert Logins.of(main, token).remote(main).url == "https://git.example.org/o/r.git"
    assert Logins.of(main, token | key).remote(main).url == main
    assert Logins.of(main, {}).remote(main).url == main
    public = "git@github.com:o/public.git"
    assert Logins.of(main, {}).remote(public).url == "https://github.com/o/public.git"
    for own in (key, {"SSH_AUTH_SOCK": "/run/agent"}, {"GIT_SSH_COMMAND": "ssh -i key"}):
        assert Logins.of(main, own).remote(public).url == public
    logins = Logins.of(main, token | key | {"GITHUB_TOKEN": "t"})
    for ssh, https in {
        "git@git.example.org:o/lib.git": "https://git.example.org/o/lib.git",
        "ssh://git@git.example.org:2222/o/lib.git": "https://git.example.org/o/lib.git",
        "git@github.com:o/lib": "https://github.com/o/lib",
        "git@gitlab.com:o/lib": "git@gitlab.com:o/lib",
    }.items():
        found = logins.remote(ssh, inner=True)
        assert found.url == https
        assert (found.login is None) == (ssh == https)
    assert logins.remote("https://git.example.org.evil.net/x", inner=True).login is None
    assert logins.remote("http://git.example.org/x", inner=True).login is None


@pytest.mark.parametrize(
    ("repo", "token", "user", "password"),
    [
        ("https://github.com/o/r", "anything", "x-access-token", "anything"),
        ("https://git.corp.example/o/r", "ghp_ofAnEnterprise", "x-access-token", "ghp_ofAnEnterprise"),
        ("https://gitlab.com/o/r", "glpat-x", "oauth2", "glpat-x"),
        ("https://bitbucket.org/o/r", "ATCTT3x", "x-token-auth", "ATCTT3x"),
        ("https://git.example.org:8443/o/r", "me:my:token", "me", "my:token"),
    ],
)
def test_each_host_has_its_user_name(repo, token, user, password):
    """The user name is the host's convention unless it is given; a token may hold colons."""
    login = Logins.of(repo, {"POD_GIT_TOKEN": token}).remote(repo).login
    assert (login.user, login.password.reveal()) == (user, password)


@pytest.mark.parametrize(
    ("base", "url", "meant"),
    [
        ("https://h/o/r.git", "../lib.git", "https://h/o/lib.git"),
        ("https://h/o/r.git/", "./lib", "https://h/o/r.git/lib"),
        ("https://h/o", "../../../lib", "https://h/lib"),
        ("git@h:o/r.git", "../lib.git", "git@h:o/lib.git"),
        ("git@h:r.git", "../lib.git", "git@h:lib.git"),
        ("ssh://git@h:22/o/r", "../lib", "ssh://git@h:22/o/lib"),
        ("/srv/git/r", "../lib", "/srv/git/lib"),
        ("https://h/o/r", "https://x/y", "https://x/y"),
    ],
)
def test_relative_addresses_are_read_as_git_does(base, url, meant):
    """Beside the repository, never above its host."""
    assert relative_to(base, url) == meant


@pytest.mark.parametrize(
    "url",
    mostly_slow(
        ["/srv/git/lib", "file:///srv/git/lib", "ext::sh -c id", "-upload-pack=id"],
        "/srv/git/lib",
        "ext::sh -c id",
    ),
)
def test_addresses_that_are_none_are_refused(place, host, url):
    """A submodule can neither name a path of this machine nor a program to run."""
    add(place, url, place.deep, "bad")
    place.commit(**{"train.py": "two"})
    with pytest.raises(StepFailed, match="cannot fetch the submodule bad") as caught:
        sync(place, host)
    assert ".gitmodules" in caught.value.hint


def test_one_that_is_not_there_is_named(place, host):
    """A commit that was never pushed is the submodule's, and the message says where to push."""
    place.git("update-index", "--cacheinfo", f"160000,{'1' * 40},lib")
    place.git("commit", "-q", "-m", "a submodule that was not pushed")
    with pytest.raises(StepFailed, match=r"submodule lib\): it has no commit 1111") as caught:
        sync(place, host)
    assert "push it in the submodule" in caught.value.hint


@pytest.mark.slow
def test_without_an_address_or_update_none_it_is_left_out(place, host):
    """Neither ends the job: git itself leaves them out too."""
    add(place, "https://never.invalid/asked", place.deep, "left")
    place.git("config", "--file", ".gitmodules", "submodule.left.update", "none")
    commit = place.deep.git("rev-parse", "HEAD")
    place.git("update-index", "--add", "--cacheinfo", f"160000,{commit},stray")
    (place.repo / "stray").mkdir()
    place.commit(**{"train.py": "two"})
    sync(place, host)
    assert place.text("lib/lib.py") == "lib"
    assert b"stray has no address" in place.log


def test_edits_and_untracked_files_inside_are_kept(place, host):
    """A checkpoint inside a submodule stays; an edit there is saved as a patch, and said."""
    sync(place, host)
    (place.tree / "lib/last.pt").write_text("weights")
    (place.tree / "lib/lib.py").write_text("edited\n")
    (place.tree / "lib/.git/index.lock").write_text("")
    place.lib.commit(**{"lib.py": "newer"})
    add(place, "../../libs/origin/.git", place.lib, "lib")
    place.commit(**{"train.py": "two"})
    sync(place, host)
    assert (place.text("lib/lib.py"), place.text("lib/last.pt")) == ("newer", "weights")
    (patch,) = (place.tree / "lib/.git/podkeep").glob("edits-*.patch")
    assert str(patch).encode() in place.log


@pytest.mark.slow
def test_a_damaged_one_is_made_anew(place, host):
    """The store of a submodule that lost its objects is kept aside, like the repository's own."""
    sync(place, host)
    for pack in (place.tree / "lib/.git/objects").rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(b"")
    (place.tree / ".git/podkeep/commit").unlink()
    (place.tree / "lib/lib.py").unlink()
    sync(place, host)
    assert place.text("lib/lib.py") == "lib"


@pytest.mark.slow
def test_a_persons_own_clone_with_submodules_is_taken_over(place, host, tmp_path):
    """`git clone --recursive` keeps the stores of submodules in its own: that layout is used as it is."""
    place.git(
        "-c", f"http.extraHeader=Authorization: Basic {basic(host.login)}",
        "clone", "-q", "--recursive", host.url("origin/.git"), place.tree,
    )  # fmt: skip
    (place.tree / ".git/modules/lib/index.lock").write_text("")
    (place.tree / "lib/last.pt").write_text("weights")
    sync(place, host)
    assert (place.text("lib/lib.py"), place.text("lib/last.pt")) == ("lib", "weights")
    assert (place.tree / "lib/.git").is_file()


@pytest.mark.slow
def test_a_folder_that_becomes_a_submodule_and_back(place, host):
    """What the repository held as files comes as a submodule, and the other way round; untracked files stay."""
    first = place.git("rev-parse", "HEAD")
    place.git("rm", "-q", "--cached", "lib")
    (place.repo / ".gitmodules").unlink()
    (place.repo / "lib/lib.py").write_text("inlined")
    second = place.commit(**{"train.py": "two"})
    for commit, text in ((first, "lib"), (second, "inlined"), (first, "lib")):
        sync(place, host, ref=commit)
        assert place.text("lib/lib.py") == text
        (place.tree / "lib/last.pt").write_text("weights")
    assert place.text("lib/last.pt") == "weights"


def basic(login):
    import base64  # noqa: PLC0415 - for this alone

    return base64.b64encode(login.encode()).decode()
