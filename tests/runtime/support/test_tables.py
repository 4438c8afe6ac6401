"""from_table: typed, and helpful about what it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from edgeproof.errors import IntegrityError, UsageError
from edgeproof.support.tables import from_table, to_table


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


def test_the_caller_chooses_the_error() -> None:
    with pytest.raises(IntegrityError):
        from_table(Outer, {}, "manifest", IntegrityError)
