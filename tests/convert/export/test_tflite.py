"""Keras → TFLite: 16-bit activations with 8-bit weights, and the converter's own process.

The other precisions are tested where they are proven.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.tflite import ConversionError, Converter, to_tflite
from convert.keras_model import keras_logits
from convert.proof.specs import read_specs
from edgeproof.input_contract import GLYPHS

pytestmark = pytest.mark.slow


def test_int16x8_has_wide_activations_and_narrow_weights(
    model: Any, images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    from ai_edge_litert.interpreter import Interpreter

    content = to_tflite(model, precision="int16x8", calibration=images)
    kinds = {np.dtype(tensor["dtype"]).name for tensor in Interpreter(model_content=content).get_tensor_details()}
    assert {"int16", "int8", "float32"} <= kinds
    assert read_specs(content, "tflite", GLYPHS).input.dtype == "float32"
    found, expected = answers(content, "tflite", images), keras_logits(model, images)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_a_converter_that_crashes_is_said_and_started_again(tmp_path: Path) -> None:
    """The process dies at the first question, as a bad model makes it; the one started for the second question answers."""
    flag, crash = tmp_path / "crashed", "os.kill(os.getpid(), signal.SIGSEGV)"
    child = f"""
import os, signal, pathlib
input()
flag = pathlib.Path({str(flag)!r})
if not flag.exists():
    flag.touch()
    {crash}
pathlib.Path({str(tmp_path)!r}, "model.tflite").write_bytes(b"made")
print("{{}}")
"""
    converter = Converter([sys.executable, "-c", child])
    with pytest.raises(ConversionError, match=r"^the converter died of signal 11 \("):
        converter.convert(tmp_path, "fp32")
    assert converter.convert(tmp_path, "fp32") == b"made"
    converter.close()


def test_a_converter_that_does_not_start_says_why() -> None:
    with pytest.raises(ConversionError, match=r"^the converter ended with code 3: no room$"):
        Converter([sys.executable, "-c", "import sys; print('no room', file=sys.stderr); sys.exit(3)"]).convert(
            Path(), "fp32"
        )


def test_what_the_machine_denies_its_process_is_no_verdict_on_the_model(tmp_path: Path) -> None:
    said = f"input(); print('{{\"errno\": {errno.ENOSPC}}}', flush=True); input()"
    converter = Converter([sys.executable, "-c", said])
    with pytest.raises(OSError, match="No space left on device"):
        converter.convert(tmp_path, "fp32")
    assert converter.process is not None
    converter.process.kill()
    converter.close()


def test_a_layer_of_the_users_own_needs_not_be_known_to_the_converters_process(
    images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    import keras

    class Halved(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return values * 0.5

    layers = keras.layers
    own = keras.Sequential([layers.Input((28, 28, 1)), Halved(), layers.Flatten(), layers.Dense(10)])
    found = answers(to_tflite(own, precision="fp32"), "tflite", images)
    assert np.allclose(found, keras_logits(own, images), rtol=1e-4, atol=1e-3), (
        "permitted: the order of float additions"
    )
