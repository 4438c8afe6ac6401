"""Which operators hold weights, in the words of each format: what 8 bits do is told of these, and these can stay in float."""

from __future__ import annotations

from edgeproof.manifest import Format

WITH_WEIGHTS: dict[Format, tuple[str, ...]] = {
    "onnx": ("Conv", "Gemm", "MatMul"),
    "tflite": ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
}
