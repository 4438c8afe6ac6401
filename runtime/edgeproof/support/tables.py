"""From a parsed TOML or JSON table to a frozen dataclass, and back: the one way in which files become objects.

A key that the dataclass does not know is an error that names it and the nearest known one; a value of the wrong type
is an error that names the field, what was expected and what was found. Recipes and manifests both go through here.
"""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union

from edgeproof.errors import EdgeproofError, UsageError

T = TypeVar("T")


def from_table(cls: type[T], table: Any, where: str, error: type[EdgeproofError] = UsageError) -> T:
    """Build the dataclass `cls` from `table`.

    `where` names the table in messages (for example "recipe digits.toml [train]"). Fields may be int, float, str, bool,
    Literal, X | None, tuple[X, ...], dict[str, X], Any or another dataclass. Raises `error`.
    """
    if not isinstance(table, Mapping):
        raise error(f"{where}: expected a table, found {_kind(table)}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise error(f"{where}: unknown key '{key}'{nearest(key, fields)}")
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


def _value(hint: Any, value: Any, where: str, error: type[EdgeproofError]) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value not in arguments:
            raise error(f"{where}: expected one of {', '.join(map(repr, arguments))}, found {value!r}")
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
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise error(f"{where}: expected {hint.__name__}, found {_kind(value)} {value!r}")
    return value


def _kind(value: Any) -> str:
    return type(value).__name__
