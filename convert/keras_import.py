"""A .keras file from elsewhere, with data to prove it on: made into a run folder, so that it takes the same road.

Some such models take pixels as 0..255, others as 0..1: the scale is the one with which the model answers the training images
rightly. A softmax at the end is cut off: 8-bit probabilities cannot be told apart near 1.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.keras_model import keras_logits, open_keras, quiet_tensorflow
from convert.run_folder import Run, read_run
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.input_contract import GLYPHS, INK, InputContract, Resize, with_channels
from edgeproof.run_folder import (
    MODEL,
    Answered,
    Images,
    calibration_indices,
    clearly_right,
    golden_indices,
    write_run_folder,
)
from edgeproof.support import files
from edgeproof.support.npz import read_arrays
from edgeproof.support.tables import from_table

if TYPE_CHECKING:
    import keras

SEED = 1  # of what calibration images are drawn
SCALES = {"0-255": 1.0, "0-1": 1 / 255}
MIN_GAIN = 0.05  # of accuracy: two scales that do about as well leave it open which one was meant


def import_keras(
    model_file: Path,
    data_file: Path,
    folder: Path,
    *,
    resize: Resize | None = None,
    pixels: str = "auto",
    code: str | None = None,
    say: Callable[[str], None] = print,
) -> Run:
    """Write a run folder at `folder` and read it back.

    `data_file` is an .npz with x_train, y_train (calibration images are drawn from it), x_test, y_test, as Keras's own mnist.npz
    has them: uint8 (n, H, W), or RGB (n, H, W, 3), and whole numbers; `classes`, strings, may name the classes. `pixels`: what
    the model takes, "0-255", "0-1" or "auto". `resize`: how a picture becomes what it takes; by default ink for 28×28 grey.
    `code`: a module to import first, which registers a model class of the user's own.

    Raises UsageError when model and data do not fit, IntegrityError when a file is damaged.
    """
    train, test, classes = read_data(data_file)
    if code is not None:
        quiet_tensorflow()  # before the module imports it
        import_code(code)
    contract = contract_of(train.images, resize)
    model = as_functional(open_keras(model_file), model_file, contract)
    if model.output_shape != (None, len(classes)):
        raise UsageError(
            f"{model_file}: expected outputs (None, {len(classes)}) as {data_file} has classes, found {model.output_shape}"
        )
    chosen = calibration_indices(train.labels, len(classes), SEED, train.images[0].nbytes)
    calibration = Images(train.images[chosen], train.labels[chosen])
    model, cut = without_softmax(model)
    scale = SCALES[pixels] if pixels in SCALES else pixel_scale(model, calibration, model_file)
    if scale != 1:
        model = scaled(model, scale)
    say(
        f"{model_file.name}: takes pixels as 0..{255 * scale:g}; "
        + ("its softmax is cut off" if cut else "gives logits")
    )
    answered = Answered(test.images, test.labels, keras_logits(model, test.images))
    folder.mkdir(parents=True)
    model.save(folder / MODEL)
    facts = {
        "name": model_file.stem,
        "recipe_sha256": files.sha256(b""),
        "classes": classes,
        "input": contract,
        "data": {
            "name": data_file.name,
            "fingerprint": files.sha256(data_file),
            "train": len(train),
            "test": len(test),
        },
        "metrics": {"test_accuracy": answered.correct / len(test)},
        "parameters": int(model.count_params()),
        "model_sha256": files.sha256(model_file),
    }
    write_run_folder(folder, facts, recipe=b"", calibration=calibration, golden=golden(answered), test=answered)
    return read_run(folder)


def read_data(file: Path) -> tuple[Images, Images, list[str]]:
    """Training images, test images, class names."""
    x_train, y_train, x_test, y_test = read_arrays(file, "x_train", "y_train", "x_test", "y_test")
    train, test = _images(file, "train", x_train, y_train), _images(file, "test", x_test, y_test)
    count = int(max(train.labels.max(), test.labels.max())) + 1
    try:
        names = [str(name) for name in read_arrays(file, "classes")[0]]
    except IntegrityError:
        names = [str(number) for number in range(count)]
    if len(names) < count:
        raise UsageError(f"{file}: classes: expected {count} names as there are labels, found {len(names)}")
    return train, test, names


def import_code(module: str) -> None:
    """Run the user's own module. The only code that a model file can need, and it is named on the command line."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"--import {module}: {error}") from None


def contract_of(images: NDArray[np.uint8], resize: Resize | None) -> InputContract:
    """What a model of such images takes."""
    height, width, channels = with_channels(images).shape[1:]
    usual: Resize = INK if (height, width, channels) == GLYPHS.tensor_shape else "stretch"
    table = {"size": (height, width), "channels": channels, "resize": resize or usual}
    return from_table(InputContract, table, "--resize")


