"""From a parsed TOML or JSON table to a frozen dataclass, and back: the one way in which files become objects.

A key that the dataclass does not know is an error that names it and the nearest known one; a value of the wrong type
is an error that names the field, what was expected and what was found. Recipes and manifests both go through here.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import math
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from edgeproof.errors import EdgeproofError, UsageError
from edgeproof.support.terminal import printable

T = TypeVar("T")
MAX_WHOLE = 2**53  # up to here every whole number is a float of its own
MAX_SHOWN = 200  # characters of a wrong value in a message


class Rule(typing.Protocol):
    """What a field demands beyond its type, written as `Annotated[float, Range(0, 1)]`."""

    def refuses(self, value: Any) -> str | None:
        """What was expected, when `value` is not that; null when it is."""
        ...


@dataclasses.dataclass(frozen=True)
class Range:
    """A number from `low` to `high`, both included."""

    low: float
    high: float

    def refuses(self, value: Any) -> str | None:
        return None if self.low <= value <= self.high else f"a number from {self.low:g} to {self.high:g}"


@dataclasses.dataclass(frozen=True)
class Text:
    """Text that can be shown on one line as it is, 1 to `most` characters; an empty one too with `least` 0."""

    most: int
    least: int = 1

    def refuses(self, value: Any) -> str | None:
        fits = self.least <= len(value) <= self.most and printable(value) == value
        return None if fits else f"{self.least} to {self.most} characters that can be printed"


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Text that is of the regular expression `pattern` as a whole; `meaning` says which that is."""

    pattern: str
    meaning: str

    def refuses(self, value: Any) -> str | None:
        return None if re.fullmatch(self.pattern, value) else self.meaning


def from_table(cls: type[T], table: Any, where: str, error: type[EdgeproofError] = UsageError) -> T:
    """Build the dataclass `cls` from `table`.

    `where` names the table in messages (for example "recipe digits.toml [train]"). Fields may be int, float, str, bool,
    Literal, X | None, tuple[X, ...], dict[str, X], Any, Annotated with rules, or another dataclass. Numbers must be finite.
    Raises `error`.
    """
    if not isinstance(table, Mapping):
        raise error(f"{where}: expected a table, found {_kind(table)}")
    hints = _hints(cls)  # type: ignore[arg-type]
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise error(f"{where}: unknown key {_shown(key)}{nearest(str(key)[:MAX_SHOWN], fields)}")
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(hints[name], table[name], f"{where}.{name}", error)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise error(f"{where}: missing key '{name}'")
    try:
        return cls(**values)
    except ValueError as problem:  # a dataclass checks its own ranges in __post_init__
        raise error(f"{where}: {problem}") from None


def check(value: Any, hint: Any, where: str) -> None:
    """Raise ValueError unless `value` is what `hint` says."""
    try:
        _value(hint, value, where, UsageError)
    except UsageError as error:
        raise ValueError(str(error)) from None


def require(condition: bool, field: str, expected: str, found: Any) -> None:
    """Raise ValueError unless `condition` holds."""
    if not condition:
        raise ValueError(f"{field}: expected {expected}, found {_shown(found)}")


def require_between(low: float, value: float, high: float, field: str) -> None:
    """Raise ValueError unless an interval holds the value that it is of, but for rounding."""
    require(low - 1e-6 <= value <= high + 1e-6, field, f"an interval around {value:.6g}", (low, high))


def to_table(value: Any) -> Any:
    """The inverse of `from_table`: nested dicts and lists that json can write."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_table(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: to_table(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_table(item) for item in value]
    return value


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """' (did you mean …?)' for a mistyped word, or the list of what is known."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else f"; known: {', '.join(known)}"


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls, include_extras=True)


def _value(hint: Any, value: Any, where: str, error: type[EdgeproofError]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is typing.Annotated:
        found = _value(arguments[0], value, where, error)
        for rule in arguments[1:]:
            if expected := rule.refuses(found):
                raise error(f"{where}: expected {expected}, found {_shown(value)}")
        return found
    if origin is Literal:
        if value not in arguments or type(value) not in map(
            type, arguments
        ):  # True is no 1, and what cannot be hashed no word
            raise error(f"{where}: expected one of {', '.join(map(repr, arguments))}, found {_shown(value)}")
        return value
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        choices = [choice for choice in arguments if choice is not type(None)]
        for choice in choices[:-1]:
            try:
                return _value(choice, value, where, error)
            except EdgeproofError:
                continue
        return _value(choices[-1], value, where, error)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise error(f"{where}: expected a list, found {_kind(value)}")
        return tuple(_value(arguments[0], item, f"{where}[{i}]", error) for i, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping):
            raise error(f"{where}: expected a table, found {_kind(value)}")
        return {key: _value(arguments[1], item, f"{where}.{key}", error) for key, item in value.items()}
    if dataclasses.is_dataclass(hint):
        return from_table(typing.cast(type, hint), value, where, error)
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WHOLE:
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise error(f"{where}: expected {hint.__name__}, found {_kind(value)} {_shown(value)}")
    if hint is float and not math.isfinite(value):
        raise error(f"{where}: expected a finite number, found {value}")
    return value


def _shown(value: Any) -> str:
    text = repr(value)  # which escapes what cannot be shown
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _kind(value: Any) -> str:
    return type(value).__name__
