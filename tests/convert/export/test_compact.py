"""Less around the weights of a .tflite file: the same model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.compact import compacted
from edgeproof.model_file.tflite import describe
from edgeproof.support.native_output import native_output

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(model: Any, images: NDArray[np.uint8]) -> tuple[bytes, bytes]:
    """As TensorFlow writes it in 8 bits, and what is made of that."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [image[np.newaxis, ..., np.newaxis].astype(np.float32)] for image in images
    )
    with native_output():
        whole = converter.convert()
    return whole, compacted(whole)


def test_it_is_smaller_and_answers_the_same(
    files: tuple[bytes, bytes], images: NDArray[np.uint8], answers: Callable[..., NDArray[np.float32]]
) -> None:
    whole, less = files
    assert len(less) < 0.87 * len(whole)  # by names alone 0.9
    assert np.array_equal(answers(less, "tflite", images), answers(whole, "tflite", images))
    assert describe(less) == describe(whole)


def test_nothing_but_names_is_another(files: tuple[bytes, bytes]) -> None:
    from tensorflow.lite.tools import flatbuffer_utils

    whole, less = (flatbuffer_utils.read_model_from_bytearray(bytearray(content)) for content in files)
    assert without_names(less) == without_names(whole)


def without_names(part: Any) -> Any:
    """A part of a model as lists, numbers and the fields of its tables by their names, but for the tensors' own."""
    if isinstance(part, list | np.ndarray):
        return [without_names(one) for one in part]
    fields = getattr(part, "__dict__", None)
    if fields is None:
        return part
    tensor = type(part).__name__ == "TensorT"
    return {field: without_names(value) for field, value in fields.items() if not (tensor and field == "name")}


def test_names_are_short_and_each_its_own(files: tuple[bytes, bytes]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    whole, less = (Interpreter(model_content=content) for content in files)
    names = [tensor["name"] for tensor in less.get_tensor_details()]
    assert max(map(len, names)) < 60  # one operation of Keras
    assert not [name for name in names if ";" in name]
    assert len(set(names)) == len(names)
    for ends in ("get_input_details", "get_output_details"):
        assert [end["name"] for end in getattr(less, ends)()] == [end["name"] for end in getattr(whole, ends)()]
    assert less.get_signature_list() == whole.get_signature_list()
