"""The run folder, as train leaves it: everything that convert knows of a model, so that it never imports train.

    runs/<name>/   model.keras  run.json  recipe.toml  calibration.npz  golden.npz  test.npz   (and what people look at)
                   deciding.npz, where there were images to hold out: what a threshold is found on

Everything is checked on reading: a file that is missing, truncated or does not fit the others is an IntegrityError that
names it; a recipe section that is wrong is a UsageError.
"""

from __future__ import annotations

import io
import json
import tomllib
import zipfile
import zlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.options import ConvertOptions, GateOptions, Options
from edgeproof.errors import IntegrityError, UsageError
from edgeproof.manifest import GLYPH_SIZE, Convention
from edgeproof.support import files
from edgeproof.support.tables import from_table

SCHEMA = 1
DECIDING = "deciding.npz"


@dataclass(frozen=True)
class Images:
    """images: uint8 (n, 28, 28), 0 = paper; labels: int64 (n,), index of the class."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Answered(Images):
    """Images with what Keras answered. logits: float32 (n, classes)."""

    logits: NDArray[np.float32]

    @property
    def correct(self) -> int:
        return int((self.logits.argmax(axis=1) == self.labels).sum())


@dataclass(frozen=True)
class Record:
    """What convert needs of run.json; the file holds more (metrics, versions), which goes into the manifest unread.

    temperature: divides the logits before softmax, > 0; fitted by train on its validation images, 1 where it was not.
    """

    schema: int
    name: str
    recipe_sha256: str
    data: dict[str, Any]
    classes: tuple[str, ...]
    glyph: Convention
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature: expected a positive number, found {self.temperature}")


@dataclass(frozen=True)
class Run:
    """table: run.json as it stands. calibration: training images only; test: the whole test set.

    deciding: images in neither, also of what is no class ("reject"); null where the run has none.
    """

    path: Path
    record: Record
    table: dict[str, Any]
    options: Options
    calibration: Images
    golden: Answered
    test: Answered
    deciding: Images | None = None

    @property
    def model(self) -> Path:
        return self.path / "model.keras"


def read_run(path: Path) -> Run:
    """Read and check the run folder at `path`. The model itself is not opened (see `keras_model`)."""
    if not path.is_dir():
        raise UsageError(f"{path}: expected a run folder, found nothing; make one with: python -m train run RECIPE")
    path = path.resolve()  # the link may be replaced while we read: stay with one run
    table = _read_table(path / "run.json")
    known = {field.name: table[field.name] for field in fields(Record) if field.name in table}
    record = from_table(Record, known, str(path / "run.json"), IntegrityError)
    run = Run(
        path,
        record,
        table,
        _read_options(path / "recipe.toml", record),
        calibration=_read_images(path / "calibration.npz", len(record.classes)),
        golden=_read_answered(path / "golden.npz", len(record.classes)),
        test=_read_answered(path / "test.npz", len(record.classes)),
        deciding=_read_images(held_out, len(record.classes)) if (held_out := path / DECIDING).exists() else None,
    )
    _check_unseen(run.calibration, run.test, path / "calibration.npz", "quantization")
    if run.deciding:
        _check_unseen(run.deciding, run.test, path / DECIDING, "the threshold")
    return run


def _check_unseen(part: Images, test: Images, file: Path, what: str) -> None:
    shared = {image.tobytes() for image in part.images} & {image.tobytes() for image in test.images}
    if shared:
        raise IntegrityError(
            f"{file}: expected training images only, found {len(shared)} of the test images: "
            f"{what} would have seen its own examination; train again"
        )


def _read_table(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(_content(file))
    except ValueError:
        raise IntegrityError(f"{file}: is not JSON: copy the run folder again, or train again") from None
    found = table.get("schema") if isinstance(table, dict) else None
    if found != SCHEMA:
        raise IntegrityError(
            f"{file}: schema: expected {SCHEMA}, found {found!r}: this run was made by another version; train again"
        )
    return dict(table)


def _read_options(file: Path, record: Record) -> Options:
    content = _content(file)
    if files.sha256(content) != record.recipe_sha256:
        raise IntegrityError(
            f"{file}: recipe_sha256 of run.json does not fit: the recipe was changed after training; to relax a gate use "
            "flags (--max-drop-points, --min-accuracy, --max-bytes), otherwise train again"
        )
    try:
        recipe = tomllib.loads(content.decode())
    except ValueError as error:  # also UnicodeDecodeError
        raise UsageError(f"{file}: is not TOML: {error}") from None
    return Options(
        convert=from_table(ConvertOptions, recipe.get("convert", {}), f"{file} [convert]"),
        gate=from_table(GateOptions, recipe.get("gate", {}), f"{file} [gate]"),
    )


def _read_images(file: Path, classes: int) -> Images:
    images, labels = read_arrays(file, "images", "labels")
    _check_images(file, images, labels, classes)
    return Images(images, labels)


def _read_answered(file: Path, classes: int) -> Answered:
    images, labels, logits = read_arrays(file, "images", "labels", "logits")
    _check_images(file, images, labels, classes)
    expected = (len(labels), classes)
    if logits.shape != expected or logits.dtype != np.float32 or not np.isfinite(logits).all():
        raise IntegrityError(
            f"{file}: logits: expected finite float32 {expected}, found {logits.dtype} {logits.shape}: train again"
        )
    return Answered(images, labels, logits)


def _check_images(file: Path, images: NDArray[Any], labels: NDArray[Any], classes: int) -> None:
    count, size = len(images), GLYPH_SIZE
    if images.dtype != np.uint8 or images.shape != (count, size, size) or count == 0:
        raise IntegrityError(
            f"{file}: images: expected uint8 (n, {size}, {size}), found {images.dtype} {images.shape}: train again"
        )
    if labels.dtype != np.int64 or labels.shape != (count,) or labels.min() < 0 or labels.max() >= classes:
        raise IntegrityError(
            f"{file}: labels: expected int64 ({count},) in 0..{classes - 1}, found {labels.dtype} {labels.shape}: train again"
        )


def read_arrays(file: Path, *names: str) -> list[NDArray[Any]]:
    """The arrays called `names` of an .npz. Raises IntegrityError when one is missing or the file is damaged."""
    try:
        # From a stream already read: np.load leaves a damaged file open.
        with np.load(io.BytesIO(_content(file)), allow_pickle=False) as archive:
            return [archive[name] for name in names]
    except KeyError as missing:
        raise IntegrityError(f"{file}: expected the array {missing}, found none: train again") from None
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):  # TypeError: a bare .npy
        raise IntegrityError(f"{file}: is no .npz, or truncated: copy the run folder again, or train again") from None


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise IntegrityError(f"{file}: missing: this folder is no run, or an incomplete copy of one") from None
