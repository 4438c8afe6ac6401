"""The run folder: what a training leaves and every later stage reads, so that no stage imports another.

    runs/<name>/   run.json  model.keras  recipe.toml  calibration.npz  golden.npz  test.npz   (and what people look at)
                   deciding.npz, where there were images to hold out: what a threshold is found on

Written by train, and by convert for a model from elsewhere; read by convert and benchmarks. Everything is checked on
reading: a file that is missing, truncated or does not fit the others is an IntegrityError that names it. The model itself
is not opened here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.errors import IntegrityError, SourceError, UsageError
from edgeproof.input_contract import InputContract, upgraded
from edgeproof.manifest import GOLDEN_BYTES, MAX_GOLDEN, Temperature, check_classes
from edgeproof.support.npz import npz_bytes, read_arrays
from edgeproof.support.tables import from_table, to_table

SCHEMA = 2
RECORD, MODEL, RECIPE = "run.json", "model.keras", "recipe.toml"
CALIBRATION, DECIDING, GOLDEN, TEST = "calibration.npz", "deciding.npz", "golden.npz", "test.npz"

CALIBRATION_IMAGES = 512  # as many of each class: enough to see the extremes of every activation
CALIBRATION_LEAST = 24  # fewer say little about any: of as many classes as there are
CALIBRATION_BYTES = 256 * 2**20  # of them as float32: converters hold them all at once; 21 images of 1024×1024×3
GOLDEN_LEAST, GOLDEN_EACH = 64, 8  # golden inputs in all, and of each class; 80 for ten classes
ARTIFACTS = 8  # whose answers are reckoned with where golden inputs are counted: they go to the device in the bundle
GOLDEN_MARGIN = 0.5  # between the two best probabilities: a changed answer is then a fault and no tie

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """images: uint8 (n, H, W), or RGB (n, H, W, 3), of the run's input; labels: int64 (n,), index of the class."""

    images: NDArray[np.uint8]
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Answered(Images):
    """Images with what Keras answered. logits: float32 (n, classes)."""

    logits: NDArray[np.float32]

    @property
    def correct(self) -> int:
        return int((self.logits.argmax(axis=1) == self.labels).sum())


@dataclass(frozen=True)
class Record:
    """What later stages need of run.json; the file holds more (metrics, versions), which goes into the manifest unread.

    temperature: divides the logits before softmax; fitted by train on its validation images, 1 where it was not.
    """

    schema: int
    name: str
    recipe_sha256: str
    data: dict[str, Any]
    classes: tuple[str, ...]
    input: InputContract
    temperature: Temperature = 1.0

    def __post_init__(self) -> None:
        check_classes(self.classes)


@dataclass(frozen=True)
class RunFolder:
    """table: run.json as it stands. recipe: the file's bytes. calibration: training images only; test: the whole test set.

    deciding: images in neither, also of what is no class ("reject"); null where the run has none.
    """

    path: Path
    record: Record
    table: dict[str, Any]
    recipe: bytes
    calibration: Images
    golden: Answered
    test: Answered
    deciding: Images | None = None


# ---- writing ---------------------------------------------------------------------------------------------------------


def write_run_folder(
    folder: Path,
    facts: Mapping[str, Any],
    *,
    recipe: bytes,
    calibration: Images,
    golden: Answered,
    test: Answered,
    deciding: Images | None = None,
) -> None:
    """Write all but the model, which its framework saves as MODEL, into the existing `folder`.

    `facts` is what run.json holds beside the schema: the fields of `Record`, and whatever else is worth keeping.
    """
    (folder / RECIPE).write_bytes(recipe)
    parts = {CALIBRATION: calibration, DECIDING: deciding, GOLDEN: golden, TEST: test}
    for name, part in parts.items():
        if part is not None:
            arrays = {field.name: getattr(part, field.name) for field in fields(part)}
            (folder / name).write_bytes(npz_bytes(arrays))
    text = json.dumps(to_table({"schema": SCHEMA, **facts}), indent=2, ensure_ascii=False)
    (folder / RECORD).write_text(text + "\n", encoding="utf-8")


def calibration_indices(labels: Labels, classes: int, seed: int, image_bytes: int) -> NDArray[np.int64]:
    """Which training images the ranges of integers are taken from: as many of each class, drawn by `seed`, and a few of some
    classes more where these are fewer than `CALIBRATION_LEAST`.

    image_bytes: of one uint8 image. Where one of each class is too much, some classes have none.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    most = max(1, CALIBRATION_BYTES // (4 * image_bytes))
    each = max(1, min(CALIBRATION_IMAGES, most) // classes)
    of_class = [order[labels[order] == label] for label in range(classes)]
    chosen = np.concatenate([found[:each] for found in of_class])
    more = [found[turn] for turn in range(each, CALIBRATION_LEAST) for found in of_class if turn < len(found)]
    lacking = max(0, min(most, CALIBRATION_LEAST) - len(chosen))
    return _evenly(np.concatenate([chosen, np.array(more[:lacking], np.int64)]), most)


def spanning(part: Images) -> Images:
    """`part`, and where its images are so dull that none has a pixel of 0, or none of 255, two more: the first but for one pixel.

    An 8-bit input's scale is found on calibration images, and must be that of raw bytes.
    """
    if part.images.min() == 0 and part.images.max() == 255:
        return part
    extremes = np.stack([part.images[0]] * 2)
    extremes.reshape(2, -1)[:, 0] = 0, 255
    return Images(np.concatenate([part.images, extremes]), np.append(part.labels, [part.labels[0]] * 2))


def golden_each(classes: int, image_bytes: int) -> int:
    """How many golden inputs a class should have, each of `image_bytes`; 1 also where that is too much for all classes."""
    wanted = max(GOLDEN_EACH, -(-GOLDEN_LEAST // classes))
    return max(1, min(wanted, _golden_most(classes, image_bytes) // classes))


def clearly_right(labels: Labels, logits: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which answers (n, classes) are right by so clear a margin that no rounding can tip them over, (n,)."""
    second, first = np.sort(scores.softmax(logits), axis=1)[:, -2:].T
    return np.asarray((first - second >= GOLDEN_MARGIN) & (logits.argmax(axis=1) == labels))


