"""from_table: typed, and helpful about what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest

from edgeproof.errors import IntegrityError, UsageError
from edgeproof.support.tables import Pattern, Range, Text, from_table, to_table


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1


@dataclass(frozen=True)
class Outer:
    name: str
    mode: Literal["a", "b"] = "a"
    epochs: int = 1
    sizes: tuple[int, ...] = ()
    inner: Inner | None = None
    table: dict[str, float] | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError("epochs: expected 1 or more, found 0")


def test_round_trip() -> None:
    value = Outer("x", "b", 3, (1, 2), Inner(1.0), {"k": 2.0})
    assert from_table(Outer, to_table(value), "t") == value


def test_int_is_accepted_where_float_is_meant_but_bool_is_not() -> None:
    assert from_table(Inner, {"rate": 1}, "t").rate == 1.0
    with pytest.raises(UsageError, match=r"t\.rate: expected float, found bool"):
        from_table(Inner, {"rate": True}, "t")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "x", "epoch": 3}, r"t: unknown key 'epoch'; did you mean 'epochs'\?"),
        ({"name": "x", "zzzz": 3}, "unknown key 'zzzz'; known: epochs, inner, mode, name, sizes"),
        ({}, "t: missing key 'name'"),
        ({"name": 3}, r"t\.name: expected str, found int 3"),
        ({"name": "x", "mode": "c"}, r"t\.mode: expected one of 'a', 'b', found 'c'"),
        ({"name": "x", "sizes": [1, "2"]}, r"t\.sizes\[1\]: expected int, found str '2'"),
        ({"name": "x", "inner": {"rat": 1}}, r"t\.inner: unknown key 'rat'; did you mean 'rate'"),
        ({"name": "x", "epochs": 0}, "t: epochs: expected 1 or more, found 0"),
        ([], "t: expected a table, found list"),
    ],
)
def test_refusals_name_field_expectation_and_finding(table: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        from_table(Outer, table, "t")


@dataclass(frozen=True)
class Ruled:
    share: Annotated[float, Range(0, 1)] = 0.5
    count: Annotated[int, Range(0, 9)] = 0
    name: Annotated[str, Text(5)] = "x"
    hash: Annotated[str, Pattern("[0-9a-f]{4}", "4 hexadecimal digits")] | None = None
    rates: dict[str, Annotated[float, Range(0, 1)]] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"share": 1.01}, r"t\.share: expected a number from 0 to 1, found 1\.01"),
        ({"share": float("nan")}, r"t\.share: expected a finite number, found nan"),
        ({"share": float("inf")}, r"t\.share: expected a finite number"),
        ({"share": 10**400}, r"t\.share: expected float, found int"),
        ({"count": -1}, r"t\.count: expected a number from 0 to 9, found -1"),
        ({"name": ""}, r"t\.name: expected 1 to 5 characters that can be printed, found ''"),
        ({"name": "a\x1b"}, r"t\.name: .*, found 'a\\x1b'"),
        ({"name": "\ud800"}, r"t\.name: .*, found '\\ud800'"),
        ({"name": "x" * 100_000}, "…$"),
        ({"hash": "XYZ0"}, r"t\.hash: expected 4 hexadecimal digits, found 'XYZ0'"),
        ({"rates": {"a": 2}}, r"t\.rates\.a: expected a number from 0 to 1, found 2"),
        ({"\x1b" * 100_000: 1}, "unknown key .*…"),
    ],
)
def test_a_field_has_rules_beside_its_type(table: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        from_table(Ruled, table, "t")
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000


def test_what_a_terminal_shows_is_text() -> None:
    """Joiners are invisible and harmless: Persian names and composed emoji hold them."""
    assert from_table(Ruled, {"name": "صفر\u200cها"[:5]}, "t").name == "صفر\u200cها"[:5]


def test_what_is_within_the_rules_is_taken() -> None:
    assert from_table(Ruled, {"share": 1, "hash": "00ff", "rates": {"a": 0}}, "t") == Ruled(
        1.0, 0, "x", "00ff", {"a": 0.0}
    )


def test_a_word_is_of_its_type() -> None:
    """True equals 1, and is none."""
    with pytest.raises(UsageError, match="expected one of 1, found True"):
        from_table(Numbered, {"schema": True}, "t")
    with pytest.raises(UsageError, match="expected one of 1, found"):
        from_table(Numbered, {"schema": []}, "t")


@dataclass(frozen=True)
class Numbered:
    schema: Literal[1] = 1


def test_the_caller_chooses_the_error() -> None:
    with pytest.raises(IntegrityError):
        from_table(Outer, {}, "manifest", IntegrityError)
