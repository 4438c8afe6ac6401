"""Why a converter could not translate a model, and what to do: converters name operators and places in a graph, people know
layers.
"""

from __future__ import annotations

import re
import tempfile
from typing import TYPE_CHECKING, Any

from convert.export.onnx_float import INPUT, OPSET
from edgeproof.errors import MAX_REASON

if TYPE_CHECKING:
    import keras

_FORMATS = {"onnx": f"opset {OPSET} of ONNX", "tflite": "TensorFlow Lite"}
_LOOPS = {"onnx": "which devices refuse", "tflite": "which TensorFlow Lite has not for batches of any size"}
_LOOP = re.compile(r"'tf\.TensorList\w+' op requires element_shape to be static|\w+ at \S+: control flow")
#: How the tools name an operator that the format has not, or not in so few bits.
_REFUSALS = (
    (re.compile(r"No Op registered for (\w+) with"), ""),
    (re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op"), ""),
    (re.compile(r"Quantization to 16x8-bit not yet supported for op: '(\w+)'"), " in 16 and 8 bits"),
    (re.compile(r"Quantization not yet supported for op: '(\w+)'"), " in 8 bits"),
    (re.compile(r"failed to legalize operation 'tfl?\.(\w+)'"), ""),
)
#: Where in the graph: in the words of MLIR, of ONNX's checker, and of our own exporter.
_PLACE = re.compile(
    r'"(?P<mlir>[\w./-]+)@|Name: \w+:(?P<onnx>\S+) OpType|\w+ at (?P<own>\S+): control flow|for tensor (?P<range>\S+)'
)
_OR_LEAVE = "or leave out what needs it with --only"


def explain(error: Exception, model: keras.Model, format: str) -> str:
    """One line: the layer, its operator and a way out, where they can be found; else the first sentence that people can read."""
    text = str(error)
    if _LOOP.search(text):
        layer = _layer(model, text, "While")
        way = "build it with unroll=True" if hasattr(layer, "unroll") else "build the model without it"
        flow = "branch" if "If at " in text else "loop"
        return f"{_named(layer)} computes in a {flow}, {_LOOPS[format]}: {way}, {_OR_LEAVE}"
    for pattern, bits in _REFUSALS:
        found = pattern.search(text)
        if found is not None:
            named, lacking = _named(_layer(model, text, found[1])), f"{_FORMATS[format]} does not have{bits}"
            return f"{named} computes {found[1]}, which {lacking}: build the model without it, {_OR_LEAVE}"
    layer = _layer(model, text)
    if getattr(layer, "quantization_mode", None) is not None:
        return (
            f"{_named(layer)} is in {layer.quantization_mode} already: convert the float model, which is quantized here"
        )
    sentence = _sentence(text)
    sentence = sentence if isinstance(error, RuntimeError) else f"{type(error).__name__}: {sentence}"
    return sentence if layer is None else f"{_named(layer)}: {sentence}; build the model without it, {_OR_LEAVE}"


def _sentence(text: str) -> str:
    """The first sentence of `text` for people: without places in a graph, and names of files that are gone by now."""
    text = re.sub(r"\bloc\(.*\)(: |$)", "", text, flags=re.MULTILINE)
    text = re.sub(r"^((\w*RuntimeError|ConverterError|<unknown>:0|error|note): )+", "", text, flags=re.MULTILINE)
    text = re.sub(rf"{re.escape(tempfile.gettempdir())}/[^\s'\":]+", "a temporary file", text)
    line = next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")
    first = re.split(r"(?<=[a-z)][.!?])\s", line)[0]
    return first if len(first) <= MAX_REASON else first[: MAX_REASON - 1] + "…"


def _layer(model: keras.Model, text: str, operator: str | None = None) -> Any:
    """The layer that `text` places the error in, or that holds the `operator`; None where neither says."""
    layers = {layer.name: layer for layer in model._flatten_layers()}
    places = [found[str(found.lastgroup)] for found in _PLACE.finditer(text)]
    for place in places or (_places(model, operator) if operator else []):
        parts = place.split("/")
        numbered = parts[0] != model.name  # Keras puts a number behind each name, the model's too, when it traces again
        for part in reversed(parts):
            plain = re.sub(r"_\d+$", "", part)
            for name in (plain, part) if numbered else (part, plain):
                if name in layers:
                    return layers[name]
    return None


def _named(layer: Any) -> str:
    return "the model" if layer is None else f"layer {layer.name} ({type(layer).__name__})"


def _places(model: keras.Model, operator: str) -> list[str]:
    """Where the model's TensorFlow graph has an operator; in `operator` capitals and "_" do not count: NEG is Neg."""
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *model.inputs[0].shape[1:]), tf.float32, name=INPUT)]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    wanted = operator.replace("_", "").lower()
    nodes = function.get_concrete_function().graph.get_operations()
    return [node.name for node in nodes if node.type.lower() == wanted]
