"""Quantization-aware training: the network learns to live with 8 bits, for a minute, from its own float answers.

The teacher is the model itself: no labels are needed, and what is learned is not the digits but the rounding. tfmot knows
tf_keras only, so it runs in a child process (`python -m convert.export.qat`), which leaves two .tflite files of one trained
network: with bytes at both ends, and with floats, from which the ONNX graph is made (a direct export of the trained
network would turn its 8-bit weights back into floats).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convert.export.child import INK, PICTURES, SEED, moved, received, work
from convert.export.compact import compacted
from convert.export.onnx_float import OPSET, canonical
from edgeproof.input_contract import with_channels
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras
    import onnx
    import tf_keras

EPOCHS, BATCH_SIZE, COPIES = 6, 64, 4  # of each calibration image, moved
LEARNING_RATE = 1e-4  # falls to 0
_BYTES, _FLOATS = "bytes.tflite", "floats.tflite"


@dataclass(frozen=True)
class Trained:
    """One trained network as .tflite. bytes_io: uint8 in and out; floats_io: float32, and takes 0..1."""

    bytes_io: bytes
    floats_io: bytes


def train_quantized(
    model: keras.Model, *, calibration: NDArray[np.uint8], ink: bool = True, say: Callable[[str], None] = print
) -> Trained:
    """The Keras 3 model after quantization-aware training on `calibration`, uint8 (n, H, W), or RGB (n, H, W, 3),
    in a child process; `ink`: whether these are glyphs, and not pictures.

    Raises RuntimeError saying what the child did not like: a layer that tfmot does not know, for example.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        work("qat", folder, model, calibration, INK if ink else PICTURES, say=say)
        return Trained((folder / _BYTES).read_bytes(), (folder / _FLOATS).read_bytes())


def to_qat_onnx(trained: Trained) -> bytes:
    """The trained network as Q/DQ .onnx with 8-bit weights: image float32 (N, C, H, W) in 0..255 → logits."""
    import onnx
    import tf2onnx
    from ai_edge_litert.interpreter import Interpreter

    with tempfile.TemporaryDirectory() as folder, native_output():
        file = Path(folder, _FLOATS)
        file.write_bytes(trained.floats_io)
        name = Interpreter(model_path=str(file)).get_input_details()[0]["name"]
        exported, _ = tf2onnx.convert.from_tflite(str(file), opset=OPSET, inputs_as_nchw=[name])
    graph = exported.graph
    (first,) = (node for node in graph.node if node.op_type == "QuantizeLinear" and _reads_input(graph, node))
    scale = onnx.numpy_helper.to_array(next(weight for weight in graph.initializer if weight.name == first.input[1]))
    if not np.isclose(scale, 1 / 255, rtol=1e-4):
        raise ValueError(f"input: expected scale 1/255, found {float(scale):.6g}: the images do not span 0..255")
    # The network was trained on 0..1. Codes are the same for pixels x at scale 1 as for x/255 at scale 1/255.
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(1, np.float32), "pixel_scale"))
    first.input[1] = "pixel_scale"
    return canonical(exported)


def _reads_input(graph: onnx.GraphProto, node: onnx.NodeProto) -> bool:
    """Whether `node` reads the graph's input, be it through a change of axes."""
    makers = {output: maker for maker in graph.node for output in maker.output}
    source = node.input[0]
    while source in makers and makers[source].op_type in ("Transpose", "Reshape"):
        source = makers[source].input[0]
    return bool(source == graph.input[0].name)


# ---- in the child ----------------------------------------------------------------------------------------------------


def main(folder: Path, *, ink: bool) -> None:
    model, images = received(folder)
    import tensorflow as tf
    import tensorflow_model_optimization as tfmot
    import tf_keras

    from convert.export.tf_keras_copy import tf_keras_copy_of

    rebuilt = tf_keras_copy_of(model)
    random = np.random.default_rng(SEED)
    varied = np.concatenate([images, *(moved(images, random, ink=ink) for _ in range(COPIES))])
    inputs = with_channels(varied).astype(np.float32) / np.float32(255)
    targets = tf.nn.softmax(model(inputs * 255, training=False)).numpy()
    difference = np.abs(targets - tf.nn.softmax(rebuilt(inputs, training=False)).numpy()).max()
    if difference > 1e-3:
        raise ValueError(f"the copy of the model answers differently, by {difference:.3g}: this is a fault of convert")
    tf_keras.utils.set_random_seed(SEED)
    quantized = tfmot.quantization.keras.quantize_model(rebuilt)
    start_from_ranges(quantized, rebuilt, inputs[: len(images)])
    freeze_statistics(quantized)
    steps = EPOCHS * -(-len(inputs) // BATCH_SIZE)
    quantized.compile(
        tf_keras.optimizers.Adam(tf_keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)),
        tf_keras.losses.CategoricalCrossentropy(from_logits=True),
    )
    report = tf_keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: print(
            f"   quantization-aware training: epoch {epoch + 1} of {EPOCHS}, loss {logs['loss']:.5f}", flush=True
        )
    )
    quantized.fit(inputs, targets, batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=0, callbacks=[report])
    for name, kind in ((_FLOATS, tf.float32), (_BYTES, tf.uint8)):
        converter = tf.lite.TFLiteConverter.from_keras_model(quantized)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = kind
        with native_output():
            content = converter.convert()
        (folder / name).write_bytes(compacted(content))


def start_from_ranges(quantized: tf_keras.Model, rebuilt: tf_keras.Model, inputs: NDArray[np.float32]) -> None:
    """Set each activation's range to its extremes over `inputs`.

    tfmot starts at −6..6 and approaches the true range so slowly that a short training leaves half of the codes unused.
    """
    import tf_keras

    known = {layer.name: layer for layer in rebuilt.layers}
    wanted = []
    for layer in quantized.layers:
        pair = [
            [weight for weight in layer.weights if weight.name.split("/")[-1].split(":")[0].endswith(end)]
            for end in ("min", "max")
        ]
        low, high = (
            [weight for weight in found if "kernel" not in weight.name and "pointwise" not in weight.name]
            for found in pair
        )
        original = known.get(layer.layer.name) if hasattr(layer, "layer") else None
        if len(low) == len(high) == 1:
            if original is not None:
                wanted.append((original.output, low[0], high[0]))
            elif not hasattr(layer, "layer"):  # what quantizes the input
                low[0].assign(0.0)
                high[0].assign(1.0)
    outputs = tf_keras.Model(rebuilt.input, [tensor for tensor, _, _ in wanted])(inputs, training=False)
    for output, (_, low, high) in zip(outputs, wanted, strict=True):
        values = output.numpy()
        low.assign(min(0.0, float(values.min())))
        high.assign(max(0.0, float(values.max())))


def freeze_statistics(quantized: tf_keras.Model) -> None:
    """Keep the means and variances of BatchNorm: a few hundred images know them worse than the training did."""
    for layer in quantized.layers:
        inner = getattr(layer, "layer", layer)
        if "BatchNorm" in type(inner).__name__:
            inner.trainable = layer.trainable = False


if __name__ == "__main__":
    main(Path(sys.argv[1]), ink=sys.argv[2] == INK)
