"""Every layer word of train's recipes goes through convert: both formats answer as the Keras model does."""

from __future__ import annotations

import keras
import numpy as np
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

from convert.export.onnx_float import to_onnx
from convert.export.tflite import to_tflite
from edgeproof.input_contract import InputContract, laid_out
from train.models import FORMS, build
from train.recipe import ModelSettings

MODELS = {
    "residual": (
        "conv 4 3x3", "save", "depthwise 3x3 stride 2", "separable 6 3x3 hard-swish", "add relu6", "dropout 0.1", "max",
    ),
    "recurrent": ("conv 4 3x3 stride 2", "pool", "rows", "lstm 6", "gru 5", "dense 8 hard-swish"),
    "averaged": ("conv 4 3x3 valid linear", "norm", "average"),
    "flattened": ("pool", "flatten"),
}  # fmt: skip


def test_no_word_is_left_out() -> None:
    assert {text.split()[0] for words in MODELS.values() for text in words} == set(FORMS)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_both_formats_answer_as_keras_does(name: str) -> None:
    keras.utils.set_random_seed(1)
    model = build(ModelSettings(MODELS[name], batch_norm="after"), 5, InputContract((16, 12), 3, "fit"))
    images = np.random.default_rng(1).uniform(0, 255, (3, 16, 12, 3)).astype(np.float32)
    expected = np.asarray(model(images, training=False))
    session = onnxruntime.InferenceSession(to_onnx(model))
    (onnx,) = session.run(None, {"image": laid_out(images, "NCHW")})
    interpreter = Interpreter(model_content=to_tflite(model, precision="fp32"))
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], images)
    interpreter.invoke()
    tflite = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    # Permitted: other kernels add floats in another order.
    np.testing.assert_allclose(onnx, expected, atol=1e-5)
    np.testing.assert_allclose(tflite, expected, atol=1e-5)
