"""What convert can make of a model: one row per artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convert.onnx_export import to_int8_onnx, to_onnx
from convert.tflite import to_tflite
from edgeproof.errors import UsageError
from edgeproof.tables import nearest


@dataclass(frozen=True)
class Variant:
    """name: "<precision>[-<how>].<format>", also the file's name.

    export: Keras model and calibration images uint8 (n, 28, 28) → the file's bytes.
    """

    name: str
    format: Literal["onnx", "tflite"]
    precision: Literal["fp32", "fp16", "int8", "int8-dynamic", "int16x8"]
    export: Callable[[Any, NDArray[np.uint8]], bytes]


VARIANTS = (
    Variant("fp32.onnx", "onnx", "fp32", lambda model, _: to_onnx(model)),
    Variant("int8.onnx", "onnx", "int8", lambda model, images: to_int8_onnx(model, calibration=images)),
    Variant("fp32.tflite", "tflite", "fp32", lambda model, _: to_tflite(model, precision="fp32")),
    Variant("fp16.tflite", "tflite", "fp16", lambda model, _: to_tflite(model, precision="fp16")),
    Variant(
        "int8-dynamic.tflite", "tflite", "int8-dynamic", lambda model, _: to_tflite(model, precision="int8-dynamic")
    ),
    Variant(
        "int8.tflite", "tflite", "int8", lambda model, images: to_tflite(model, precision="int8", calibration=images)
    ),
)


def choose(variants: tuple[Variant, ...], names: tuple[str, ...]) -> tuple[Variant, ...]:
    """The variants called `names`, in their own order; all when `names` is empty. Raises UsageError for an unknown one."""
    known = {variant.name for variant in variants}
    for name in names:
        if name not in known:
            raise UsageError(f"artifact '{name}' is unknown{nearest(name, known)}")
    return tuple(variant for variant in variants if not names or variant.name in names)
