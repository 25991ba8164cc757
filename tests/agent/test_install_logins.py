"""Logins of package indexes, however they are given: pip installs with them, and no process shows them."""

from __future__ import annotations

import subprocess

import pytest

from pod_agent.run.environment.index_lists import Lists
from pod_agent.run.environment.index_logins import Logins, hidden
from tests.agent.install_place import InstallPlace
from tests.agent.test_install_faults import SECRET, CommandLines, holding
from tests.fakes.package_index import PackageIndex

AT = "@127.0.0.1:{port}/simple/"
FIRST, NESTED = "requirements.txt", "more/base.txt"
GIVEN = {  # the index's login; the variable, or a file and its first line
    "user and password": (("me", SECRET), "", f"http://me:{SECRET}{AT}"),
    "bare token": ((SECRET, ""), "", f"http://{SECRET}{AT}"),
    "token and colon": ((SECRET, ""), "", f"http://{SECRET}:{AT}"),
    "no user": (("", SECRET), "", f"http://:{SECRET}{AT}"),
    "to be quoted": (("me", f'{SECRET} "x\\'), "", f"http://me:{SECRET}%20%22x%5C{AT}"),
    "in a file": (("me", SECRET), FIRST, f"-i http://me:{SECRET}{AT}"),
    "token in a file": ((SECRET, ""), FIRST, f"--index-url=http://{SECRET}{AT}"),
    "in a nested file": (("me", SECRET), NESTED, f"--index-url \\\n http://me:{SECRET}{AT} # ours"),
    "a variable in a file": (("me", SECRET), FIRST, f"-i http://me:${{{{WORD}}}}{AT}"),
}


@pytest.fixture
def index():
    with PackageIndex() as running:
        running.add("keeptest", "1.0", files={"keeptest.py": "value = 1\n"})
        running.add("builder", "1.0")
        running.add_sdist("fromsource", needs=["builder"])
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("given", GIVEN)
def test_no_process_has_a_login_among_its_arguments(tmp_path, index, given):
    """In a variable or a file, with a password or as a bare token; also not those that pip starts to build packages."""
    index.login, named, text = GIVEN[given]
    place = InstallPlace(tmp_path, index)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login other password one-of-another-time")
    text = text.format(port=index.port)
    lines = {FIRST: f"-r {NESTED}\nfromsource\n", NESTED: "-c 'limits 1.txt'\nkeeptest\n"}
    written = [
        place.file(name, (f"{text}\n" if name == named else "") + rest) for name, rest in lines.items()
    ]
    place.file("more/limits 1.txt", "keeptest<2\n")
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        place.env.pop(name)
    watch = CommandLines()
    index.before = watch.beholds
    watch.start()
    try:
        made = place.install({"WORD": SECRET} if named else {"PIP_INDEX_URL": text})
    finally:
        watch.over.set()
        watch.join()
    assert place.ask(made, "import keeptest; print(keeptest.value)") == "1"
    assert watch.looks > len(index.requests) > 0
    assert watch.found == set()
    assert SECRET not in place.text
    assert holding(tmp_path) == [path for path in written if SECRET in path.read_text()]
    assert not list(place.envs.glob(".lists*"))


def test_copies_are_made_only_of_lists_with_logins(tmp_path):
    """What such a list names lies where it lay; lists without logins are read as they are, loops included."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "a.txt").write_text(
        "# said\n-f wheels\n-r b.txt\n-r gone.txt\n-r https://c.example/x.txt\nnumpy\n"
    )
    (tmp_path / "b.txt").write_text(
        "-ca.txt\n--extra-index-url https://me:word@b.example/x\nlib @ https://u:w@d.example/l.whl\n"
    )
    logins = Logins()
    lists = Lists(tmp_path / "new", {}, logins.without)
    told = lists.words(["--no-deps", "-r", "a.txt"], tmp_path)
    first, second = tmp_path / "new" / "0" / "a.txt", tmp_path / "new" / "1" / "b.txt"
    assert told == ["--no-deps", "-r", str(first)]
    assert first.read_text("utf-8-sig").splitlines() == [
        "# said", f"-f {tmp_path}/wheels", f"-r {second}", f"-r {tmp_path}/gone.txt",
        "-r https://c.example/x.txt", "numpy",
    ]  # fmt: skip
    assert second.read_text("utf-8-sig").splitlines() == [
        f"-c {first}", "--extra-index-url https://b.example/x", "lib @ https://u:w@d.example/l.whl",
    ]  # fmt: skip
    assert logins.taken == {"b.example": ("me", "word")}
    (tmp_path / "b.txt").write_text("--extra-index-url https://b.example/x\n")
    plain = Lists(tmp_path / "none", {}, logins.without)
    assert plain.words(["-r", "a.txt"], tmp_path) == ["-r", "a.txt"]
    assert not (tmp_path / "none").exists()


def test_a_python_that_cannot_read_it_gets_no_such_netrc():
    """Before 3.11 a netrc had no way to say an empty password or a space: such a login stays, and its host is told."""
    old, new = Logins(), Logins(quoting=True)
    for url in ("https://token@a.example/", "https://me:a%20b@a.example/"):
        assert old.without(url) == url
    assert list(old.left) == ["a.example"]
    for url in ("https://token@a.example/", "https://me:a%20%22b%5C@b.example/"):
        assert "@" not in new.without(url)
    with hidden({}, new) as env:
        text = subprocess.run(["cat", env["NETRC"]], capture_output=True, text=True, check=True).stdout
    assert 'machine a.example login token password ""\n' in text
