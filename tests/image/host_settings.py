"""How this machine reaches packages: its apt sources, its pip settings, its certificates. Read, never written.

What a container needs of them for the same reach. Only addresses with http count: a container has none of our folders.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
ONE_LINE = re.compile(
    r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<components>.+)"
)
ACQUIRE = re.compile(r"Acquire::(?:https?|Check-|Retries|ForceIPv)\S* \".+\";")
PIP_KEPT = {"timeout", "default-timeout", "retries", "trusted-host", "proxy"}
PIP_ADDRESSES = {"index-url", "extra-index-url", "find-links"}
MIRROR_LIST = "mirror+file:"


@dataclass(frozen=True, slots=True)
class Source:
    """A line of apt's sources."""

    uri: str
    suite: str
    components: str
    options: str = ""

    def line(self) -> str:
        options = f"[{self.options}] " if self.options else ""
        return f"deb {options}{self.uri} {self.suite} {self.components}\n"


def codename(release: str) -> str:
    """The distribution's, from the text of os-release."""
    found = re.search(r"^VERSION_CODENAME=\"?([a-z]+)", release, re.MULTILINE)
    return found.group(1) if found else ""


def sources(folder: Path, code: str) -> list[Source]:
    """The distribution's own ones of a machine; other people's packages stay out."""
    found: list[Source] = []
    for path in (folder / "sources.list", *sorted((folder / "sources.list.d").glob("*"))):
        if path.suffix == ".list" and path.is_file():
            found += from_lines(path.read_text())
        elif path.suffix == ".sources" and path.is_file():
            found += from_stanzas(path.read_text())
    return [source for source in found if source.suite.split("-")[0] == code and "http" in source.uri]


def from_lines(text: str) -> Iterator[Source]:
    """apt's older format."""
    for line in text.splitlines():
        if hit := ONE_LINE.match(line.strip()):
            yield Source(_address(hit["uri"]), hit["suite"], hit["components"], hit["options"] or "")


def from_stanzas(text: str) -> Iterator[Source]:
    """apt's newer format, one stanza for several suites."""
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", plain):
        fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(\S[^\n]*)$", stanza, re.MULTILINE))
        if "deb" not in fields.get("Types", "").split() or fields.get("Enabled", "yes") == "no":
            continue
        key = fields.get("Signed-By", "")
        options = f"signed-by={key}" if key.startswith("/usr/share/keyrings/") else ""
        for uri in fields.get("URIs", "").split():
            for suite in fields.get("Suites", "").split():
                yield Source(_address(uri), suite, fields.get("Components", "main"), options)


def _address(uri: str) -> str:
    """The first one of a list of mirrors, where a list is named."""
    if not uri.startswith(MIRROR_LIST):
        return uri
    lines = Path(uri.removeprefix(MIRROR_LIST)).read_text().split()
    return next((word for word in lines if word.startswith("http")), uri)


def apt_settings() -> str:
    """An apt.conf of how to reach the mirrors: proxies, patience, clocks."""
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "".join(line + "\n" for line in said.splitlines() if ACQUIRE.fullmatch(line))


def pip_settings() -> str:
    """A pip.conf for a container, with the host's indexes and patience, and the base image's certificates."""
    listed = [sys.executable, "-m", "pip", "config", "list"]
    said = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    return pip_conf(said)


def pip_conf(listed: str) -> str:
    """From what `pip config list` says: the environment counts above files."""
    found: dict[str, str] = {}
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = str(ast.literal_eval(value))
    kept = {name: value for name, value in found.items() if name in PIP_KEPT}
    for name in PIP_ADDRESSES & found.keys():
        if far := [word for word in found[name].split() if word.startswith("http")]:
            kept[name] = " ".join(far)
    lines = [f"{name} = {value}\n" for name, value in kept.items()]
    return "".join(["[global]\n", f"cert = {BUNDLE}\n", *lines])


def certificates() -> list[str]:
    """Every certificate that this machine trusts."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or BUNDLE)
    return CERTIFICATE.findall(bundle.read_text()) if bundle.is_file() else []


def proxies(env: Mapping[str, str]) -> list[str]:
    """Names of the variables of proxies that are set; Docker takes them from the environment, into no layer."""
    return [name for name in env if name.lower() in {"http_proxy", "https_proxy", "no_proxy", "all_proxy"}]
