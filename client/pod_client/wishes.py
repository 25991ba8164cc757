"""Reads the files that the flags of `up` name: pod.toml and files of variables. What they mean is plan.py's matter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pod_client.plan import Wishes
from pod_client.user_env import read_env_file, read_env_options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pod_client.options import UpFlags


def read_wishes(flags: UpFlags, own: Mapping[str, str], *, is_local: bool) -> Wishes:
    """Read the files that the flags name."""
    env: dict[str, str] = {}
    for name in flags.env_files:
        env |= read_env_file(_read(Path(name)), name)
    env |= read_env_options(flags.env, own)
    toml = Path(flags.toml) if flags.toml is not None else Path("pod.toml")
    text = _read(toml) if flags.toml is not None or toml.exists() else None
    files = (*map(Path, flags.env_files), *(() if text is None else (toml,)))
    return Wishes(flags.job, text, flags.contract, env, flags.machine, is_local=is_local, files=files)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"cannot read {path}: it is not UTF-8 text") from None
