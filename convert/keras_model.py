"""The Keras model of a run, opened with suspicion: a model file can carry code."""

from __future__ import annotations

import json
import os
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.run_folder import Run
from edgeproof import scores
from edgeproof.errors import IntegrityError, UsageError, first_line
from edgeproof.input_contract import at_once, with_channels
from edgeproof.support.native_output import native_output, quiet_import

if TYPE_CHECKING:
    import keras

BATCH, BATCH_VALUES = 256, 2**22  # images, and values of pixels, that are answered at once
HDF5 = (".h5", ".hdf5", ".hdf", ".he5")
TOLERANCE = 1e-3  # of a probability: float kernels of another CPU, not another model


def load_model(run: Run) -> keras.Model:
    """The run's Keras model, which takes float32 (N, H, W, C) in 0..255 and gives logits (N, classes).

    Raises IntegrityError when the file is damaged or is not the model that gave the run's golden answers, UsageError
    when convert cannot take such a model.
    """
    model = open_keras(run.model)
    _check_shapes(model, run)
    _check_answers(model, run)
    return model


def open_keras(file: Path) -> keras.Model:
    """The Keras model of a .keras file, opened in safe mode. Raises UsageError and IntegrityError."""
    refuse_code(file)
    try:
        return load_keras(file)
    except OSError:
        raise
    except Exception as error:  # Keras raises whatever its layers raise
        raise IntegrityError(f"{file}: Keras cannot load it: {first_line(error)}: train again") from None


def load_keras(file: Path) -> keras.Model:
    """What Keras makes in safe mode of a file that `refuse_code` let pass. Raises whatever its layers raise."""
    quiet_tensorflow()
    with native_output():
        import keras

        return keras.saving.load_model(file, compile=False, safe_mode=True)


def keras_logits(
    model: keras.Model,
    images: NDArray[np.uint8],
    taken: Callable[[NDArray[np.uint8]], NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """float32 (n, classes) for images uint8 (n, H, W), or RGB (n, H, W, 3).

    taken: makes of images what the model takes; by default their raw pixels, float32 (n, H, W, C).
    """
    made = taken or (lambda batch: with_channels(batch).astype(np.float32))
    count = at_once(images.shape[1:], BATCH, BATCH_VALUES)
    batches = (made(images[start : start + count]) for start in range(0, len(images), count))
    return np.concatenate([model(batch, training=False).numpy() for batch in batches])


def quiet_tensorflow() -> None:
    """TensorFlow without its banner and its search for CUDA, which tell a user nothing; TF_CPP_MIN_LOG_LEVEL=0 asks for them."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the converters read TensorFlow graphs
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0":
        quiet_import("tensorflow")


def refuse_code(file: Path) -> None:
    """Refuse whatever may run code when loaded, before Keras sees it: HDF5, pickles, Lambda layers."""
    if file.suffix != ".keras":
        way = f"python -m convert import-h5 {shlex.quote(str(file))}" if file.suffix in HDF5 else "save it with Keras 3"
        raise UsageError(f"{file}: expected a .keras file: other formats can run code when loaded; {way}")
    try:
        with zipfile.ZipFile(file) as archive:
            config = json.loads(archive.read("config.json"))
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError):
        raise IntegrityError(
            f"{file}: is no .keras file, or truncated: copy the run folder again, or train again"
        ) from None
    if "Lambda" in _class_names(config):
        raise UsageError(
            f"{file}: has a Lambda layer, which carries code: replace it by a layer of Keras and train again"
        )


def _class_names(config: Any) -> set[str]:
    """Every class that a saved configuration asks Keras to build, however deep."""
    if isinstance(config, dict):
        own = {config["class_name"]} if isinstance(config.get("class_name"), str) else set()
        return own.union(*map(_class_names, config.values()))
    return set().union(*map(_class_names, config)) if isinstance(config, list) else set()


def _check_shapes(model: keras.Model, run: Run) -> None:
    expected = ((None, *run.record.input.tensor_shape), (None, len(run.record.classes)))
    found = (model.input_shape, model.output_shape)
    if found != expected:
        raise UsageError(f"{run.model}: expected input and output {expected}, found {found}")


def _check_answers(model: keras.Model, run: Run) -> None:
    """The model must be the one that answered golden.npz, and its answers must be logits."""
    golden, logits = run.golden, keras_logits(model, run.golden.images)
    if (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        raise UsageError(
            f"{run.model}: ends in softmax: 8-bit probabilities cannot be told apart near 1; end it in logits and train again"
        )
    difference = float(np.abs(scores.softmax(logits) - scores.softmax(golden.logits)).max())
    if not difference <= TOLERANCE:  # also when it is not a number
        raise IntegrityError(
            f"{run.model}: its probabilities differ from golden.npz by {difference:.3g} (permitted {TOLERANCE:g}): the files are "
            "of two runs; copy the run folder again, or train again"
        )
