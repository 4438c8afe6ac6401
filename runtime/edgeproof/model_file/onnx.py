"""ONNX: a Protocol Buffers message, walked field by field. Numbers of fields and types are those of onnx.proto3."""

from __future__ import annotations

from typing import TypeAlias

from edgeproof.errors import IntegrityError
from edgeproof.model_file import Description, MalformedError, Tensor, the_one

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # how a field is encoded
_TYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64",
}  # fmt: skip
_EIGHT_BITS, _SIXTEEN_FLOAT = {2, 3}, 10
_EXTERNAL = 1  # TensorProto.DataLocation
#: Operators that run another graph as often as the data says: a file could keep a device busy for ever.
_CONTROL_FLOW = {"If", "Loop", "Scan", "SequenceMap"}

Fields: TypeAlias = dict[int, list[int | memoryview]]  # values by the number of their field


def describe(content: bytes) -> Description:
    """Raises MalformedError when it is no ONNX model, IntegrityError when it holds what is refused."""
    model = _read(memoryview(content))
    graphs = _messages(model, 7)
    if not graphs:
        raise MalformedError("no graph in it")
    for function in _messages(model, 25):
        raise _foreign(f"{_text(function, 10) or 'local'}:{_text(function, 1)}")
    inputs = [_tensor(value) for graph in graphs for value in _messages(graph, 11)]
    outputs = [_tensor(value) for graph in graphs for value in _messages(graph, 12)]
    weights: list[Fields] = []
    operators: set[str] = set()
    while graphs:
        graph = graphs.pop()
        weights += _messages(graph, 5) + [values for sparse in _messages(graph, 15) for values in _messages(sparse, 1)]
        for node in _messages(graph, 1):
            operators.add(_operator(node))
            for attribute in _messages(node, 5):
                weights += _messages(attribute, 5) + _messages(attribute, 10)
                graphs += _messages(attribute, 6) + _messages(attribute, 11)
    named = {_checked_weight(weight) for weight in weights}
    types = {kind for weight in weights for kind in _numbers(weight, 2)}
    return Description(
        the_one([value for value in inputs if value.name not in named], "input"),
        the_one(outputs, "output"),
        "int8" if types & _EIGHT_BITS else "fp16" if _SIXTEEN_FLOAT in types else "fp32",
        tuple(sorted(operators)),
    )


def _operator(node: Fields) -> str:
    name, domain = _text(node, 4), _text(node, 7)
    if domain not in ("", "ai.onnx"):
        raise _foreign(f"{domain}:{name}")
    if name in _CONTROL_FLOW:
        raise IntegrityError(f"operator {name}: expected a graph without loops and branches: it may run for ever")
    return name


def _foreign(name: str) -> IntegrityError:
    return IntegrityError(f"operator {name}: expected standard operators only: it needs code from elsewhere")


def _checked_weight(weight: Fields) -> str:
    name = _text(weight, 8)
    if 13 in weight or _EXTERNAL in _numbers(weight, 14):
        raise IntegrityError(f"weight {name}: is kept in another file, which no hash covers")
    return name


def _tensor(value: Fields) -> Tensor:
    name = _text(value, 1)
    kinds = [kind for type in _messages(value, 2) for kind in _messages(type, 1)]
    elements = [number for kind in kinds for number in _numbers(kind, 1)]
    if len(kinds) != 1 or len(elements) != 1:
        raise MalformedError(f"{name!r} without the type of a tensor")
    shape: list[int | str] = []
    for dim in [dim for shape in _messages(kinds[0], 2) for dim in _messages(shape, 1)]:
        sizes = _numbers(dim, 1)
        shape.append(sizes[-1] if sizes else _text(dim, 2))
    return Tensor(name, _TYPES.get(elements[0], f"type {elements[0]}"), tuple(shape))


# ---- Protocol Buffers ------------------------------------------------------------------------------------------------


def _messages(message: Fields, number: int) -> list[Fields]:
    """The messages in field `number`, in order."""
    return [_read(value) for value in message.get(number, ()) if isinstance(value, memoryview)]


def _numbers(message: Fields, number: int) -> list[int]:
    return [value for value in message.get(number, ()) if isinstance(value, int)]


def _text(message: Fields, number: int) -> str:
    """The text in field `number`; of several the last, as parsers take it."""
    found = [value for value in message.get(number, ()) if isinstance(value, memoryview)]
    try:
        return str(found[-1], "utf-8") if found else ""
    except UnicodeDecodeError:
        raise MalformedError("a name that is no text") from None


def _read(message: memoryview) -> Fields:
    """The values of each field by its number: integers, or the bytes of a text, a message or packed numbers."""
    fields: Fields = {}
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        encoding, value = key & 7, None
        if encoding == _BYTES:
            size, at = _varint(message, at)
        elif encoding == _VARINT:
            value, at = _varint(message, at)
            size = 0
        elif encoding in (_FIXED64, _FIXED32):
            size = 8 if encoding == _FIXED64 else 4
        else:
            raise MalformedError("no Protocol Buffers message")
        if key >> 3 == 0 or size > end - at:
            raise MalformedError("a field beyond the end of the file")
        fields.setdefault(key >> 3, []).append(message[at : at + size] if value is None else value)
        at += size
    return fields


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at `at`, 7 bits to a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise MalformedError("a number beyond the end of the file")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise MalformedError("a number of more than 64 bits")
