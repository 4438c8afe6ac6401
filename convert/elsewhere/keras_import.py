"""The whole job: a .keras file and an .npz in, a run folder out, and what was found of the model told on the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convert.elsewhere.data import SEED, Data, read_data
from convert.elsewhere.inputs import as_functional, check_finite
from convert.elsewhere.opened import open_elsewhere
from convert.elsewhere.outputs import check_outputs, enlarged, with_logits
from convert.elsewhere.pixel_choice import AUTO, choose_pixels
from convert.elsewhere.pixels import Pixels
from convert.float32 import as_float32
from convert.keras_model import keras_logits
from convert.run_folder import PIXELS, Run, read_run
from edgeproof.errors import EdgeproofError, GateError, UsageError
from edgeproof.input_contract import InputContract, Resize
from edgeproof.resize import make_inputs
from edgeproof.run_folder import (
    GOLDEN_MARGIN,
    MODEL,
    Answered,
    Images,
    calibration_indices,
    clearly_right,
    golden_indices,
    image_digest,
    read_run_folder,
    spanning,
    write_run_folder,
)
from edgeproof.support import files

if TYPE_CHECKING:
    import keras

MAX_TEST_BYTES = 2**30  # of the test images at the model's size, as of any array that is read
KEEP = "--keep-run"  # with which a user chooses the folder


def import_keras(
    model_file: Path,
    data_file: Path,
    folder: Path,
    *,
    resize: Resize | None = None,
    pixels: str = AUTO,
    code: str | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Run:
    """Write a run folder at `folder` and read it back.

    `data_file` is an .npz as `read_data` takes it. `pixels`: what the model takes, a name of `candidates`, or "auto": the
    range under which it answers training images with the lowest log-loss. `resize`: how a picture becomes what it takes; by
    default ink for 28×28 grey. `code`: a module to import first, which registers classes of the user's own. `overwrite`: whether
    another imported run may be there. `say` is told what was found.

    Raises SourceError when a file is missing, UsageError when model and data do not fit, GateError when the model knows nothing
    of the data, IntegrityError when a file is damaged.
    """
    check_kept(folder, overwrite=overwrite)
    data = read_data(data_file)
    with files.published_directory(folder, overwrite=overwrite, flag=KEEP) as inside:
        opened, rebuilt = as_float32(open_elsewhere(model_file, code))
        check_finite(opened, model_file)
        check_outputs(opened, model_file)
        model, contract, changed = as_functional(opened, data.tensor_shape, resize, model_file)
        check_outputs(model, model_file)
        outputs = with_logits(model, len(data.classes), model_file)
        calibration, test = _images(data, contract, data_file, changed)
        changed += ["is computed in float32"] * rebuilt
        for line in (*data.said, *changed):
            say(f"{model_file.name}: {line}")
        found = choose_pixels(outputs, data, calibration, pixels, file=model_file, say=say)
        model = _behind(found.pixels, enlarged(outputs.model) if found.one_hot else outputs.model)
        answered = Answered(test.images, test.labels, keras_logits(model, test.images))
        golden = _golden(answered, model_file)
        model.save(inside / MODEL)
        facts = {
            "name": model_file.stem,
            "recipe_sha256": files.sha256(b""),
            "classes": data.classes,
            "input": contract,
            "data": _provenance(data, data_file),
            "metrics": {"test_accuracy": answered.correct / len(test)},
            "parameters": int(model.count_params()),
            "model_sha256": files.sha256(model_file),
            PIXELS: found.pixels.name,
        }
        write_run_folder(inside, facts, recipe=b"", calibration=spanning(calibration), golden=golden, test=answered)
    return read_run(folder)


def check_kept(folder: Path, *, overwrite: bool) -> None:
    """Raises UsageError when no run may be written at `folder`: above all, when a training is there, which took hours."""
    files.check_target(folder, overwrite=overwrite, flag=KEEP)
    if folder.exists() and not _imported(folder):
        raise UsageError(f"{KEEP} {folder}: expected nothing or an imported run, found something else: choose another")


def _imported(folder: Path) -> bool:
    try:
        return PIXELS in read_run_folder(folder).table
    except EdgeproofError:
        return False


def _provenance(data: Data, file: Path) -> dict[str, str | int]:
    return {"name": file.name, "fingerprint": files.sha256(file), "train": len(data.train), "test": len(data.test)}


def _images(data: Data, contract: InputContract, file: Path, said: list[str]) -> tuple[Images, Images]:
    """Calibration images and test images, as `contract` has them; quantization must not see its own examination."""
    size = len(data.test) * math.prod(contract.tensor_shape)
    if size > MAX_TEST_BYTES:
        raise UsageError(
            f"{file}: expected at most {MAX_TEST_BYTES:,} bytes of test images at {contract}, found {size:,}: give at most "
            f"{MAX_TEST_BYTES // math.prod(contract.tensor_shape):,} of them"
        )
    test = Images(make_inputs(data.test.images, contract), data.test.labels)
    chosen = calibration_indices(data.train.labels, len(data.classes), SEED, math.prod(contract.tensor_shape))
    images, labels = make_inputs(data.train.images[chosen], contract), data.train.labels[chosen]
    held = {image_digest(image) for image in test.images}
    unseen = np.array([image_digest(image) not in held for image in images])
    if not unseen.any():
        raise UsageError(f"{file}: expected test images that are not training images too, found the same: split them")
    if not unseen.all():
        said.append(f"{(~unseen).sum()} of {len(unseen)} calibration images are test images too, and are left out")
    return Images(images[unseen], labels[unseen]), test


def _behind(pixels: Pixels, model: keras.Model) -> keras.Model:
    """The model as one that takes raw pixels."""
    import keras

    layers = pixels.layers(model.input_shape[-1])
    return keras.Sequential([keras.Input(model.input_shape[1:], name="image"), *layers, model]) if layers else model


def _golden(test: Answered, file: Path) -> Answered:
    """Of the test images those that the model answers rightly and clearly, as many of each class."""
    clear = np.flatnonzero(clearly_right(test.labels, test.logits))
    if not len(clear):
        raise GateError(
            f"{file}: is certain of no test image: expected right answers {GOLDEN_MARGIN:.0%} more probable than the next, found "
            "none: train it longer"
        )
    chosen = clear[golden_indices(test.labels[clear], test.logits.shape[1], test.images[0].nbytes)]
    return Answered(test.images[chosen], test.labels[chosen], test.logits[chosen])
