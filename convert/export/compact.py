"""A .tflite file with less around its weights, which say the same: for a microcontroller that is a tenth of the file and more.

TensorFlow names a tensor after all that was fused into it, up to 160 characters, and writes down the zero points of every
channel, eight bytes each and all of them 0, for each layer anew.
"""

from __future__ import annotations

import itertools
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import NDArray

IDENTIFIER = b"TFL3"


class _Sharing(flatbuffers.Builder):  # type: ignore[misc]
    """Writes equal vectors of numbers once, and refers to that one: what FlatBuffers itself does with the layouts of tables."""

    def __init__(self) -> None:
        super().__init__(1024)
        self._written: dict[tuple[str, bytes], int] = {}

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:  # noqa: N802 (FlatBuffers' name)
        vector = (x.dtype.str, x.tobytes())
        if vector not in self._written:
            self._written[vector] = super().CreateNumpyVector(x)
        return self._written[vector]


def compacted(content: bytes) -> bytes:
    """The same model. Input and output are called as before; every other tensor has a short name, still its own in the graph."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    for graph in model.subgraphs:
        _shorten_names(graph.tensors, {*graph.inputs, *graph.outputs})
    builder = _Sharing()
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _shorten_names(tensors: list[Any], outside: set[np.int32]) -> None:
    """Of what was fused the first stays, without the name of the model."""
    taken = {tensors[number].name for number in outside}
    for tensor in (tensor for number, tensor in enumerate(tensors) if number not in outside):
        whole, _, rest = (tensor.name or b"").split(b";")[0].partition(b"/")
        short = rest or whole
        numbered = (b"%s:%d" % (short, number) for number in itertools.count(2))
        tensor.name = next(name for name in itertools.chain([short], numbered) if name not in taken)
        taken.add(tensor.name)
