"""A plain root of this machine's own distribution, as a base image: made by debootstrap, once, and kept.

It has the machine's certificates and apt sources, so that a build inside reaches what the machine reaches.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.image import host_settings
from tests.image.host_settings import Source

OS_RELEASE = Path("/etc/os-release")
APT = Path("/etc/apt")


class Impossible(Exception):
    """This machine cannot make one; the reason is for whoever runs the tests."""


def tar(cache: Path) -> Path:
    """The root's archive; only the first call ever takes long."""
    import fcntl  # noqa: PLC0415 - this module is imported on Windows too, where no root is made

    code = host_settings.codename(OS_RELEASE.read_text()) if OS_RELEASE.is_file() else ""
    found = host_settings.sources(APT, code) if code else []
    if not found:
        raise Impossible("this machine is no Debian or Ubuntu with apt sources of its own")
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        raise Impossible("a base image is made by debootstrap, as root: apt-get install debootstrap")
    certificates = host_settings.certificates()
    told = "".join([*(source.line() for source in found), *certificates])
    wanted = cache / f"root-{code}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.exists():
            _make(wanted, found, certificates)
    return wanted


def _make(wanted: Path, found: list[Source], certificates: list[str]) -> None:
    root, half = wanted.with_suffix(".root"), wanted.with_suffix(".half")
    shutil.rmtree(root, ignore_errors=True)
    try:
        first = next((source for source in found if "-" not in source.suite), found[0])
        components = ",".join(first.components.split())
        words = ["--variant=minbase", "--include=ca-certificates", f"--components={components}"]
        done = subprocess.run(
            ["debootstrap", *words, first.suite, str(root), first.uri],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Impossible(f"debootstrap failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        (root / "etc/apt/sources.list").write_text("".join(source.line() for source in found))
        _trust(root, certificates)
        for kept in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / kept, ignore_errors=True)
        subprocess.run(["tar", "-C", str(root), "-cf", str(half), "."], check=True)
        half.replace(wanted)
    finally:
        shutil.rmtree(root, ignore_errors=True)
        half.unlink(missing_ok=True)


def _trust(root: Path, certificates: list[str]) -> None:
    """Beside the distribution's own: a machine behind a proxy has certificates that nobody else knows."""
    bundle = root / host_settings.BUNDLE.lstrip("/")
    known = set(host_settings.CERTIFICATE.findall(bundle.read_text()))
    folder = root / "usr/local/share/ca-certificates"
    folder.mkdir(parents=True, exist_ok=True)
    for number, certificate in enumerate(
        certificate for certificate in certificates if certificate not in known
    ):
        (folder / f"host-{number}.crt").write_text(certificate)
    subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True, capture_output=True)
