"""The client's settings, read once: environment, then config.toml. The key is held as a Secret and never shown.

Not here: pod.toml (it describes a job) and pods.json (it describes pods).
"""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pod_wire.errors import BadInput, Mistake
from pod_wire.frozen import dataclass
from pod_wire.secrets import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNPOD_URL = "https://api.runpod.io/v2"
PROXY = "https://{pod}-{port}.proxy.runpod.net"
_KEYS = ("api_key", "runpod_url", "proxy")


@dataclass(frozen=True, slots=True)
class Config:
    """Whom to ask, with which key, and where our own files lie. ``proxy`` has places for {pod} and {port}."""

    api_key: Secret | None
    runpod_url: str
    proxy: str
    config_dir: Path
    state_dir: Path
    warnings: tuple[str, ...] = ()
    is_local: bool = False
    takes_images: bool = False  # of a local one: its pods are containers

    def agent_url(self, pod_id: str, port: int) -> str:
        return self.proxy.format(pod=pod_id, port=port)


def read_config(env: Mapping[str, str]) -> Config:
    """The environment wins over config.toml, and that over RunPod's own address."""
    config_dir = _folder(env, "XDG_CONFIG_HOME", "APPDATA", ".config") / "podkeep"
    state_dir = _folder(env, "XDG_STATE_HOME", "LOCALAPPDATA", ".local/state") / "podkeep"
    path = config_dir / "config.toml"
    written = _read_toml(path)
    key = env.get("RUNPOD_API_KEY") or written.get("api_key")
    proxy = (env.get("POD_PROXY_URL") or written.get("proxy") or PROXY).rstrip("/")
    _check_places(proxy)
    warnings = _open_to_others(path) if written.get("api_key") else ()
    return Config(
        api_key=Secret(key) if key else None,
        runpod_url=(env.get("POD_RUNPOD_URL") or written.get("runpod_url") or RUNPOD_URL).rstrip("/"),
        proxy=proxy,
        config_dir=config_dir,
        state_dir=state_dir,
        warnings=warnings,
    )


def _check_places(proxy: str) -> None:
    """Now, and not when a pod has been made that cannot be asked."""
    try:
        proxy.format(pod="id", port=1)
    except (KeyError, IndexError, ValueError, AttributeError):
        raise BadInput(
            "cannot use the proxy's address (POD_PROXY_URL, or proxy in config.toml): its braces are wrong",
            hint=f"known places are {{pod}} and {{port}}, as in {PROXY}",
        ) from None


def _folder(env: Mapping[str, str], xdg: str, windows: str, below_home: str) -> Path:
    named = env.get(xdg)
    if named and Path(named).is_absolute():  # the XDG rule: a relative one is ignored
        return Path(named)
    if os.name == "nt" and env.get(windows):
        return Path(env[windows])
    home = env.get("HOME") or env.get("USERPROFILE")
    return (Path(home) if home else Path.home()) / below_home


def _read_toml(path: Path) -> dict[str, str]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "it is not valid TOML"
        raise BadInput(f"cannot read {path}: {what}", hint="correct it, or move it away") from None
    wrong = [
        Mistake(name, "is not a setting of the client", f"known: {', '.join(_KEYS)}")
        for name in document
        if name not in _KEYS
    ]
    wrong += [Mistake(k, "must be text") for k in _KEYS if k in document and not isinstance(document[k], str)]
    if wrong:
        raise BadInput(f"cannot use {path}: it has {len(wrong)} mistake(s)", tuple(wrong))
    return {name: str(value) for name, value in document.items()}


def _open_to_others(path: Path) -> tuple[str, ...]:
    """Modes mean nothing on Windows, where a home folder is its owner's."""
    if os.name == "nt" or not path.exists():
        return ()
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return (f"{path} holds your key and others may read it; run: chmod 600 {path}",)
    return ()
