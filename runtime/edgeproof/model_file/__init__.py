"""What a model file says of itself, read from its bytes before any runtime sees it.

    description = describe(content, "onnx")     one input, one output, the precision, the operators

A device has none of the libraries that describe these formats: `onnx` alone weighs 17 MB. Both formats are simple where it
matters here: `onnx` walks the fields of a Protocol Buffers message, `tflite` the tables of a FlatBuffer. Every step is checked
against the bytes that are there. The tests of convert compare the result with the formats' own libraries.

May import `edgeproof.errors` alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from edgeproof.errors import IntegrityError

BATCH = "N"  # the one size that a file may leave open


@dataclass(frozen=True)
class Tensor:
    """One tensor of a model file.

    dtype: as numpy names it. shape: size per axis, an open one by its name ("N" in .tflite). scale, zero_point: real value =
    scale · (raw − zero_point); null for a float tensor, and in .onnx, where quantization is operators of the graph.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Description:
    """input, output: of the graph. precision: of its arithmetic, "fp32", "fp16", "int8", "int8-dynamic" or "int16x8".

    operators: the operators' names in .onnx, "domain:name" where it is not a standard one; their codes in .tflite.
    """

    input: Tensor
    output: Tensor
    precision: str
    operators: tuple[str, ...]


def describe(content: bytes, format: str) -> Description:
    """Of a .onnx or .tflite file.

    Raises IntegrityError when it is no such file, has not one input and one output, or holds what is refused: data in
    other files, operators of its own, loops and branches.
    """
    from edgeproof.model_file import onnx, tflite

    try:
        return {"onnx": onnx.describe, "tflite": tflite.describe}[format](content)
    except MalformedError as error:
        raise IntegrityError(f"expected a file in the format .{format}, found {error}") from None


class MalformedError(ValueError):
    """The bytes are no file of the format; the message completes "found …"."""


def the_one(tensors: list[Tensor], what: str) -> Tensor:
    """The only tensor of `tensors`. Raises IntegrityError otherwise."""
    if len(tensors) != 1:
        raise IntegrityError(f"expected one {what}, found {len(tensors)}")
    return tensors[0]
