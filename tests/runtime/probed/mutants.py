"""Model files made to harm: damaged where it hurts, and whole ones that never end or fill the memory.

A damaged file is made from a good one by a seed. What is changed are numbers and texts that the format gives a meaning, never its
framing, so that parsers let it pass; one in eight gets plain bit flips or is cut short instead.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from edgeproof.model_file.tflite import _Table, _unsigned

WHOLE = (-(2**31), -129, -2, -1, 0, 1, 2, 3, 5, 7, 127, 255, 1000, 65536, 2**24, 2**31 - 1)
REAL = (0.0, -1.0, 1e-30, 1e30, float("inf"), float("nan"))


def damaged(content: bytes, form: str, seed: int) -> bytes:
    """A mutant of a .tflite or .onnx file."""
    dice = random.Random(seed)
    if dice.randrange(8) == 0:
        return _flipped(content, dice)
    return {"tflite": _damaged_tflite, "onnx": _damaged_onnx}[form](content, dice)


def _flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed[: dice.randrange(1, len(changed))] if dice.randrange(2) else changed)


# ---- .tflite ---------------------------------------------------------------------------------------------------------


def _damaged_tflite(content: bytes, dice: random.Random) -> bytes:
    places = list(_places(_Table(content, _unsigned(content, 0))))
    changed = bytearray(content)
    for at, code in dice.sample(places, dice.choice((1, 1, 2, 4))):
        low, high = {"b": (-128, 127), "H": (0, 2**16 - 1), "I": (0, 2**32 - 1), "q": (-(2**63), 2**63 - 1)}.get(
            code, (-(2**31), 2**31 - 1)
        )
        value = dice.choice(REAL) if code == "f" else min(max(dice.choice(WHOLE), low), high)
        struct.pack_into(f"<{code}", changed, at, value)
    return bytes(changed)


def _places(model: _Table) -> Iterator[tuple[int, str]]:
    """Where the numbers of a model's graph stand, each with its struct code: tensors, operators, their settings, the ends."""
    for code in model.tables(1):
        yield from _scalars(code, {0: "b", 2: "i", 3: "i"})
    (graph,) = model.tables(2)
    for number in (1, 2):
        yield from _numbers(graph, number, "i")
    for tensor in graph.tables(0):
        yield from _numbers(tensor, 0, "i")
        yield from _scalars(tensor, {1: "b", 2: "I"})
        yield from _numbers(tensor, 7, "i")
        if quantization := tensor.table(4):
            yield from _numbers(quantization, 2, "f", 4)
            yield from _numbers(quantization, 3, "q", 4)
            yield from _scalars(quantization, {6: "i"})
    for operator in graph.tables(3):
        yield from _scalars(operator, {0: "I", 3: "b"})
        yield from _numbers(operator, 1, "i")
        yield from _numbers(operator, 2, "i")
        if options := operator.table(4):
            yield from _scalars(options, dict.fromkeys(range(8), "b"))
    for buffer in model.tables(4):
        if (at := buffer._follow(0)) is not None:
            yield at, "I"  # how long it says it is


def _scalars(table: _Table, codes: dict[int, str]) -> Iterator[tuple[int, str]]:
    for number, code in codes.items():
        if (at := table._field(number)) is not None:
            yield at, code


def _numbers(table: _Table, number: int, code: str, most: int = 8) -> Iterator[tuple[int, str]]:
    if (at := table._follow(number)) is not None:
        count = min(most, _unsigned(table.content, at))
        yield from ((at + 4 + i * struct.calcsize(f"<{code}"), code) for i in range(count))


# ---- .onnx -----------------------------------------------------------------------------------------------------------


@dataclass
class Field:
    """One field of a Protocol Buffers message: a number, raw bytes, or the fields of a message."""

    number: int
    encoding: int
    value: int | bytes | list[Field]


