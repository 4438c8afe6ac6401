"""Keras → TFLite, five ways: float32, float16 weights, 8-bit weights with float arithmetic, 8 bits throughout, 16 and 8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import with_channels
from edgeproof.manifest import Precision
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras


def to_tflite(model: keras.Model, *, precision: Precision, calibration: NDArray[np.uint8] | None = None) -> bytes:
    """The .tflite file of a Keras model that takes raw pixel values and gives logits; the batch stays dynamic.

    "int8" and "int16x8" (8-bit weights, 16-bit activations) need `calibration`, uint8 (n, H, W), or RGB (n, H, W, 3): the
    activations' ranges are their extremes over these images. The input of "int8" is uint8 and its scale 1, so that the
    device feeds raw bytes; "int16x8" keeps float32 outside, for 16 bits have no scale at which a pixel is itself.
    """
    import tensorflow as tf

    if (precision in ("int8", "int16x8")) != (calibration is not None):
        raise ValueError("calibration images belong to precision int8 and int16x8, and to no other")
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if calibration is not None:
        converter.representative_dataset = lambda: one_by_one(calibration)
    if precision == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if precision == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    with native_output():  # it lists every variable that it captures
        return bytes(converter.convert())


def one_by_one(images: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """The images as TensorFlow Lite's calibration asks for them: float32 (1, H, W, C) in 0..255."""
    for image in with_channels(images):
        yield [image[np.newaxis].astype(np.float32)]
