"""Three public shapes of models, all the way: by the command line into a bundle, and the bundle proven again on the kept run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.support.npz import npz_bytes

pytestmark = pytest.mark.slow

TEST = 300
WANTED = ("fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite")
GATE = ("--max-drop-points", "5", "--max-corruption-drop-points", "60")  # 300 images show no less

Body = Callable[[Any], Any]


def padded(images: Any, margin: int) -> Any:
    return np.pad(images, ((0, 0), (margin, margin), (margin, margin)))


def rows_of_784(body: Body, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Flattened outside, x/255, softmax at the end: the first network of every course."""
    import keras

    x = keras.Input((784,))
    return keras.Model(x, keras.layers.Softmax()(body(keras.layers.Reshape((28, 28, 1))(x)))), arrays


def colour_on_0_to_1(body: Body, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """32×32×3: the digit in red, half of it in green, noise in blue; labels as a column."""
    import keras

    layers, random = keras.layers, np.random.default_rng(6)
    x = keras.Input((32, 32, 3))
    grey = layers.Conv2D(1, 1, use_bias=False)
    model = keras.Model(x, layers.Softmax()(body(layers.Cropping2D(2)(grey(x)))))
    grey.set_weights([np.array([0.8, 0.4, 0.0]).reshape(1, 1, 3, 1)])

    def coloured(images: Any) -> Any:
        red = padded(images, 2)
        return np.stack([red, red // 2, random.integers(0, 256, red.shape, np.uint8)], axis=-1)

    columns = {name: values[:, None] for name, values in arrays.items() if name[0] == "y"}
    return model, {**{name: coloured(values) for name, values in arrays.items() if name[0] == "x"}, **columns}


def one_sigmoid_of_48(body: Body, arrays: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """48×48, x/127.5 − 1, whether it is a 3, in one sigmoid; images as floats divided by 255."""
    import keras

    layers = keras.layers
    x = keras.Input((48, 48, 1), batch_size=16)
    last = layers.Dense(1, activation="sigmoid")
    model = keras.Model(x, last(layers.Softmax()(body(layers.Cropping2D(10)(layers.Rescaling(0.5, 0.5)(x))))))
    last.set_weights([np.where(np.arange(10) == 3, 12.0, 0.0).reshape(10, 1), np.array([-6.0])])
    images = {name: (padded(values, 10) / 255).astype(np.float32) for name, values in arrays.items() if name[0] == "x"}
    three = {name: (values == 3).astype(np.uint8) for name, values in arrays.items() if name[0] == "y"}
    return model, {**images, **three, "classes": np.array(["another", "three"])}


@pytest.mark.parametrize("shape", [rows_of_784, colour_on_0_to_1, one_sigmoid_of_48], ids=lambda make: make.__name__)
def test_a_public_shape_goes_all_the_way(
    shape: Callable[[Body, dict[str, Any]], tuple[Any, dict[str, Any]]],
    body: Body,
    subject: Any,
    convert: Any,
    tmp_path: Path,
) -> None:
    (x_train, y_train), (x_test, y_test) = subject.draw_digits(600, seed=41), subject.draw_digits(TEST, seed=42)
    model, arrays = shape(body, {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})
    model.save(tmp_path / "theirs.keras")
    (tmp_path / "theirs.npz").write_bytes(npz_bytes(arrays))
    bundle, run = tmp_path / "bundle" / "theirs", tmp_path / "kept"
    done = convert(
        "run", "--model", tmp_path / "theirs.keras", "--data", tmp_path / "theirs.npz", "--out", bundle.parent,
        "--keep-run", run, "--only", *WANTED, *GATE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"python -m convert verify {bundle} --run {run}" in done.stdout
    made = load_bundle(bundle).manifest
    assert [row.status for row in made.artifacts] == ["✅"] * 4, [row.reason for row in made.artifacts]
    assert made.artifact("fp32.onnx").agreement == made.artifact("fp32.tflite").agreement == 1.0
    assert json.loads((run / "run.json").read_text())["metrics"]["test_accuracy"] > 0.95
    verified = convert("verify", bundle, "--run", run)
    assert verified.returncode == 0, verified.stderr


def test_without_a_kept_run_nothing_but_the_bundle_is_left(
    body: Body, subject: Any, convert: Any, tmp_path: Path
) -> None:
    (x_train, y_train), (x_test, y_test) = subject.draw_digits(600, seed=41), subject.draw_digits(TEST, seed=42)
    model, arrays = rows_of_784(body, {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test})
    model.save(tmp_path / "theirs.keras")
    (tmp_path / "theirs.npz").write_bytes(npz_bytes(arrays))
    done = convert(
        "run", "--model", tmp_path / "theirs.keras", "--data", tmp_path / "theirs.npz", "--out", tmp_path / "bundle",
        "--only", "fp32.onnx", *GATE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"theirs.keras", "theirs.npz", "bundle"}