#: Which fields of a message are messages themselves, and of what kind: of onnx.proto3.
MESSAGES = {
    "model": {7: "graph", 8: "opset"},
    "graph": {1: "node", 5: "tensor", 11: "value", 12: "value", 13: "value"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor"},
    "value": {2: "type"},
    "type": {1: "array"},
    "array": {2: "shape"},
    "shape": {1: "dim"},
}


def _damaged_onnx(content: bytes, dice: random.Random) -> bytes:
    model = _parsed(content, "model")
    for _ in range(dice.choice((1, 1, 2, 4))):
        lists = [fields for fields in _lists(model) if fields]
        fields = dice.choice(lists)
        _change(fields, dice.randrange(len(fields)), dice)
    return written(model)


def _change(fields: list[Field], place: int, dice: random.Random) -> None:
    field = fields[place]
    way = dice.randrange(6)
    if way == 0:
        del fields[place]
    elif way == 1:
        fields.insert(dice.randrange(len(fields) + 1), field)
    elif way == 2:
        other = dice.choice(fields)
        field.value, other.value = (
            (other.value, field.value) if other.encoding == field.encoding else (field.value, other.value)
        )
    elif isinstance(field.value, int):
        field.value = dice.choice(WHOLE) % 2**64
    elif isinstance(field.value, bytes) and field.value:
        change: Callable[[bytes], bytes] = dice.choice(
            (lambda text: text[:-1], lambda text: text * 2, lambda _: b"", lambda text: bytes([text[0] ^ 1]) + text[1:])
        )
        field.value = change(field.value)


def _lists(fields: list[Field]) -> Iterator[list[Field]]:
    yield fields
    for field in fields:
        if isinstance(field.value, list):
            yield from _lists(field.value)


def _parsed(content: bytes, kind: str) -> list[Field]:
    fields, at = [], 0
    while at < len(content):
        key, at = _number(content, at)
        number, encoding = key >> 3, key & 7
        value: int | bytes | list[Field]
        if encoding == 0:
            value, at = _number(content, at)
        else:
            size, at = _number(content, at) if encoding == 2 else (8 if encoding == 1 else 4, at)
            value, at = content[at : at + size], at + size
            inner = MESSAGES.get(kind, {}).get(number)
            value = _parsed(value, inner) if inner else value
        fields.append(Field(number, encoding, value))
    return fields


def _number(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (content[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if content[at - 1] < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def written(fields: Sequence[Field]) -> bytes:
    """A message's bytes."""
    parts = []
    for field in fields:
        parts.append(_varint(field.number << 3 | field.encoding))
        if isinstance(field.value, int):
            parts.append(_varint(field.value))
        else:
            inner = written(field.value) if isinstance(field.value, list) else field.value
            parts += [_varint(len(inner)) if field.encoding == 2 else b"", inner]
    return b"".join(parts)


# ---- whole graphs ----------------------------------------------------------------------------------------------------


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], *attributes: Field) -> Field:
    """A node of an ONNX graph."""
    names = [Field(1, 2, name.encode()) for name in inputs] + [Field(2, 2, name.encode()) for name in outputs]
    return Field(1, 2, [*names, Field(4, 2, operator.encode()), *attributes])


def whole_numbers(name: str, values: Sequence[int]) -> Field:
    """A weight of int64."""
    data = struct.pack(f"<{len(values)}q", *values)
    return Field(5, 2, [Field(1, 0, len(values)), Field(2, 0, 7), Field(8, 2, name.encode()), Field(9, 2, data)])


def grafted(content: bytes, made: Sequence[Field]) -> bytes:
    """An ONNX model with `made` put between its graph and its output: they read "edge.in" and write "edge.out", of its shape."""
    model = _parsed(content, "model")
    (graph,) = (field.value for field in model if field.number == 7)
    assert isinstance(graph, list)
    (end,) = (field.value for field in graph if field.number == 12)
    assert isinstance(end, list)
    name = next(field.value for field in end if field.number == 1)
    for field in graph:
        for part in field.value if field.number == 1 and isinstance(field.value, list) else ():
            part.value = b"edge.in" if part.number == 2 and part.value == name else part.value
    assert isinstance(name, bytes)
    graph += [*made, node("Identity", ["edge.out"], [name.decode()])]
    return written(model)


def chain(length: int) -> list[Field]:
    """So many nodes one behind the other."""
    names = ["edge.in", *(f"edge.{i}" for i in range(length - 1)), "edge.out"]
    return [node("Neg" if i % 2 else "Abs", [names[i]], [names[i + 1]]) for i in range(length)]


def huge(count: int) -> list[Field]:
    """A tensor of `count` zeros, whose smallest is added to the answer."""
    return [
        whole_numbers("edge.count", [count]),
        node("ConstantOfShape", ["edge.count"], ["edge.zeros"]),
        node(
            "ReduceMin",
            ["edge.zeros"],
            ["edge.zero"],
            Field(5, 2, [Field(1, 2, b"keepdims"), Field(3, 0, 0), Field(20, 0, 2)]),
        ),
        node("Add", ["edge.in", "edge.zero"], ["edge.out"]),
    ]


def twice_as_wide() -> list[Field]:
    """An answer of another shape than the file states."""
    return [node("Concat", ["edge.in", "edge.in"], ["edge.out"], _whole("axis", 1))]


def endless() -> list[Field]:
    """A loop that never ends."""
    body = [
        node("Identity", ["edge.go"], ["edge.go.on"]),
        node("Abs", ["edge.held"], ["edge.next"]),
        Field(2, 2, b"body"),
        *(Field(11, 2, _value(name, kind)) for name, kind in (("edge.round", 7), ("edge.go", 9), ("edge.held", 1))),
        *(Field(12, 2, _value(name, kind)) for name, kind in (("edge.go.on", 9), ("edge.next", 1))),
    ]
    attribute = Field(5, 2, [Field(1, 2, b"body"), Field(6, 2, body), Field(20, 0, 5)])
    return [node("Loop", ["", "", "edge.in"], ["edge.out"], attribute)]


def _value(name: str, kind: int) -> list[Field]:
    return [Field(1, 2, name.encode()), Field(2, 2, [Field(1, 2, [Field(1, 0, kind)])])]


def _whole(name: str, value: int) -> Field:
    """An attribute that is a whole number."""
    return Field(5, 2, [Field(1, 2, name.encode()), Field(3, 0, value), Field(20, 0, 2)])