def as_functional(model: keras.Model, file: Path, contract: InputContract) -> keras.Model:
    """`model`, float32 (N, H, W, C) → (N, classes); a subclassed one is traced. Raises UsageError for other shapes."""
    import keras

    wanted = contract.tensor_shape
    shape = getattr(model, "input_shape", None) if getattr(model, "inputs", None) else None
    if shape not in (None, (None, *wanted), (None, *contract.shape)):
        raise UsageError(f"{file}: expected input {(None, *wanted)}, found {shape}")
    if shape == (None, *wanted) and str(model.inputs[0].dtype) == "float32":
        return model
    image = inner = keras.Input(wanted, name="image")
    if shape == (None, *contract.shape):
        inner = keras.layers.Reshape(contract.shape)(inner)
    try:
        return keras.Model(image, model(inner))
    except Exception as error:  # whatever the user's own `call` raises
        raise UsageError(f"{file}: does not take {(None, *wanted)}: {str(error).splitlines()[0]}") from None


def without_softmax(model: keras.Model) -> tuple[keras.Model, bool]:
    """The model without a softmax at its end, and whether there was one.

    Raises UsageError when it gives probabilities by other means.
    """
    import keras

    last = model
    while isinstance(last, keras.Model) and last.layers:
        inside, last = last, last.layers[-1]
    if isinstance(last, keras.layers.Softmax) or getattr(last, "activation", None) is keras.activations.softmax:
        if isinstance(last, (keras.layers.Softmax, keras.layers.Activation)):
            if inside is not model:
                raise UsageError("a softmax layer inside an inner model cannot be cut off: end the model in logits")
            return keras.Model(model.inputs, last.input), True
        last.activation = keras.activations.linear
        return model, True
    noise = np.random.default_rng(0).integers(0, 256, (16, *model.input_shape[1:]), np.uint8)
    answers = keras_logits(model, noise)
    if (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        raise UsageError("the model gives probabilities, and no softmax was found at its end: end it in logits")
    return model, False


def pixel_scale(model: keras.Model, calibration: Images, file: Path) -> float:
    """What a pixel in 0..255 must be multiplied by: with which the model answers the calibration images rightly.

    Raises GateError when it knows them in neither way, UsageError when it knows them about as well in both: a network of
    ReLUs answers much alike, and only its probabilities are wrong then.
    """
    import keras

    first = next((layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)), None)
    if isinstance(first, (keras.layers.Rescaling, keras.layers.Normalization)):
        return SCALES["0-255"]
    found = {}
    for name, scale in SCALES.items():
        answers = np.asarray(
            model(with_channels(calibration.images).astype(np.float32) * np.float32(scale), training=False)
        )
        found[name] = float((answers.argmax(axis=1) == calibration.labels).mean())
    best, other = sorted(found, key=lambda name: -found[name])
    told = f"{file}: knows {found['0-255']:.0%} of the training images as 0..255 and {found['0-1']:.0%} as 0..1"
    if found[best] < 2 / len(np.unique(calibration.labels)):
        raise GateError(f"{told}: expected a model of this data; are the pictures inverted, or the labels others?")
    if found[best] < found[other] + MIN_GAIN:
        raise UsageError(f"{told}: say which it was trained with: --pixels 0-255 or --pixels 0-1")
    return SCALES[best]


def scaled(model: keras.Model, scale: float) -> keras.Model:
    """The model behind a scaling of its input."""
    import keras

    return keras.Sequential([keras.Input(model.input_shape[1:], name="image"), keras.layers.Rescaling(scale), model])


def golden(test: Answered) -> Answered:
    """Of the test images those that the model answers rightly and clearly, as many of each class."""
    clear = np.flatnonzero(clearly_right(test.labels, test.logits))
    if not len(clear):
        raise GateError("the model is certain of no test image: expected logits that differ")
    chosen = clear[golden_indices(test.labels[clear], test.logits.shape[1], test.images[0].nbytes)]
    return Answered(test.images[chosen], test.labels[chosen], test.logits[chosen])


def _images(file: Path, part: str, images: NDArray[Any], labels: NDArray[Any]) -> Images:
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not shaped or not len(images):
        raise UsageError(
            f"{file}: x_{part}: expected uint8 (n, H, W) or (n, H, W, 3), found {images.dtype} {images.shape}"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise UsageError(f"{file}: y_{part}: expected {len(images)} whole numbers, found {labels.dtype} {labels.shape}")
    return Images(images, labels.astype(np.int64))
