"""Reads the fields of a control request one by one, and says which one is wrong and what it may be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class FieldRefused(Exception):
    """A field is missing or wrong. `allowed` lists what it may be, where that can be listed."""

    def __init__(self, field: str, message: str, allowed: Iterable[str] = ()) -> None:
        super().__init__(f"{field} {message}")
        self.field = field
        self.allowed = list(allowed)


class Fields:
    """A JSON object or a query. Every method raises FieldRefused; a default makes a field optional."""

    def __init__(self, sent: dict[str, Any]) -> None:
        self._sent = sent

    def has(self, name: str) -> bool:
        return self._sent.get(name) is not None

    def only(self, *known: str) -> None:
        """Refuses what nobody would read."""
        for name in self._sent:
            if name not in known:
                raise FieldRefused(name, "is not a field of this request", known)

    def text(self, name: str, default: str | None = None) -> str:
        value = self._get(name, default)
        if not isinstance(value, str):
            raise FieldRefused(name, "must be a string")
        return value

    def choice(self, name: str, allowed: Iterable[str], default: str | None = None) -> str:
        value, words = self.text(name, default), list(allowed)
        if value not in words:
            raise FieldRefused(name, f"is unknown: {value!r}; it may be {', '.join(words)}", words)
        return value

    def number(self, name: str, default: float | None = None, least: float = 0.0, most: float = 1e9) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise FieldRefused(name, "must be a number")
        if not least <= value <= most:
            raise FieldRefused(name, f"must be between {least:g} and {most:g}")
        return float(value)

    def integer(self, name: str, default: int | None = None, least: int = 0, most: int = 10**12) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise FieldRefused(name, "must be an integer")
        if not least <= value <= most:
            raise FieldRefused(name, f"must be between {least} and {most}")
        return value

    def flag(self, name: str) -> bool:
        value = self._get(name, None)
        if not isinstance(value, bool):
            raise FieldRefused(name, "must be true or false", ("true", "false"))
        return value

    def texts(self, name: str, default: dict[str, str] | None = None) -> dict[str, str]:
        """An object of strings; numbers in it are taken as they are written."""
        value = self._get(name, default)
        if not isinstance(value, dict) or not all(isinstance(each, str | int | float) for each in value.values()):
            raise FieldRefused(name, "must be an object of strings")
        return {str(key): str(each) for key, each in value.items()}

    def list_of_texts(self, name: str, default: list[str] | None = None) -> list[str]:
        value = self._get(name, default)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise FieldRefused(name, "must be a list of strings")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self._sent.get(name)
        if value is not None and not isinstance(value, dict):
            raise FieldRefused(name, "must be an object")
        return value

    def _get(self, name: str, default: object) -> Any:
        value = self._sent.get(name)
        if value is None:
            if default is None:
                raise FieldRefused(name, "is missing")
            return default
        return value