def golden_indices(labels: Labels, classes: int, image_bytes: int) -> NDArray[np.int64]:
    """Of answers that are clearly right, `golden_each` per class where there are so many, spread evenly over the set."""
    each, chosen = golden_each(classes, image_bytes), []
    for label in range(classes):
        found = np.flatnonzero(labels == label)
        chosen.append(found[:: max(1, len(found) // each)][:each])
    return _evenly(np.concatenate(chosen), _golden_most(classes, image_bytes))


def _golden_most(classes: int, image_bytes: int) -> int:
    return max(1, min(MAX_GOLDEN, GOLDEN_BYTES // (image_bytes + ARTIFACTS * 4 * classes)))


def _evenly(chosen: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """`most` of what was chosen class by class, from all over it, or all."""
    return chosen[np.linspace(0, len(chosen) - 1, most).astype(int)] if len(chosen) > most else chosen


def image_digest(image: NDArray[np.uint8]) -> bytes:
    """By which an image is known again; its bytes, kept for each, would hold a data set twice."""
    return hashlib.sha256(np.ascontiguousarray(image).data).digest()


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_run_folder(path: Path) -> RunFolder:
    """Read and check the run folder at `path`. Raises UsageError when it is no folder, IntegrityError otherwise."""
    if not path.is_dir():
        raise UsageError(f"{path}: expected a run folder, found nothing; make one with: python -m train run RECIPE")
    path = path.resolve()  # the link may be replaced while we read: stay with one run
    table = read_facts(path)
    record = _record(path, table)
    run = RunFolder(
        path,
        record,
        table,
        _content(path / RECIPE),
        calibration=_read_images(path / CALIBRATION, record),
        golden=_read_answered(path / GOLDEN, record),
        test=_read_answered(path / TEST, record),
        deciding=_read_images(path / DECIDING, record) if (path / DECIDING).exists() else None,
    )
    _check_unseen(run.calibration, run.test, path / CALIBRATION, "quantization")
    if run.deciding:
        _check_unseen(run.deciding, run.test, path / DECIDING, "the threshold")
    return run


def read_record(path: Path) -> Record:
    """What run.json of the run folder at `path` says, the other files unread. Raises IntegrityError."""
    return _record(path, read_facts(path))


def read_facts(path: Path) -> dict[str, Any]:
    """run.json of the run folder at `path`, as of this schema. Raises IntegrityError."""
    file = path / RECORD
    try:
        table = json.loads(_content(file))
    except ValueError:
        raise IntegrityError(f"{file}: is not JSON: copy the run folder again, or train again") from None
    found = table.get("schema") if isinstance(table, dict) else None
    if found == 1:
        return upgraded(table)
    if found != SCHEMA:
        raise IntegrityError(
            f"{file}: schema: expected {SCHEMA}, found {found!r}: this run was made by another version; train again"
        )
    return dict(table)


def _record(path: Path, table: dict[str, Any]) -> Record:
    known = {field.name: table[field.name] for field in fields(Record) if field.name in table}
    return from_table(Record, known, str(path / RECORD), IntegrityError)


def read_test(path: Path) -> Answered:
    """The test images of the run folder at `path` alone. Raises SourceError when there are none, IntegrityError."""
    file = path / TEST
    if not file.is_file():
        raise SourceError(f"{file}: expected the run's test images, found nothing: train a run first")
    images, labels, logits = read_arrays(file, "images", "labels", "logits")
    return Answered(images, labels, logits)


def _check_unseen(part: Images, test: Images, file: Path, what: str) -> None:
    shared = set(map(image_digest, part.images)) & set(map(image_digest, test.images))
    if shared:
        raise IntegrityError(
            f"{file}: expected training images only, found {len(shared)} of the test images: "
            f"{what} would have seen its own examination; train again"
        )


def _read_images(file: Path, record: Record) -> Images:
    images, labels = read_arrays(file, "images", "labels")
    _check_images(file, images, labels, record)
    return Images(images, labels)


def _read_answered(file: Path, record: Record) -> Answered:
    images, labels, logits = read_arrays(file, "images", "labels", "logits")
    _check_images(file, images, labels, record)
    expected = (len(labels), len(record.classes))
    if logits.shape != expected or logits.dtype != np.float32 or not np.isfinite(logits).all():
        raise IntegrityError(
            f"{file}: logits: expected finite float32 {expected}, found {logits.dtype} {logits.shape}: train again"
        )
    return Answered(images, labels, logits)


def _check_images(file: Path, images: NDArray[Any], labels: NDArray[Any], record: Record) -> None:
    count, shape, classes = len(images), record.input.shape, len(record.classes)
    if images.dtype != np.uint8 or images.shape != (count, *shape) or count == 0:
        raise IntegrityError(
            f"{file}: images: expected uint8 (n, {', '.join(map(str, shape))}), found {images.dtype} {images.shape}: train again"
        )
    if labels.dtype != np.int64 or labels.shape != (count,) or labels.min() < 0 or labels.max() >= classes:
        raise IntegrityError(
            f"{file}: labels: expected int64 ({count},) in 0..{classes - 1}, found {labels.dtype} {labels.shape}: train again"
        )


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
