"""Reading a JSON body strictly: every violation is collected, worded as RunPod does, and never holds the value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT = re.compile(r"([1-9][0-9]{0,4})/(http|tcp)")
CUDA = re.compile(r"\d+\.\d+")
TOP_PORT = 70_999  # symmetrical ports are asked for above 70000


class Checker:
    """One JSON object and its violations. Readers answer None for what is absent or wrong."""

    def __init__(self, body: Mapping[str, object], where: str = "$", errors: list[str] | None = None) -> None:
        self.body = body
        self.where = where
        self.errors: list[str] = [] if errors is None else errors

    def has(self, key: str) -> bool:
        return key in self.body

    def only(self, *known: str) -> None:
        unknown = sorted(set(self.body) - set(known))
        if unknown:
            names = ", ".join(f"'{name}'" for name in unknown)
            self.errors.append(f"{self.where}: additional properties {names} not allowed")

    def needs(self, *keys: str) -> None:
        missing = [key for key in keys if key not in self.body]
        if missing:
            names = ", ".join(f"'{name}'" for name in missing)
            self.errors.append(f"{self.where}: missing properties {names}")

    def wrong(self, key: str, problem: str) -> None:
        self.errors.append(f"{self.where}.{key}: {problem}")

    def text(self, key: str, *, min_length: int = 0) -> str | None:
        value = self.body.get(key)
        if isinstance(value, str):
            if len(value) >= min_length:
                return value
            self.wrong(key, f"minLength: got {len(value)}, want {min_length}")
        elif key in self.body:
            self.wrong(key, "want string")
        return None

    def whole(self, key: str, *, minimum: int) -> int | None:
        value = self.body.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
            if value >= minimum:
                return int(value)
            self.wrong(key, f"minimum: want {minimum}")
        elif key in self.body:
            self.wrong(key, "want integer")
        return None

    def wholes(self, key: str, *, minimum: int) -> tuple[int, ...] | None:
        value = self.body.get(key)
        if isinstance(value, list) and all(type(item) is int and item >= minimum for item in value):
            return tuple(value)
        if key in self.body:
            self.wrong(key, f"want array of integer, minimum {minimum}")
        return None

    def flag(self, key: str) -> bool | None:
        value = self.body.get(key)
        if isinstance(value, bool):
            return value
        if key in self.body:
            self.wrong(key, "want boolean")
        return None

    def choice(self, key: str, *choices: str) -> str | None:
        value = self.body.get(key)
        if isinstance(value, str) and value in choices:
            return value
        if key in self.body:
            self.wrong(key, f"value must be one of {', '.join(choices)}")
        return None

    def texts(self, key: str) -> tuple[str, ...] | None:
        value = self.body.get(key)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(str(item) for item in value)
        if key in self.body:
            self.wrong(key, "want array of string")
        return None

    def text_map(self, key: str) -> dict[str, str] | None:
        value = self.body.get(key)
        if not isinstance(value, dict):
            if key in self.body:
                self.wrong(key, "want object")
            return None
        for name, item in value.items():
            if not isinstance(item, str):
                self.wrong(f"{key}.{name}", "want string")
        return {str(name): item for name, item in value.items() if isinstance(item, str)}

    def inner(self, key: str) -> Checker | None:
        value = self.body.get(key)
        if isinstance(value, dict):
            return Checker(value, f"{self.where}.{key}", self.errors)
        if key in self.body:
            self.wrong(key, "want object")
        return None

    def inners(self, key: str, *, max_items: int) -> tuple[Checker, ...] | None:
        value = self.body.get(key)
        if not isinstance(value, list):
            if key in self.body:
                self.wrong(key, "want array")
            return None
        if len(value) > max_items:
            self.wrong(key, f"maxItems: want {max_items}")
        found = []
        for index, item in enumerate(value):
            if isinstance(item, dict):
                found.append(Checker(item, f"{self.where}.{key}[{index}]", self.errors))
            else:
                self.wrong(f"{key}[{index}]", "want object")
        return tuple(found)

    def cuda(self, key: str) -> None:
        """A CUDA version, or an array of them."""
        value = self.body.get(key)
        versions = value if isinstance(value, list) else [value]
        if key in self.body and not all(isinstance(one, str) and CUDA.fullmatch(one) for one in versions):
            self.wrong(key, "does not match pattern '^\\d+\\.\\d+$'")

    def ports(self, key: str) -> tuple[str, ...] | None:
        found = self.texts(key)
        for index, port in enumerate(found or ()):
            match = PORT.fullmatch(port)
            if match is None or int(match[1]) > TOP_PORT:
                self.wrong(f"{key}[{index}]", "want PORT/http or PORT/tcp")
        return found
