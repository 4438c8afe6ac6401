"""8 bits in ONNX: which ranges, how many bits."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from convert.export import onnx_int8
from convert.export.onnx_float import to_onnx
from convert.export.onnx_int8 import CALIBRATION_NOTE, METHODS, RANGE_NOTE, information_lost, to_int8_onnx

pytestmark = pytest.mark.slow


def test_information_lost() -> None:
    """By hand: ½·ln(½/¾) + ½·ln(½/¼) = 0.1438 nats."""
    even, odd = np.log(np.array([[0.5, 0.5]], np.float32)), np.log(np.array([[0.75, 0.25]], np.float32))
    assert information_lost(even, even) == pytest.approx(0, abs=1e-7)
    assert information_lost(even, odd) == pytest.approx(0.14384, abs=1e-4)


def notes(content: bytes) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}


def test_the_best_calibration_method_is_kept_and_told(model: Any, images: NDArray[np.uint8]) -> None:
    note = notes(to_int8_onnx(model, calibration=images))[CALIBRATION_NOTE]
    losses = {method: float(value) for method, value in re.findall(r"(\w+) (\d\.\d+e-\d+)", note)}
    assert tuple(losses) == METHODS
    chosen, told = note.split(" ", 1)
    assert losses[chosen] == min(losses.values())
    assert told.startswith("(160 images; nats lost on 40 ")


def test_the_methods_read_different_ranges(model: Any, images: NDArray[np.uint8]) -> None:
    """Otherwise there was nothing to compare. One image of ink alone tells MinMax from the others."""
    images = np.concatenate([images, np.full((1, 28, 28), 255, np.uint8)])
    made = {method: onnx_int8._quantized(to_onnx(model), images, method) for method in METHODS}
    assert len(set(made.values())) == len(METHODS)


@pytest.mark.parametrize("harmful", [True, False])
def test_weights_are_narrowed_only_where_saturation_changes_answers(
    model: Any, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, harmful: bool
) -> None:
    """Kernels that saturate are replaced by some that answer wrongly when a weight exceeds 7 bits."""
    real = onnx_int8._logits

    def largest(content: bytes) -> int:
        weights = onnx.load_from_string(content).graph.initializer
        arrays = [
            onnx.numpy_helper.to_array(w) for w in weights if w.data_type == onnx.TensorProto.INT8 and len(w.dims) > 1
        ]
        return max((int(np.abs(array.astype(int)).max()) for array in arrays), default=0)

    def saturating(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.roll(real(content, images), int(largest(content) > 64), axis=1)

    monkeypatch.setattr(onnx_int8, "saturates", lambda: False)
    plain = to_int8_onnx(model, calibration=images)
    monkeypatch.setattr(onnx_int8, "saturates", lambda: True)
    if harmful:
        monkeypatch.setattr(onnx_int8, "_logits", saturating)
    content = to_int8_onnx(model, calibration=images)
    assert largest(plain) > 64
    assert (largest(content) <= 64) == (RANGE_NOTE in notes(content)) == harmful
    assert harmful or content == plain
