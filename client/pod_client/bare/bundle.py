"""The agent as one file: a tar of podkeep's own installed files, the same bytes wherever the same podkeep is installed.

It holds the two packages that a pod needs, the entrypoint and its last resort, and the lock of their dependencies.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import sysconfig
import tarfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from pod_wire.errors import PodError
from pod_wire.frozen import dataclass

PACKAGES = ("pod_agent", "pod_wire")
SHARED = ("entrypoint.sh", "last_resort.sh", "last_resort.py")
LOCK, FIND_PYTHON = "agent.lock", "find-python"
IN_CHECKOUT = {  # else beside the repository's own files
    LOCK: f"image/{LOCK}",
    FIND_PYTHON: f"image/{FIND_PYTHON}",
    "last_resort.py": "agent/pod_agent/last_resort.py",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """The file and its name."""

    data: bytes
    digest: str


@cache
def make_bundle() -> Bundle:
    """From what is installed here."""
    files: dict[str, bytes] = {LOCK: shared(LOCK)}
    for name in SHARED:
        files[f"share/podkeep/{name}"] = shared(name)
    for package in PACKAGES:
        folder = _folder(package)
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                files[f"site/{package}/{path.relative_to(folder).as_posix()}"] = path.read_bytes()
    version = importlib.metadata.version("podkeep")
    files[f"site/podkeep-{version}.dist-info/METADATA"] = (
        f"Metadata-Version: 2.1\nName: podkeep\nVersion: {version}\n".encode()
    )
    data = _tar(files)
    return Bundle(data, sha256(data).hexdigest())


def shared(name: str) -> bytes:
    """A file that lies beside the packages: in a checkout, or where the wheel puts it."""
    checkout = Path(__file__).resolve().parents[3] / IN_CHECKOUT.get(name, name)
    installed = Path(sysconfig.get_path("data")) / "share" / "podkeep" / name
    for path in (checkout, installed):
        if path.is_file():
            return path.read_bytes()
    raise PodError(
        f"cannot send the agent to a pod: {name} is not installed here",
        "install podkeep again; or use an image that has the agent: --agent image",
    )


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise PodError(
            f"cannot send the agent to a pod: {package} is not installed here", "install podkeep again"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _tar(files: dict[str, bytes]) -> bytes:
    """Sorted, and without owners and times: the bytes say nothing of this machine."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            entry = tarfile.TarInfo(name)
            entry.size = len(files[name])
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(files[name]))
    return out.getvalue()
