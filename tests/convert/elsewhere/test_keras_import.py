"""Models from elsewhere: what they want is asked of them, and they take the same road."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.elsewhere.keras_import import import_keras
from convert.export.variants import VARIANTS, choose
from convert.keras_model import quiet_tensorflow
from convert.options import GateOptions
from convert.pipeline import convert_run
from convert.run_folder import Run
from edgeproof.errors import IntegrityError, SourceError, UsageError
from edgeproof.support.npz import npz_bytes

pytestmark = pytest.mark.slow

with np.load(Path(__file__).parents[2] / "runtime" / "digits.npz") as _kept:
    _IMAGES, _LABELS = _kept["images"], _kept["labels"].astype(np.int64)


def digits(copies: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The drawn pages' digits, each shifted by up to a pixel, in faint noise."""
    random = np.random.default_rng(seed)
    own, labels = _IMAGES, _LABELS
    images = [np.roll(own, random.integers(-1, 2, 2), axis=(1, 2)) for _ in range(copies)]
    noise = random.integers(0, 20, (copies * len(own), 28, 28))
    return np.clip(np.concatenate(images) + noise, 0, 255).astype(np.uint8), np.tile(labels, copies)


def solve(last: Any, features: Callable[[Any], Any], scale: float) -> None:
    """Give the `last` layer, without bias, the weights that least squares find: nothing is trained, so that no CPU trains it
    differently. `features` is what comes before it, of pixels times `scale`; right answers become logits of about 10."""
    images, labels = digits(20, seed=1)
    x = np.asarray(features(images[..., None] * np.float32(scale)), np.float64)
    ridge = 1e-3 * np.trace(x.T @ x) / x.shape[1] * np.eye(x.shape[1])
    last.set_weights([np.linalg.solve(x.T @ x + ridge, x.T @ (10 * np.eye(10)[labels]))])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "mine.npz"
    (x_train, y_train), (x_test, y_test) = digits(8, seed=3), digits(5, seed=4)
    y_train, y_test = y_train.astype(np.uint8), y_test.astype(np.uint8)
    file.write_bytes(npz_bytes({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}))
    return file


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Path:
    """As a tutorial has it: pixels divided by 255 outside, softmax in the last layer.

    Without biases, so that another scale of the pixels changes no answer, whatever the weights are.
    """
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Conv2D(8, 3, strides=2, activation="relu", use_bias=False),
         layers.Flatten(), layers.Dense(10, activation="softmax", use_bias=False)]
    )  # fmt: skip
    solve(model.layers[-1], keras.Model(model.inputs, model.layers[-2].output), scale=1 / 255)
    file = tmp_path_factory.mktemp("model") / "tutorial.keras"
    model.save(file)
    return file


@pytest.fixture(scope="module")
def foreign(tutorial: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    said: list[str] = []
    run = import_keras(tutorial, data, tmp_path_factory.mktemp("runs") / "run", pixels="0-1", say=said.append)
    (line,) = said
    assert line.startswith("tutorial.keras: takes pixels as 0-1 as told: log-loss ")
    assert line.endswith("; its softmax is cut off")
    return run


def test_what_cannot_be_told_is_asked(data: Path, tmp_path: Path, seed: int) -> None:
    """A sum that no scale changes much is trained as well with one range as with another."""
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Conv2D(8, 3, strides=2, activation="relu", use_bias=False),
         layers.Flatten(), layers.Dense(10, use_bias=False)]
    )  # fmt: skip
    solve(model.layers[-1], keras.Model(model.inputs, model.layers[-2].output), scale=1 / 255)
    between = keras.Sequential([layers.Input((28, 28, 1)), layers.Rescaling(1.4, -0.2), model])  # of 0..1 and -1..1
    between.save(tmp_path / "between.keras")
    with pytest.raises(UsageError, match=r"cannot be told: log-loss .*: --pixels [\w-]+ or --pixels [\w-]+"):
        import_keras(tmp_path / "between.keras", data, tmp_path / "run", say=lambda _: None)
    assert not (tmp_path / "run").exists()


