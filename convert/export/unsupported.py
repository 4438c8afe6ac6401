"""Which layer of the model a converter could not translate, and what to do: converters name operators, people know layers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convert.export.onnx_float import OPSET

if TYPE_CHECKING:
    import keras

#: How each format's tools name an operator that the format does not have.
_REFUSALS = {
    "onnx": r"No Op registered for (\w+) with",
    "tflite": r"'tf\.(\w+)' op is neither a custom op nor a flex op",
}
_MISSING = {"onnx": f"opset {OPSET} of ONNX", "tflite": "TensorFlow Lite"}


def explain(error: Exception, model: keras.Model, format: str) -> str:
    """One line: the layer, its operator and a way out, where the error is about an operator; else its own first words."""
    found = re.search(_REFUSALS[format], str(error))
    if found is None:
        return f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no reason given'])[0]}"
    operator = found[1]
    return (
        f"{_layer(model, operator)} computes {operator}, which {_MISSING[format]} does not have: build the model without it, or "
        "leave out what needs it with --only"
    )


def _layer(model: keras.Model, operator: str) -> str:
    """The layer whose computation holds the TensorFlow `operator`, by the names that Keras gives to graph nodes."""
    import tensorflow as tf

    signature = [tf.TensorSpec(model.input_shape, tf.float32)]
    graph = (
        tf.function(lambda image: model(image, training=False), input_signature=signature).get_concrete_function().graph
    )
    layers = {layer.name: type(layer).__name__ for layer in model._flatten_layers()}
    for node in graph.get_operations():
        if node.type == operator:
            for part in reversed(node.name.split("/")):
                name = next((name for name in (part, re.sub(r"_\d+$", "", part)) if name in layers), None)
                if name is not None:
                    return f"layer {name} ({layers[name]})"
    return "the model"
