"""The bundle: a folder of model files and the manifest that says what each of them is and how well it was proven.

    bundle/<name>/   manifest.json   *.onnx   *.tflite   golden.npz   report.html   README.md …

The manifest carries a checksum of itself and the sha256 of every file beside it; both are checked before any parser sees a
model. `golden.npz` holds input glyphs, their labels, and the logits that each artifact gave for them when it was
proven; `edgeproof.classifier` replays them on the device. Everything that does not fit is an IntegrityError that names the
field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.backends import BACKENDS
from edgeproof.errors import IntegrityError
from edgeproof.manifest import GLYPH_SIZE, MANIFEST, Artifact, Manifest, manifest_bytes, read_manifest
from edgeproof.support import files
from edgeproof.support.npz import npz_bytes

GOLDEN = "golden.npz"
MAX_FILE_BYTES = 256 * 2**20  # a glyph classifier is kilobytes; a larger file is a mistake or an attack


@dataclass(frozen=True)
class Golden:
    """Inputs with known answers: images uint8 (n, 28, 28), labels int64 (n,), logits float32 (n, classes) per artifact."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    logits: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Bundle:
    path: Path
    manifest: Manifest
    golden: Golden

    def file(self, artifact: Artifact) -> Path:
        if artifact.file is None:
            raise IntegrityError(f"{self.path}: artifact {artifact.name} has no file: {artifact.reason}")
        return self.path / artifact.file


def default_bundle() -> Path:
    """The bundle that the wheel carries."""
    return Path(__file__).parent / "bundles" / "digits"


def load_bundle(path: Path | str | None = None) -> Bundle:
    """Read and verify a bundle; without a path, the one that the wheel carries.

    No model file is opened: each is only hashed. Raises IntegrityError.
    """
    path = Path(path) if path else default_bundle()
    if not path.is_dir():
        raise IntegrityError(
            f"{path}: expected a bundle folder, found nothing; make one with: python -m convert run RUN"
        )
    path = path.resolve()  # the link may be replaced while we read: stay with one content
    manifest = read_manifest(path)
    for choice in manifest.ranking:
        if choice.backend not in BACKENDS:
            raise IntegrityError(
                f"{path / MANIFEST}: ranking: backend: expected one of {', '.join(BACKENDS)}, found {choice.backend!r}"
            )
    for row in manifest.artifacts:
        if row.file is not None:
            _check_file(path, row.file, row.sha256, f"artifacts[{row.name}].sha256")
    if manifest.report_sha256 is not None:
        _check_file(path, "report.html", manifest.report_sha256, "report_sha256")
    for name, expected in manifest.attachments.items():
        _check_file(path, name, expected, f"attachments[{name}]")
    _check_file(path, GOLDEN, manifest.golden_sha256, "golden_sha256")
    return Bundle(path, manifest, _read_golden(path / GOLDEN, manifest))


def write_bundle(
    target: Path, manifest: Manifest, models: Mapping[str, bytes], golden: Golden, report: bytes | None = None,
    *, attachments: Mapping[str, bytes] | None = None, overwrite: bool = False,
) -> Path:  # fmt: skip
    """Publish a bundle at `target` whole or not at all; fills in every file's sha256 and size. Returns `target`.

    `models` and `attachments` map file names to content. Raises UsageError when `target` exists and `overwrite` is false.
    """
    beside = attachments or {}
    arrays: dict[str, NDArray[Any]] = {"images": golden.images, "labels": golden.labels}
    arrays |= {f"logits/{name}": values for name, values in golden.logits.items()}
    golden_bytes = npz_bytes(arrays)
    rows = tuple(
        replace(row, sha256=files.sha256(models[row.file]), bytes=len(models[row.file])) if row.file else row
        for row in manifest.artifacts
    )
    manifest = replace(
        manifest,
        artifacts=rows,
        golden_sha256=files.sha256(golden_bytes),
        report_sha256=files.sha256(report) if report is not None else None,
        attachments={name: files.sha256(content) for name, content in beside.items()},
    )
    with files.published_directory(target, overwrite=overwrite) as folder:
        for name, content in [*models.items(), *beside.items()]:
            (folder / name).write_bytes(content)
        (folder / GOLDEN).write_bytes(golden_bytes)
        if report is not None:
            (folder / "report.html").write_bytes(report)
        (folder / MANIFEST).write_bytes(manifest_bytes(manifest))
        load_bundle(folder)  # what cannot be read back is not published
    return target


def _check_file(folder: Path, name: str, expected: str | None, field: str) -> None:
    file = folder / name
    if file.is_symlink() or not file.is_file():
        raise IntegrityError(f"{file}: missing, or no regular file: copy or convert the bundle again")
    size = file.stat().st_size
    if size > MAX_FILE_BYTES:
        raise IntegrityError(f"{file}: expected at most {MAX_FILE_BYTES} bytes, found {size}")
    found = files.sha256(file)
    if found != expected:
        raise IntegrityError(
            f"{file}: {field}: expected {str(expected)[:12]}…, found {found[:12]}… ({size} bytes): "
            "the file is truncated or was changed; copy or convert the bundle again"
        )


def _read_golden(file: Path, manifest: Manifest) -> Golden:
    with np.load(file, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    try:
        images, labels = arrays.pop("images"), arrays.pop("labels")
        logits = {name.removeprefix("logits/"): values for name, values in arrays.items()}
        count, classes = len(labels), len(manifest.classes)
        fits = images.shape == (count, GLYPH_SIZE, GLYPH_SIZE) and images.dtype == np.uint8 and count > 0
        fits &= all(logits[row.name].shape == (count, classes) for row in manifest.usable)
    except KeyError as missing:
        raise IntegrityError(f"{file}: expected the array {missing}, found none: convert the run again") from None
    if not fits:
        raise IntegrityError(f"{file}: the arrays' shapes do not fit the manifest: convert the run again")
    return Golden(images, labels, logits)
