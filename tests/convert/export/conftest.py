"""What the exporters' tests share: the network as a Functional model, images, and what a file answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.proof.specs import read_specs
from edgeproof.backends import open_backend
from edgeproof.classifier import encode
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest import Artifact
from edgeproof.scores import dequantize


@pytest.fixture(scope="session")
def model(model: Any) -> Any:
    """The layers and weights of the Sequential one as a Functional model, with a Dropout, as the recipes have them."""
    import keras

    image = x = keras.Input(model.input_shape[1:], name="image")
    for layer in model.layers:
        x = keras.layers.Dropout(0.1)(x) if isinstance(layer, keras.layers.Dense) else x
        x = type(layer).from_config(layer.get_config())(x)
    functional = keras.Model(image, x)
    functional.set_weights(model.get_weights())
    return functional


@pytest.fixture(scope="session")
def images(subject: Any) -> NDArray[np.uint8]:
    drawn: NDArray[np.uint8] = subject.draw_digits(160, seed=5)[0]
    return drawn


@pytest.fixture
def answers() -> Callable[[bytes, str, NDArray[np.uint8]], NDArray[np.float32]]:
    """Content of a file, its format and images → float32 logits (n, classes) as the device computes them."""

    def answered(content: bytes, format: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        file = read_specs(content, format, GLYPHS)
        row = Artifact(f"made.{format}", format, "fp32", "✅", "", input=file.input, output=file.output)  # type: ignore[arg-type]
        backend = open_backend({"onnx": "onnxruntime", "tflite": "litert"}[format], content, row, "cpu", 1)
        return dequantize(backend.run(encode(images, file.input)), file.output.scale, file.output.zero_point)

    return answered
