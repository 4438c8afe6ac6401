"""What a converted file says of itself, as the manifest will state it, and whether a device could feed it.

It is read back from the file by the code that will check it on the device, never typed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeproof.errors import GateError
from edgeproof.input_contract import InputContract, axes
from edgeproof.manifest import TensorSpec
from edgeproof.model_file import Tensor, describe

_PIXEL_SCALES = (1.0, 1 / 255)  # a graph that scales inside sees 0..255 as 0..255, one that was trained on 0..1 as 0..1
_ZERO_POINTS = {"uint8": 0, "int8": -128}


@dataclass(frozen=True)
class Specs:
    """input, output: as the manifest states them. precision: of the file's arithmetic."""

    input: TensorSpec
    output: TensorSpec
    precision: str


def read_specs(content: bytes, format: str, contract: InputContract) -> Specs:
    """Of a .onnx or .tflite file whose model takes what `contract` says.

    Raises IntegrityError when it is no such file, or holds what a device refuses: data in other files, operators of its own,
    control flow. Raises GateError when the device could not feed it raw pixels.
    """
    file = describe(content, format)
    layouts = ("NCHW", "NHWC") if format == "onnx" else ("NHWC", "NCHW")  # the usual one first: 3×3×3 pixels fit both
    taken = {axes(contract, layout): layout for layout in reversed(layouts)}
    specs = Specs(_spec(file.input, taken), _spec(file.output, {}), file.precision)
    check_input(specs.input)
    return specs


def operator_names(content: bytes) -> tuple[str, ...]:
    """Names of the operators that a .tflite file uses, sorted, as TensorFlow Lite's schema has them."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    return tuple(sorted(names[int(code)] for code in describe(content, "tflite").operators))


def check_input(spec: TensorSpec) -> None:
    """Refuse an integer input that does not take bytes as they are: the device never divides by a scale."""
    if spec.scale is None:
        return
    fits = any(np.isclose(spec.scale, scale, rtol=1e-4) for scale in _PIXEL_SCALES)
    if not fits or spec.zero_point != _ZERO_POINTS.get(spec.dtype):
        raise GateError(
            f"input: expected scale 1 or 1/255 and zero point 0 for uint8, −128 for int8, found {spec.scale:.6g} and "
            f"{spec.zero_point} for {spec.dtype}: the calibration images do not span 0..255; train again"
        )


def _spec(tensor: Tensor, taken: Mapping[tuple[int | str, ...], str]) -> TensorSpec:
    """`taken`: the layouts of the shapes that an input may have; of an output, (N, classes), none."""
    layout: Any = taken.get(tensor.shape) if taken else "NC" if len(tensor.shape) == 2 else None
    if layout is None or tensor.shape[0] != "N":
        expected = " or ".join(map(str, taken)) or "(N, classes)"
        raise GateError(f"tensor {tensor.name}: expected {expected}, found {tensor.shape}")
    return TensorSpec(tensor.name, tensor.dtype, layout, tensor.shape, tensor.scale, tensor.zero_point)  # type: ignore[arg-type]
