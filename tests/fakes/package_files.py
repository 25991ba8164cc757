"""Wheels and sdists made on the spot, as bytes: no build backend and no index is needed to make one.

Not here: serving them (package_index.py).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256

WHEEL = "Wheel-Version: 1.0\nGenerator: podkeep-tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PIECE = 1 << 20
BACKEND = '''"""A build backend that lies beside what it builds: nothing is fetched to build this."""

import os, sys, time, zipfile


NAME, VERSION, FILES, WORDS, SECONDS, CODE = {facts!r}


def _wheel(directory):
    print(WORDS, flush=True)
    time.sleep(SECONDS)
    if CODE:
        sys.exit(CODE)
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    parts = dict(FILES) | {{f"{{info}}/METADATA": {metadata!r}, f"{{info}}/WHEEL": {wheel!r}}}
    parts[f"{{info}}/RECORD"] = "".join(f"{{name}},,\\n" for name in [*parts, f"{{info}}/RECORD"])
    path = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, path), "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return path


def prepare_metadata_for_build_wheel(directory, config_settings=None):
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    os.makedirs(os.path.join(directory, info))
    for name, text in (("METADATA", {metadata!r}), ("WHEEL", {wheel!r})):
        with open(os.path.join(directory, info, name), "w") as file:
            file.write(text)
    return info


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    return _wheel(wheel_directory)
'''


def plain(name: str) -> str:
    """The name as it stands in file names."""
    return name.replace("-", "_").replace(".", "_").lower()


def metadata(name: str, version: str, requires: Sequence[str] = (), python: str = "", extra: str = "") -> str:
    lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Requires-Dist: {one}" for one in requires]
    return "\n".join([*lines, extra]) + ("\n" if not extra else "")


def wheel(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, bytes | str] | None = None,
    python: str = "",
    scripts: Mapping[str, str] | None = None,
    zeros: int = 0,
) -> bytes:
    """A wheel. ``scripts``: command -> module:function. ``zeros``: so many bytes more when it is installed."""
    module, info = plain(name), f"{plain(name)}-{version}.dist-info"
    given = files if files is not None else {f"{module}.py": f"version = {version!r}\n"}
    parts = {path: data.encode() if isinstance(data, str) else data for path, data in given.items()}
    parts[f"{info}/METADATA"] = metadata(name, version, requires, python).encode()
    parts[f"{info}/WHEEL"] = WHEEL.encode()
    if scripts:
        told = "".join(f"{command} = {where}\n" for command, where in scripts.items())
        parts[f"{info}/entry_points.txt"] = f"[console_scripts]\n{told}".encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in parts.items())
    if zeros:
        record += f"{module}.zeros,,\n"
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path, data in parts.items():
            file.writestr(zipfile.ZipInfo(path), data)
        if zeros:
            _zeros(file, f"{module}.zeros", zeros)
        file.writestr(zipfile.ZipInfo(f"{info}/RECORD"), f"{record}{info}/RECORD,,\n")
    return made.getvalue()


def sdist(
    name: str,
    version: str = "1.0",
    *,
    requires: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    words: str = "",
    seconds: float = 0.0,
    code: int = 0,
    needs: Sequence[str] = (),
) -> bytes:
    """Sources with a backend of their own, which says ``words``, takes ``seconds``, and fails when ``code`` is set.

    ``needs``: what its build asks for.
    """
    module = plain(name)
    given = dict(files) if files is not None else {f"{module}.py": f"version = {version!r}\n"}
    told = metadata(name, version, requires)
    facts = (module, version, given, words, seconds, code)
    backend = BACKEND.format(facts=facts, metadata=told, wheel=WHEEL)
    project = f'[build-system]\nrequires = {list(needs)!r}\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    project += f'[project]\nname = "{name}"\nversion = "{version}"\ndependencies = {list(requires)!r}\n'
    parts = {**given, "backend.py": backend, "pyproject.toml": project, "PKG-INFO": told}
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path, text in parts.items():
            entry = tarfile.TarInfo(f"{module}-{version}/{path}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def _zeros(file: zipfile.ZipFile, path: str, size: int) -> None:
    info = zipfile.ZipInfo(path)
    info.compress_type = zipfile.ZIP_DEFLATED
    with file.open(info, "w", force_zip64=True) as out:
        for start in range(0, size, PIECE):
            out.write(bytes(min(PIECE, size - start)))


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).rstrip(b"=").decode()