def test_a_model_from_elsewhere_takes_the_same_road(foreign: Run, tmp_path: Path) -> None:
    assert foreign.test.correct >= 0.95 * len(foreign.test.labels)
    assert len(foreign.golden.labels) == 80
    variants = choose(VARIANTS, ("fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite"))
    relaxed = replace(foreign.options, gate=GateOptions(max_drop_points=5, max_corruption_drop_points=50))
    manifest = convert_run(
        replace(foreign, options=relaxed), tmp_path / "bundle", variants=variants, say=lambda _: None
    )
    assert [row.status for row in manifest.artifacts] == ["✅"] * 4, [row.reason for row in manifest.artifacts]
    assert manifest.artifact("fp32.onnx").agreement == 1.0


def test_dull_pictures_calibrate_an_input_of_all_bytes(tutorial: Path, tmp_path: Path) -> None:
    (x_train, y_train), (x_test, y_test) = digits(8, seed=3), digits(5, seed=4)
    dull = {"x_train": x_train.clip(1, 254), "y_train": y_train, "x_test": x_test.clip(1, 254), "y_test": y_test}
    (tmp_path / "dull.npz").write_bytes(npz_bytes(dull))
    run = import_keras(tutorial, tmp_path / "dull.npz", tmp_path / "run", pixels="0-1", say=lambda _: None)
    assert (run.calibration.images.min(), run.calibration.images.max()) == (0, 255)


SUBCLASS = """
import keras

@keras.saving.register_keras_serializable("mine")
class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.convolution = keras.layers.Conv2D(8, 3, strides=2, activation="relu")
        self.last = keras.layers.Dense(10, use_bias=False)
        self.flat = keras.layers.Flatten()

    def features(self, image):
        return self.flat(self.convolution(image / 255))

    def call(self, image):
        return self.last(self.features(image))
"""


def test_a_subclassed_model_needs_its_module_by_name(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(seed)

    (tmp_path / "own_model_of_a_test.py").write_text(SUBCLASS)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "own.keras"
    module = __import__("own_model_of_a_test")
    own = module.Own()
    own(np.zeros((1, 28, 28, 1), np.float32))  # builds it
    solve(own.last, own.features, scale=1)
    own.save(file)
    del sys.modules["own_model_of_a_test"]
    keras.saving.get_custom_objects().clear()
    with pytest.raises(UsageError, match=r"needs Own, which is not of Keras: name the module .* --import MODULE"):
        import_keras(file, data, tmp_path / "first", say=lambda _: None)
    run = import_keras(file, data, tmp_path / "run", code="own_model_of_a_test", pixels="0-255", say=lambda _: None)
    manifest = convert_run(
        run, tmp_path / "bundle", variants=choose(VARIANTS, ("fp32.onnx", "fp32.tflite")), say=lambda _: None
    )
    assert [row.status for row in manifest.artifacts] == ["✅"] * 2, [row.reason for row in manifest.artifacts]
    assert manifest.artifact("fp32.tflite").agreement == 1.0


def test_what_is_refused_of_models_and_data(tutorial: Path, data: Path, tmp_path: Path) -> None:
    quiet_tensorflow()
    import keras

    layers = keras.layers

    def saved(model: Any) -> Path:
        model.save(tmp_path / "m.keras")
        return tmp_path / "m.keras"

    def refused(model: Path, archive: Path, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            import_keras(model, archive, tmp_path / "run", say=lambda _: None)
        assert not (tmp_path / "run").exists()

    old = tmp_path / "model.h5"
    old.write_bytes(b"\x89HDF")
    refused(old, data, UsageError, "expected a .keras file: other formats can run code")
    with_code = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Lambda(lambda x: x), layers.Flatten(), layers.Dense(10)]
    )
    refused(saved(with_code), data, UsageError, "has a Lambda layer, which carries code")
    refused(tmp_path / "none.keras", data, SourceError, "expected a .keras file, found nothing there")
    refused(tmp_path, data, UsageError, "expected a .keras file, found a folder")
    refused(
        tutorial, tmp_path / "none.npz", SourceError, "expected an .npz with images and labels, found nothing there"
    )
    cut = tmp_path / "cut.keras"
    cut.write_bytes(tutorial.read_bytes()[:3000])
    refused(cut, data, IntegrityError, "is no .keras file, or truncated")
