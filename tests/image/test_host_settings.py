"""What is taken over from a host's apt and pip: its own distribution's sources, addresses with http, nothing else."""

from __future__ import annotations

from tests.image import host_settings


def test_sources_of_both_formats(tmp_path):
    """One-line lists and stanzas are read; other suites, disabled ones and sources of packages are not."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(
        "# deb http://old.test/debian trixie main\n"
        "deb [signed-by=/usr/share/keyrings/k.gpg] http://one.test/debian trixie main contrib\n"
        "deb-src http://one.test/debian trixie main\ndeb file:/mirror trixie main\n"
    )
    (tmp_path / "sources.list.d" / "more.sources").write_text(
        "Types: deb deb-src\n# a comment\nURIs: http://two.test/debian\nSuites: trixie-updates trixie-security\n"
        "Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n\n"
        "Types: deb\nURIs: http://other.test\nSuites: stable\nComponents: x\n\n"
        "Types: deb\nURIs: http://off.test\nSuites: trixie\nEnabled: no\n"
    )
    (tmp_path / "sources.list.d" / "off.list.disabled").write_text("deb http://three.test trixie main\n")
    lines = [source.line() for source in host_settings.sources(tmp_path, "trixie")]
    key = "[signed-by=/usr/share/keyrings/k.gpg]"
    assert lines == [
        f"deb {key} http://one.test/debian trixie main contrib\n",
        f"deb {key} http://two.test/debian trixie-updates main\n",
        f"deb {key} http://two.test/debian trixie-security main\n",
    ]


def test_a_list_of_mirrors_gives_its_first(tmp_path):
    """`mirror+file:` is followed to the list's first address."""
    (tmp_path / "mirrors.txt").write_text("http://near.test/ubuntu/\tpriority:1\nhttp://far.test/ubuntu/\n")
    (source,) = host_settings.from_lines(f"deb mirror+file:{tmp_path}/mirrors.txt noble main universe")
    assert source.line() == "deb http://near.test/ubuntu/ noble main universe\n"


def test_pip_settings_for_a_container():
    """The environment counts above files; folders of the host are left out, certificates are the container's."""
    conf = host_settings.pip_conf(
        ":env:.index-url='http://env.test/simple'\n:env:.cert='/host/ca.pem'\nglobal.index-url='http://file.test/simple'\n"
        "global.extra-index-url='file:///mirror http://more.test/simple'\nglobal.find-links='/wheels'\nglobal.timeout='60'\n"
        "global.no-binary=':all:'\n"
    )
    head, *rest = conf.splitlines()
    assert head == "[global]"
    assert sorted(rest) == [
        f"cert = {host_settings.BUNDLE}",
        "extra-index-url = http://more.test/simple",
        "index-url = http://env.test/simple",
        "timeout = 60",
    ]


def test_the_codename_of_a_distribution():
    """As os-release tells it, quoted or not; other systems have none."""
    assert host_settings.codename('NAME="x"\nVERSION_CODENAME=trixie\n') == "trixie"
    assert host_settings.codename('VERSION_CODENAME="noble"\n') == "noble"
    assert host_settings.codename("ID=arch\n") == ""
