"""TensorFlow Lite: a FlatBuffer, read table by table. Numbers of fields, types and operators are those of schema.fbs."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edgeproof.errors import IntegrityError
from edgeproof.model_file import BATCH, Description, MalformedError, Tensor, the_one

_IDENTIFIER = b"TFL3"
_TYPES = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    6: "bool",
    7: "int16",
    9: "int8",
    10: "float64",
}
_CUSTOM = 32
MAX_LIST = 100_000  # tables in one list: a network of small images has hundreds of tensors
MAX_NAME = 1000  # bytes
MAX_AXES = 8
#: Operators that run another graph as often as the data says: a file could keep a device busy for ever.
_CONTROL_FLOW = {
    31: "CALL", 118: "IF", 119: "WHILE", 129: "CALL_ONCE", 200: "STABLEHLO_WHILE", 206: "STABLEHLO_COMPOSITE",
    209: "STABLEHLO_CASE",
}  # fmt: skip


def describe(content: bytes) -> Description:
    """Raises MalformedError when it is no .tflite file, IntegrityError when it holds what is refused."""
    if content[4:8] != _IDENTIFIER:
        raise MalformedError(f"no identifier {_IDENTIFIER.decode()}")
    try:
        return _describe(_Table(content, _unsigned(content, 0)))
    except (struct.error, UnicodeDecodeError):
        raise MalformedError("a table beyond the end of the file") from None


def _describe(model: _Table) -> Description:
    operators = {_operator(code) for code in model.tables(1)}
    graphs = model.tables(2)
    if len(graphs) != 1:
        raise IntegrityError(f"expected one graph, found {len(graphs)}")
    (graph,) = graphs
    with_data = [buffer.numbers(0, "B", most=1) != () for buffer in model.tables(4)]
    if any(buffer.scalar(1, "Q") > 1 for buffer in model.tables(4)):
        raise IntegrityError("a weight: is kept outside the tables, which no check covers")
    tables = graph.tables(0)
    tensors = [_tensor(table) for table in tables]
    buffers = [table.scalar(2, "I") for table in tables]
    if any(buffer >= len(with_data) for buffer in buffers):
        raise MalformedError("a tensor without a buffer")
    weights = {tensor.dtype for tensor, buffer in zip(tensors, buffers, strict=True) if with_data[buffer]}
    activations = {tensor.dtype for tensor, buffer in zip(tensors, buffers, strict=True) if not with_data[buffer]}
    ends = [graph.numbers(number, "i", most=MAX_AXES) for number in (1, 2)]
    if any(not 0 <= index < len(tensors) for end in ends for index in end):
        raise MalformedError("an input or output that is no tensor")
    source, target = ([tensors[int(index)] for index in end] for end in ends)
    return Description(
        the_one(source, "input"),
        the_one(target, "output"),
        _precision(weights, activations),
        tuple(sorted(operators)),
    )


def _precision(weights: set[str], activations: set[str]) -> str:
    if "int16" in activations:
        return "int16x8"
    if activations & {"int8", "uint8"} and "int8" in weights | activations:
        return "int8"
    if "int8" in weights:
        return "int8-dynamic"
    return "fp16" if "float16" in weights | activations else "fp32"


def _operator(code: _Table) -> str:
    number = max(code.scalar(3, "i"), code.scalar(0, "b"))
    if number == _CUSTOM:
        raise IntegrityError(
            f"operator custom:{code.text(1)}: expected standard operators only: it needs code from elsewhere"
        )
    if number in _CONTROL_FLOW:
        raise IntegrityError(
            f"operator {_CONTROL_FLOW[number]}: expected a graph without loops and branches: it may run for ever"
        )
    return str(number)


def _tensor(table: _Table) -> Tensor:
    number = table.scalar(1, "b")
    shape = table.numbers(7, "i", MAX_AXES) or table.numbers(0, "i", MAX_AXES)
    scale = zero_point = None
    if quantization := table.table(4):
        scales, zero_points = quantization.numbers(2, "f", 2), quantization.numbers(3, "q", 2)
        if len(scales) == 1 and len(zero_points) == 1:
            scale, zero_point = float(scales[0]), int(zero_points[0])
    return Tensor(
        table.text(3),
        _TYPES.get(number, f"type {number}"),
        tuple(BATCH if size == -1 else int(size) for size in shape),
        scale,
        zero_point,
    )


# ---- FlatBuffers -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """A table at byte `at`: it begins with the distance back to the list of its fields' places."""

    content: bytes
    at: int

    def _field(self, number: int) -> int | None:
        """Where field `number` stands; null when the table has it not."""
        places = self.at - int(struct.unpack_from("<i", self.content, self.at)[0])
        if places < 0:
            raise MalformedError("a table beyond the end of the file")
        size = int(struct.unpack_from("<H", self.content, places)[0])
        if 4 + 2 * number + 2 > size:
            return None
        place = int(struct.unpack_from("<H", self.content, places + 4 + 2 * number)[0])
        return self.at + place if place else None

    def scalar(self, number: int, code: str) -> int:
        at = self._field(number)
        return 0 if at is None else int(struct.unpack_from(f"<{code}", self.content, at)[0])

    def _follow(self, number: int) -> int | None:
        """Where the table or list in field `number` begins."""
        at = self._field(number)
        return None if at is None else at + _unsigned(self.content, at)

    def table(self, number: int) -> _Table | None:
        at = self._follow(number)
        return None if at is None else _Table(self.content, at)

    def numbers(self, number: int, code: str, most: int | None = None) -> tuple[float, ...]:
        """The list in field `number`, or the `most` first of it."""
        at = self._follow(number)
        if at is None:
            return ()
        count = _unsigned(self.content, at)
        if count * struct.calcsize(f"<{code}") > len(self.content) - at - 4:
            raise MalformedError("a list beyond the end of the file")
        count = count if most is None else min(count, most)
        return struct.unpack_from(f"<{count}{code}", self.content, at + 4)

    def tables(self, number: int) -> list[_Table]:
        at = self._follow(number)
        places = self.numbers(number, "I", MAX_LIST + 1)
        if len(places) > MAX_LIST:
            raise MalformedError(f"a list of more than {MAX_LIST} tables")
        return (
            [] if at is None else [_Table(self.content, at + 4 + 4 * i + int(place)) for i, place in enumerate(places)]
        )

    def text(self, number: int) -> str:
        at = self._follow(number)
        return "" if at is None else self.content[at + 4 : at + 4 + min(MAX_NAME, _unsigned(self.content, at))].decode()


def _unsigned(content: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", content, at)[0])
