"""Models as Keras 2 wrote them: `python old_models.py FOLDER` leaves NAME.h5 and NAME.npz (images, answers) of each.

A program of its own, for tf_keras and Keras 3 are not for one process. The weights are drawn: whether a layer was carried over
shows as well as with trained ones, and moving averages that are not 0 and 1 show more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="-1")

IMAGES = 4


def sequential(keras: Any) -> Any:
    """As a tutorial has it."""
    layers = keras.layers
    model = keras.Sequential(
        [layers.Conv2D(8, (3, 3), activation="relu", input_shape=(28, 28, 1)), layers.BatchNormalization(axis=[3]),
         layers.MaxPooling2D(), layers.Dropout(0.25), layers.Flatten(),
         layers.Dense(10, activation="softmax", kernel_regularizer=keras.regularizers.l2(1e-3))]
    )  # fmt: skip
    model.compile("adam", "categorical_crossentropy")
    return model


def residual(keras: Any) -> Any:
    layers = keras.layers
    image = layers.Input((28, 28, 1))
    x = layers.Rescaling(2.0, offset=-1.0)(image)
    x = first = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(epsilon=1e-2)(x)
    x = layers.Activation("relu")(x)
    x = layers.Conv2D(6, 3, padding="same")(x)
    x = layers.BatchNormalization(scale=False)(x, training=False)
    x = layers.Add()([x, first])
    x = layers.Concatenate()([layers.AveragePooling2D(2, padding="same")(x), layers.MaxPooling2D(2, padding="same")(x)])
    x = layers.Multiply()([x, layers.Reshape((1, 1, 12))(layers.Dense(12, "sigmoid")(layers.GlobalMaxPooling2D()(x)))])
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


def depthwise(keras: Any) -> Any:
    """As MobileNet has it."""
    layers = keras.layers
    return keras.Sequential(
        [layers.InputLayer(input_shape=(28, 28, 1), batch_size=4), layers.ZeroPadding2D(((0, 1), (0, 1))),
         layers.Conv2D(4, 3, strides=2, use_bias=False), layers.BatchNormalization(), layers.ReLU(max_value=6),
         layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), layers.Activation("relu6"),
         layers.SeparableConv2D(8, 3, dilation_rate=2, activation="swish"), layers.SpatialDropout2D(0.1),
         layers.GlobalAveragePooling2D(keepdims=True), layers.Reshape((-1,)), layers.Dense(10), layers.Softmax()]
    )  # fmt: skip


def nested(keras: Any) -> Any:
    """A model that is called twice, half of it frozen, beside a chain whose first layer states no shape."""
    layers = keras.layers
    inner = layers.Input((14, 14, 3))
    y = layers.Conv2D(3, 3, padding="same", trainable=False)(inner)
    y = layers.BatchNormalization()(y)
    y = keras.Sequential([layers.Conv2D(3, 1), layers.BatchNormalization(trainable=False)])(y)
    block = keras.Model(inner, layers.Add()([inner, y]), name="block")
    image = layers.Input((28, 28, 1))
    x = layers.Conv2D(3, 2, strides=2)(image)
    x = block(block(x))
    return keras.Model(image, keras.Sequential([layers.Flatten(), layers.Dense(10)])(x))


def rows(keras: Any) -> Any:
    """A picture as 28 steps in time."""
    layers = keras.layers
    return keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Reshape((28, 28)), layers.LSTM(6, return_sequences=True),
         layers.Bidirectional(layers.GRU(5, return_sequences=True)), layers.GRU(4, reset_after=False, return_sequences=True),
         layers.TimeDistributed(layers.Dense(5, activation="elu")), layers.Conv1D(4, 3), layers.MaxPooling1D(),
         layers.SimpleRNN(6, go_backwards=True), layers.LayerNormalization(), layers.Dense(10)]
    )  # fmt: skip


def others(keras: Any) -> Any:
    layers = keras.layers
    image = layers.Input((28, 28, 1))
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(3).random((50, 28, 28, 1), np.float32))
    x = layers.GaussianNoise(0.1)(normalization(image))
    x = layers.Conv2D(4, 3, strides=2)(x)
    x = layers.LeakyReLU(0.2)(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same")(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.UpSampling2D((2, 2), interpolation="bilinear")(x)
    x = layers.Cropping2D(((1, 2), (3, 4)))(layers.ELU(0.7)(x))
    x = layers.Permute((2, 1, 3))(x)
    x = layers.Average()([x, layers.Maximum()([x, layers.Subtract()([x, layers.Minimum()([x, x])])])])
    x = layers.AlphaDropout(0.1)(layers.GaussianDropout(0.1)(x))
    x = layers.ReLU(negative_slope=0.1, threshold=0.2)(x)
    dense = layers.Dense(10, activation="gelu")
    a, b = dense(layers.GlobalMaxPooling2D()(x)), dense(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, [layers.Add()([a, b]), layers.Dot(1, normalize=True)([a, b])])


MODELS = (sequential, residual, depthwise, nested, rows, others)


def draw_weights(model: Any) -> None:
    """Numbers as trained networks have them, other ones in each weight."""
    random = np.random.default_rng(1)
    drawn = []
    for weight in model.weights:
        name, shape = weight.name.split("/")[-1].split(":")[0], tuple(weight.shape)
        if name in ("variance", "moving_variance", "gamma"):
            values = random.uniform(0.5, 1.5, shape)
        elif name == "count":
            values = np.array(50)
        else:
            inputs = np.prod(shape[:2] if name == "depthwise_kernel" else shape[:-1])
            values = random.normal(0, 0.1 if len(shape) < 2 else 2 / inputs**0.5, shape)
        drawn.append(values)
    model.set_weights(drawn)


def keep(model: Any, folder: Path, name: str) -> None:
    """Write NAME.h5, and NAME.npz with images float32 in 0..1 and what the model answers."""
    draw_weights(model)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()
    model.save(folder / f"{name}.h5")
    brightness = np.linspace(0.1, 1, IMAGES, dtype=np.float32)[:, None, None, None]
    images = brightness * np.random.default_rng(2).random((IMAGES, 28, 28, 1), np.float32)
    answers = model(images, training=False)
    first = answers[0] if isinstance(answers, (list, tuple)) else answers
    np.savez(folder / f"{name}.npz", images=images, answers=np.asarray(first))


def main(folder: Path) -> None:
    import tf_keras

    for make in MODELS:
        tf_keras.backend.clear_session()
        keep(make(tf_keras), folder, make.__name__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
