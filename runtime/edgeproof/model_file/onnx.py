"""ONNX: a Protocol Buffers message, walked field by field. Numbers of fields and types are those of onnx.proto3."""

from __future__ import annotations

from collections.abc import Iterator

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
MAX_FIELDS = 1_000_000  # of all messages: a network of small images has some thousands, and they are walked in Python


def describe(content: bytes) -> Description:
    """Raises MalformedError when it is no ONNX model, IntegrityError when it holds what is refused."""
    model = _Message(memoryview(content), iter(range(MAX_FIELDS)))
    graphs = model.messages(7)
    if not graphs:
        raise MalformedError("no graph in it")
    for function in model.messages(25):
        raise _foreign(f"{function.text(10) or 'local'}:{function.text(1)}")
    inputs = [_tensor(value) for graph in graphs for value in graph.messages(11)]
    outputs = [_tensor(value) for graph in graphs for value in graph.messages(12)]
    weights: list[_Message] = []
    operators: set[str] = set()
    while graphs:
        graph = graphs.pop()
        sparse = graph.messages(15)
        weights += graph.messages(5)
        for node in graph.messages(1):
            operators.add(_operator(node))
            for attribute in node.messages(5):
                weights += attribute.messages(5) + attribute.messages(10)
                sparse += attribute.messages(22) + attribute.messages(23)
                graphs += attribute.messages(6) + attribute.messages(11)
        weights += [part for tensor in sparse for part in tensor.messages(1) + tensor.messages(2)]  # values, indices
    named = {_checked_weight(weight) for weight in weights}
    types = {kind for weight in weights for kind in weight.numbers(2)}
    return Description(
        the_one([value for value in inputs if value.name not in named], "input"),
        the_one(outputs, "output"),
        "int8" if types & _EIGHT_BITS else "fp16" if _SIXTEEN_FLOAT in types else "fp32",
        tuple(sorted(operators)),
    )


def _operator(node: _Message) -> str:
    name, domain = node.text(4), node.text(7)
    if domain not in ("", "ai.onnx"):
        raise _foreign(f"{domain}:{name}")
    if name in _CONTROL_FLOW:
        raise IntegrityError(f"operator {name}: expected a graph without loops and branches: it may run for ever")
    return name


def _foreign(name: str) -> IntegrityError:
    return IntegrityError(f"operator {name}: expected standard operators only: it needs code from elsewhere")


def _checked_weight(weight: _Message) -> str:
    name = weight.text(8)
    if 13 in weight.fields or _EXTERNAL in weight.numbers(14):
        raise IntegrityError(f"weight {name}: is kept in another file, which no hash covers")
    return name


def _tensor(value: _Message) -> Tensor:
    name = value.text(1)
    kinds = [kind for type in value.messages(2) for kind in type.messages(1)]
    elements = [number for kind in kinds for number in kind.numbers(1)]
    if len(kinds) != 1 or len(elements) != 1:
        raise MalformedError(f"{name!r} without the type of a tensor")
    shape: list[int | str] = []
    for dim in [dim for shape in kinds[0].messages(2) for dim in shape.messages(1)]:
        sizes = dim.numbers(1)
        shape.append(sizes[-1] if sizes else dim.text(2))
    return Tensor(name, _TYPES.get(elements[0], f"type {elements[0]}"), tuple(shape))


# ---- Protocol Buffers ------------------------------------------------------------------------------------------------


class _Message:
    """A message, its fields by number: integers, or the bytes of a text, a message or packed numbers.

    budget: gives out so many fields as may still be read, in this message and all within it.
    """

    def __init__(self, content: memoryview, budget: Iterator[int]) -> None:
        self.fields: dict[int, list[int | memoryview]] = {}
        self._budget = budget
        at, end = 0, len(content)
        while at < end:
            if next(budget, None) is None:
                raise MalformedError(f"more than {MAX_FIELDS} fields")
            key, at = _varint(content, at)
            encoding, value, size = key & 7, None, 0
            if encoding == _BYTES:
                size, at = _varint(content, at)
            elif encoding == _VARINT:
                value, at = _varint(content, at)
            elif encoding in (_FIXED64, _FIXED32):
                size = 8 if encoding == _FIXED64 else 4
            else:
                raise MalformedError("no Protocol Buffers message")
            if key >> 3 == 0 or size > end - at:
                raise MalformedError("a field beyond the end of the file")
            self.fields.setdefault(key >> 3, []).append(content[at : at + size] if value is None else value)
            at += size

    def messages(self, number: int) -> list[_Message]:
        """The messages in field `number`, in order."""
        return [_Message(value, self._budget) for value in self.fields.get(number, ()) if isinstance(value, memoryview)]

    def numbers(self, number: int) -> list[int]:
        return [value for value in self.fields.get(number, ()) if isinstance(value, int)]

    def text(self, number: int) -> str:
        """The text in field `number`; of several the last, as parsers take it."""
        found = [value for value in self.fields.get(number, ()) if isinstance(value, memoryview)]
        try:
            return str(found[-1], "utf-8") if found else ""
        except UnicodeDecodeError:
            raise MalformedError("a name that is no text") from None


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
