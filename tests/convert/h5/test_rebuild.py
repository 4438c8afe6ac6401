"""Models as Keras 2 and Keras 3 wrote them in HDF5 answer as they did there.

Permitted is 1e-5 of the largest answer: the same float32 sums, added up in another order by another release's kernels.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from convert.h5.child import guarded
from convert.keras_model import open_keras, quiet_tensorflow
from edgeproof.errors import UsageError
from tests.convert.h5 import old_models
from tests.convert.h5.files import Config, graph, layer, small, write

pytestmark = pytest.mark.slow

TOLERANCE = 1e-5
NAMES = [make.__name__ for make in old_models.MODELS]
DENSE = {"dense/kernel:0": np.eye(16, 3, dtype=np.float32), "dense/bias:0": np.arange(3, dtype=np.float32)}


@pytest.fixture(scope="session")
def keras2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `old_models.py`, made once by tf_keras in a process of its own."""
    folder = tmp_path_factory.mktemp("keras2")
    program = Path(old_models.__file__)
    subprocess.run([sys.executable, "-W", "ignore", program, folder], check=True, capture_output=True, timeout=300)
    return folder


@pytest.fixture(scope="session")
def keras3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same models in Keras 3's HDF5, but for the one that is spelled in the way of Keras 2."""
    quiet_tensorflow()
    import keras

    folder = tmp_path_factory.mktemp("keras3")
    for make in old_models.MODELS[1:]:
        keras.backend.clear_session()
        old_models.keep(make(keras), folder, make.__name__)
    return folder


def rebuilt(file: Path, folder: Path) -> Any:
    guarded(file.read_bytes(), folder)
    return open_keras(folder / "model.keras")


def difference(file: Path, folder: Path) -> float:
    """Between the answers of the rebuilt model and the old one's, as a share of the largest."""
    with np.load(file.with_suffix(".npz")) as kept:
        images, expected = kept["images"], kept["answers"]
    answers = rebuilt(file, folder)(images, training=False)
    first = answers[0] if isinstance(answers, (list, tuple)) else answers
    assert np.ptp(expected, axis=0).max() > 1e-3, "a model that answers alike to all would hide a fault"
    return float(np.abs(np.asarray(first) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_models_of_keras_2_answer_as_before(name: str, keras2: Path, tmp_path: Path) -> None:
    assert difference(keras2 / f"{name}.h5", tmp_path) <= TOLERANCE


@pytest.mark.parametrize("name", NAMES[1:])
def test_models_of_keras_3_answer_as_before(name: str, keras3: Path, tmp_path: Path) -> None:
    assert difference(keras3 / f"{name}.h5", tmp_path) <= TOLERANCE


def test_what_is_said_of_a_model(keras2: Path, tmp_path: Path) -> None:
    """A fixed batch (of 4 in this file) is any batch afterwards."""
    assert guarded((keras2 / "depthwise.h5").read_bytes(), tmp_path) == {
        "layers": 12, "parameters": 366, "inputs": [(None, 28, 28, 1)], "outputs": [(None, 10)], "version": "2.21.0",
    }  # fmt: skip


def test_frozen_layers_stay_frozen(keras2: Path, tmp_path: Path) -> None:
    block = rebuilt(keras2 / "nested.h5", tmp_path).get_layer("block")
    assert [inner.trainable for inner in block.layers if inner.weights] == [False, True, True]


def old_list(config: Config) -> Config:
    """Before Keras 2.2.3 a chain was a list."""
    return {"class_name": "Sequential", "config": config["config"]["layers"]}


def test_the_oldest_spellings(tmp_path: Path) -> None:
    """Layers in a bare list, an axis in a list, numpy's numbers, no word of GRU's kind of reset, names in parts."""
    config = small()
    layers = config["config"]["layers"]
    layers[0] = layer("BatchNormalizationV1", "norm", axis=[3], batch_input_shape=[None, 4, 4, 1])
    layers.insert(
        1, layer("ReLU", "relu", max_value={"type": "ndarray", "value": 2.0}, negative_slope=0.0, threshold=0.0)
    )
    layers.insert(2, layer("Reshape", "steps", target_shape=[4, 4]))
    layers.insert(3, layer("GRU", "gru", units=16, activation="tanh", recurrent_activation="sigmoid", implementation=1))
    norm = {f"norm/{name}:0": np.full(1, value, np.float32) for name, value in
            (("gamma", 2.0), ("beta", 0.0), ("moving_mean", 0.5), ("moving_variance", 1.0))}  # fmt: skip
    random = np.random.default_rng(1)
    shapes = {"kernel": (4, 48), "recurrent_kernel": (16, 48), "bias": (48,)}  # with reset_after, it would be (2, 48)
    gru = {f"gru/{name}:0": random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    file = write(tmp_path / "old.h5", old_list(config), {"norm": norm, "gru": gru, "dense": DENSE})
    with h5py.File(file, "a") as opened:
        attributes = opened["model_weights"].attrs
        attributes["layer_names0"], attributes["layer_names1"] = [b"norm", b"relu"], [b"gru", b"dense"]
        opened["model_weights"].create_group("relu").attrs["weight_names"] = []
        del attributes["layer_names"], opened.attrs["keras_version"]
    model = rebuilt(file, tmp_path)
    assert model.get_layer("gru").reset_after is False
    images = np.random.default_rng(2).normal(0, 2, (3, 4, 4, 1)).astype(np.float32)
    expected = np.clip((images - 0.5) / np.sqrt(1.001) * 2, 0, 2)
    np.testing.assert_allclose(model.get_layer("relu")(model.get_layer("norm")(images)), expected, rtol=1e-5, atol=1e-5)


def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    config = small()
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    for each in config["config"]["layers"]:
        each["config"]["dtype"] = policy
    weights = {name: values.astype(np.float16) for name, values in DENSE.items()}
    model = rebuilt(write(tmp_path / "half.h5", config, {"flat": {}, "dense": weights}), tmp_path)
    assert model.compute_dtype == "float32"
    image = np.random.default_rng(1).random((2, 4, 4, 1), np.float32)
    np.testing.assert_allclose(model(image), image.reshape(2, 16) @ np.eye(16, 3) + np.arange(3), atol=1e-6)


def test_names_that_keras_3_does_not_take(tmp_path: Path) -> None:
    layers = (layer("Flatten", "scope/flat"), layer("Flatten", "scope_flat"), layer("Dense", "dense", units=3))
    file = write(tmp_path / "names.h5", graph(*layers), {"dense": DENSE})
    assert [each.name for each in rebuilt(file, tmp_path).layers] == ["image", "scope_flat", "scope_flat_", "dense"]


def test_a_call_with_more_than_its_input_is_refused(tmp_path: Path) -> None:
    """Dropout that was called with training=True drops in every answer."""
    always = {**layer("Dropout", "drop", rate=0.5), "inbound_nodes": [[["image", 0, 0, {"training": True}]]]}
    file = write(tmp_path / "always.h5", graph(always, layer("Flatten", "flat"), layer("Dense", "dense", units=3)))
    with pytest.raises(UsageError, match=r"layer drop \(Dropout\): is called with 'training'"):
        guarded(file.read_bytes(), tmp_path)
