"""Channel pruning: the weakest channels of each layer are cut out of the network, which is then trained to do without.

What is left is a smaller dense network, which every runtime runs faster; weights that are merely zero would save neither
bytes nor time. The teacher of the short training is the whole network, on the calibration images: no labels are needed.
It runs in a child process (`python -m convert.export.pruning FOLDER RATIO ink|pictures`), for its arithmetic must be repeatable.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.export.child import INK, PICTURES, SEED, moved, received, work
from convert.export.layers import chain_error, graph_of
from edgeproof.input_contract import with_channels

if TYPE_CHECKING:
    import keras

EPOCHS, BATCH_SIZE, COPIES = 12, 64, 8  # of each calibration image, moved anew in each epoch
LEARNING_RATE = 2e-3  # falls to 0
MULTIPLE = 4  # channels are kept by fours: the width of the kernels' vectors
TEMPERATURE = 3.0  # softens the teacher's answers: its second choices teach the most
_PRUNED = "pruned.keras"
#: Layers that hand each channel on by itself.
_CHANNELWISE = (
    "Activation", "AveragePooling2D", "BatchNormalization", "Dropout", "GaussianNoise", "GlobalAveragePooling2D",
    "GlobalMaxPooling2D", "MaxPooling2D", "ReLU", "Rescaling", "SpatialDropout2D", "ZeroPadding2D",
)  # fmt: skip
KNOWN = ("Conv2D", "Dense", "Flatten", *_CHANNELWISE)


def prune(
    model: keras.Model,
    *,
    ratio: float,
    calibration: NDArray[np.uint8],
    ink: bool = True,
    say: Callable[[str], None] = print,
) -> keras.Model:
    """The Keras 3 model with about `ratio` (0..1) of each layer's channels removed, trained on `calibration`.

    `calibration` is uint8 (n, H, W), or RGB (n, H, W, 3), of glyphs where it is `ink`, else of pictures. Raises
    RuntimeError saying what the child did not like: a layer that it cannot cut.
    """
    import keras

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        work("pruning", folder, model, calibration, str(ratio), INK if ink else PICTURES, say=say)
        return keras.saving.load_model(folder / _PRUNED, compile=False, safe_mode=True)


# ---- in the child ----------------------------------------------------------------------------------------------------


def main(folder: Path, ratio: float, *, ink: bool) -> None:
    model, images = received(folder)
    import keras
    import tensorflow as tf

    pruned = cut(model, ratio)
    print(f"   pruned: {model.count_params():,} parameters become {pruned.count_params():,}", flush=True)
    random = np.random.default_rng(SEED)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    steps = EPOCHS * -(-len(images) * (COPIES + 1) // BATCH_SIZE)
    student = keras.Sequential([pruned, keras.layers.Rescaling(1 / TEMPERATURE)])
    student.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)), loss)
    for epoch in range(EPOCHS):
        varied = np.concatenate([images, *(moved(images, random, ink=ink) for _ in range(COPIES))])
        inputs = with_channels(varied).astype(np.float32)
        logits = [model(inputs[i : i + 512], training=False) for i in range(0, len(inputs), 512)]
        targets = tf.nn.softmax(np.concatenate(logits) / TEMPERATURE).numpy()
        history = student.fit(inputs, targets, batch_size=BATCH_SIZE, epochs=1, verbose=0)
        print(f"   pruned: epoch {epoch + 1} of {EPOCHS}, loss {history.history['loss'][0]:.4f}", flush=True)
    pruned.save(folder / _PRUNED)


def cut(model: keras.Model, ratio: float) -> keras.Model:
    """A new model without the weakest `ratio` of each layer's channels, and with the weights of the others.

    For chains of layers (`KNOWN`). The last layer keeps its outputs: they are the classes. Raises ValueError otherwise.
    """
    import keras

    _, steps, _ = graph_of(model)
    for (layer, inputs, _), (_, _, before) in zip(steps[1:], steps, strict=False):
        if len(inputs) != 1 or inputs[0] is not before:
            raise ValueError(
                f"layer {layer.name}: expected a chain of layers, found a branch: channels hang together there"
            )
    if type(steps[-1][0]).__name__ != "Dense":
        raise ValueError(f"expected the model to end in Dense, found {type(steps[-1][0]).__name__}")
    image = tensor = keras.Input(model.input_shape[1:], name="image")
    kept = np.arange(model.input_shape[-1])  # of the channels that reach the next layer
    layers = [layer for layer, _, _ in steps]
    weights = []
    for position, (layer, inputs, _) in enumerate(steps):
        kind, config = type(layer).__name__, layer.get_config()
        if kind not in KNOWN or (kind == "Conv2D" and layer.groups != 1):
            raise chain_error(layer, KNOWN)
        values = layer.get_weights()
        if kind in ("Conv2D", "Dense"):
            last = position == len(steps) - 1
            chosen = np.arange(values[0].shape[-1]) if last else strongest(importance(layers, position), ratio)
            config["filters" if kind == "Conv2D" else "units"] = len(chosen)
            values = [values[0][..., kept, :][..., chosen], *(bias[chosen] for bias in values[1:])]
            kept = chosen
        elif kind == "BatchNormalization":
            values = [value[kept] for value in values]
        elif kind == "Flatten":
            rows, columns, channels = inputs[0].shape[1:]
            kept = np.arange(rows * columns * channels).reshape(-1, channels)[:, kept].ravel()
        copy = type(layer).from_config(config)
        tensor = copy(tensor)
        weights.append((copy, values))
    pruned = keras.Model(image, tensor)
    for copy, values in weights:
        if values:
            copy.set_weights(values)
    return pruned


def importance(layers: list[Any], position: int) -> NDArray[np.float64]:
    """How much each output channel of a layer can say: the sum of its weights' sizes, as BatchNorm scales them behind it."""
    kernel = np.abs(layers[position].get_weights()[0])
    strength: NDArray[np.float64] = kernel.reshape(-1, kernel.shape[-1]).sum(axis=0, dtype=np.float64)
    behind: Any = layers[position + 1] if position + 1 < len(layers) else None
    if type(behind).__name__ == "BatchNormalization" and behind.scale:
        gamma, variance = behind.gamma.numpy(), behind.moving_variance.numpy()
        strength *= np.abs(gamma) / np.sqrt(variance + behind.epsilon)
    return strength


def strongest(strength: NDArray[np.float64], ratio: float) -> NDArray[np.int64]:
    """Ascending indices of the channels to keep: 1 − `ratio` of them, rounded up to a multiple of four."""
    count = min(len(strength), -(-round(len(strength) * (1 - ratio)) // MULTIPLE) * MULTIPLE)
    order = np.argsort(-strength, kind="stable")  # the first of equals stays
    return np.sort(order[: max(1, count)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]), ink=sys.argv[3] == INK)
