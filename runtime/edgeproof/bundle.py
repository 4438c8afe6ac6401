"""The bundle: a folder of model files and the manifest that says what each of them is and how well it was proven.

    bundle/<name>/   manifest.json   *.onnx   *.tflite   golden.npz   report.html   README.md …

The manifest carries a checksum of itself and the sha256 of every file beside it; both are checked before any parser sees a
model. `golden.npz` holds input glyphs, their labels, and the logits that each artifact gave for them when it was
proven; `edgeproof.classify` replays them on the device. Everything that does not fit is an IntegrityError that names the
field.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof import files, glyph, scores, tables
from edgeproof.errors import IntegrityError

SCHEMA = 1
MANIFEST = "manifest.json"
GOLDEN = "golden.npz"
MAX_FILE_BYTES = 256 * 2**20  # a glyph classifier is kilobytes; a larger file is a mistake or an attack

Status = Literal["✅", "❎", "❌"]  # passed · exported, but failed its proof · could not be exported


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a converted file, as read back from that file.

    name: the tensor's name in the file.
    dtype: what the runtime is fed, or gives.
    layout: axis order; N = batch, C = channels or classes, H = rows, W = columns.
    shape: size per axis; "N" for the dynamic batch.
    scale, zero_point: real value = scale · (raw − zero_point); null for a float tensor.
    """

    name: str
    dtype: Literal["float32", "float16", "uint8", "int8", "int16"]
    layout: Literal["NHWC", "NCHW", "NC"]
    shape: tuple[int | str, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Share:
    """`count` of `of`; low, high: Wilson 95 % interval of the share, 0..1 (all of it where `of` is 0)."""

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Decided:
    """What a threshold makes of images that the model was not trained on.

    accepted: of the images of a class, those whose answer is taken. wrong: of the taken answers.
    refused: of the images that are called "reject" because they are of no class.
    """

    accepted: Share
    wrong: Share
    refused: Share


@dataclass(frozen=True)
class Deciding:
    """From which score on the answers of an artifact are taken, found on its own answers to held-out images.

    kind: what is compared with the threshold: "probability" of the best class at the bundle's temperature, 0..1.
    threshold: a lower one is refused. reason: by which rule it was found.
    reject_bias: added to the logit of "reject" before that, natural logarithm of odds: where pictures are read, what is no
        digit is as frequent as among the held-out images, and not as rare as in a data set of digits.
    validation: what it does to the images on which it was found; test: to those that had no say in it.
    """

    kind: Literal["probability"]
    threshold: float
    reason: str
    validation: Decided
    test: Decided
    reject_bias: float = 0.0


@dataclass(frozen=True)
class Artifact:
    """One exported file and what was measured of it, on all test images, on the runtime that will run it.

    name: "<precision>[-<how>].<format>".
    file: file name inside the bundle; null when it could not be exported or did not pass.
    bytes: size of the file.
    correct, images: right answers among the test images; accuracy = correct / images, in 0..1.
    accuracy_low, accuracy_high: Wilson 95 % interval of the accuracy.
    accuracy_through_glyph: accuracy when each test image is treated as a crop of a picture, in 0..1; null for "none".
    agreement: share of test images with the same answer as Keras, in 0..1.
    max_probability_difference: largest |p − p of Keras| over all test images and classes, in 0..1.
    proven_on: runtime with version, and the CPU with the instruction sets that matter to kernels.
    corrupted: accuracy per kind of corruption (blur, noise, …) on a part of the test images, in 0..1; empty if not measured.
    deciding: from which score on its answers are taken; null where the run had no images held out for that.
    status, reason: ✅ usable · ❎ exported, not usable · ❌ not exported; the reason in words.
    """

    name: str
    format: Literal["onnx", "tflite"]
    precision: Literal["fp32", "fp16", "int8", "int8-dynamic", "int16x8"]
    status: Status
    reason: str
    file: str | None = None
    sha256: str | None = None
    bytes: int = 0
    input: TensorSpec | None = None
    output: TensorSpec | None = None
    correct: int = 0
    images: int = 0
    accuracy: float = 0.0
    accuracy_low: float = 0.0
    accuracy_high: float = 0.0
    accuracy_through_glyph: float | None = None
    agreement: float = 0.0
    max_probability_difference: float = 0.0
    proven_on: str = ""
    corrupted: dict[str, float] = field(default_factory=dict, hash=False)
    deciding: Deciding | None = None

    @property
    def integer(self) -> bool:
        return self.precision in ("int8", "int8-dynamic", "int16x8")

    @property
    def tolerance(self) -> float:
        """Largest permitted difference of a golden probability: what kernels of different CPUs were seen to differ by."""
        return 0.1 if self.integer else {"fp32": 1e-4, "fp16": 1e-2}[self.precision]


@dataclass(frozen=True)
class Proof:
    """One usable artifact on one runtime, all test images, beside the same images' answers of Keras.

    backend: what ran it; of the two that no device code here drives, the proof is all that is known.
    correct, images: right answers; accuracy_low, accuracy_high: Wilson 95 % interval of correct / images.
    lost, gained: images that only Keras, or only the artifact, has right.
    drop_limit: one-sided 95 % upper limit of the drop in accuracy (Tango), −1..1; p: McNemar's exact, two-sided.
    agreement: share of equal answers. max_, mean_probability_difference: |p − p of Keras|, all images and classes, 0..1.
    recall: right answers among the images of each class, 0..1, in the order of the classes that have test images.
    calibration_error: expected calibration error at the bundle's temperature, 0..1.
    """

    artifact: str
    backend: Literal["onnxruntime", "litert", "opencv", "openvino", "tflite-micro"]
    version: str
    correct: int
    images: int
    accuracy_low: float
    accuracy_high: float
    lost: int
    gained: int
    drop_limit: float
    p: float
    agreement: float
    max_probability_difference: float
    mean_probability_difference: float
    recall: dict[str, float]
    calibration_error: float


@dataclass(frozen=True)
class Choice:
    """One row of the ranking, best first: which artifact on which backend, and why it stands there.

    p50_ms: median time of one glyph on the machine that converted, for orientation only; milliseconds.
    """

    artifact: str
    backend: Literal["onnxruntime", "litert", "opencv"]
    p50_ms: float
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What a device must know of a bundle.

    name: of the bundle; classes: name per output, the last may be "reject"; glyph: the convention of its inputs.
    temperature: divides the logits before softmax, > 0; threshold: a lower score is rejected, 0..1, where the artifact has no
        threshold of its own.
    ranking: what `auto` walks, best first; every row names a ✅ artifact.
    golden_sha256: of golden.npz. report_sha256: of report.html, null when there is none.
    proofs: what was measured per artifact and runtime. attachments: sha256 of each other file, which no runtime opens.
    source: where it comes from (recipe and its sha256, data set fingerprint, library versions, metrics of Keras).
    """

    schema: int
    name: str
    classes: tuple[str, ...]
    glyph: glyph.Convention
    artifacts: tuple[Artifact, ...]
    ranking: tuple[Choice, ...]
    golden_sha256: str
    report_sha256: str | None = None
    temperature: float = 1.0
    threshold: float = 0.0
    source: dict[str, Any] | None = None
    proofs: tuple[Proof, ...] = ()
    attachments: dict[str, str] = field(default_factory=dict)

    def artifact(self, name: str) -> Artifact:
        """The row called `name`; KeyError otherwise."""
        return {row.name: row for row in self.artifacts}[name]

    def threshold_of(self, row: Artifact) -> float:
        """The score from which on the answers of `row` are taken, 0..1."""
        return row.deciding.threshold if row.deciding else self.threshold

    def page_logits(self, row: Artifact, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The logits (N, classes) of `row` for a place where its threshold holds: with the bias that was found with it."""
        bias = row.deciding.reject_bias if row.deciding else 0.0
        return scores.with_reject_bias(logits, bias) if bias else logits

    @property
    def usable(self) -> tuple[Artifact, ...]:
        return tuple(row for row in self.artifacts if row.status == "✅")


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
    manifest = _read_manifest(path)
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


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON with its own checksum in the last key."""
    table = tables.to_table(manifest)
    table["checksum"] = _checksum(table)
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def npz_bytes(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A compressed .npz with fixed time stamps: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, values in sorted(arrays.items()):
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _checksum(table: Mapping[str, Any]) -> str:
    return files.sha256(json.dumps(table, sort_keys=True, ensure_ascii=False).encode())


def _read_manifest(path: Path) -> Manifest:
    file = path / MANIFEST
    where = str(file)
    try:
        table = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise IntegrityError(f"{where}: missing: this folder is no bundle, or an incomplete copy of one") from None
    except ValueError:  # also UnicodeDecodeError
        raise IntegrityError(f"{where}: is not JSON: copy the bundle again") from None
    if not isinstance(table, dict):
        raise IntegrityError(f"{where}: expected a table, found {type(table).__name__}: copy the bundle again")
    if table.get("schema") != SCHEMA:
        raise IntegrityError(
            f"{where}: schema: expected {SCHEMA}, found {table.get('schema')!r}: convert the run again"
        )
    stated = table.pop("checksum", None)
    if stated != _checksum(table):
        raise IntegrityError(f"{where}: checksum: the manifest was edited or damaged: copy or convert the bundle again")
    manifest = tables.from_table(Manifest, table, where, IntegrityError)
    _check_manifest(manifest, where)
    return manifest


def _check_manifest(manifest: Manifest, where: str) -> None:
    """What the types cannot say: names that are unique and refer to something, sizes that fit each other."""

    def expect(condition: bool, field: str, expected: str, found: Any) -> None:
        if not condition:
            raise IntegrityError(f"{where}: {field}: expected {expected}, found {found!r}")

    names = [row.name for row in manifest.artifacts]
    expect(len(manifest.classes) >= 2, "classes", "two or more names", manifest.classes)
    expect(len(set(manifest.classes)) == len(manifest.classes), "classes", "different names", manifest.classes)
    expect(
        scores.REJECT not in manifest.classes[:-1], "classes", f"'{scores.REJECT}' only as the last", manifest.classes
    )
    expect(len(set(names)) == len(names), "artifacts", "different names", names)
    expect(manifest.temperature > 0, "temperature", "a positive number", manifest.temperature)
    expect(0 <= manifest.threshold <= 1, "threshold", "a number in 0..1", manifest.threshold)
    for name in manifest.attachments:
        expect(_is_plain(name), "attachments", "plain file names", name)
    for row in manifest.artifacts:
        field = f"artifacts[{row.name}]"
        if row.deciding is not None:
            stated = row.deciding.threshold
            expect(0 <= stated <= 1, f"{field}.deciding.threshold", "a number in 0..1", stated)
        if row.file is not None:
            expect(_is_plain(row.file), f"{field}.file", "a plain file name", row.file)
        if row.status != "✅":
            continue
        if row.file is None or row.input is None or row.output is None:
            raise IntegrityError(f"{where}: {field}: a usable artifact needs file, input and output")
        sides = {"NHWC": ("N", glyph.SIZE, glyph.SIZE, 1), "NCHW": ("N", 1, glyph.SIZE, glyph.SIZE)}
        expect(
            row.input.shape == sides.get(row.input.layout), f"{field}.input.shape", "N glyphs of 28×28", row.input.shape
        )
        outputs = ("N", len(manifest.classes))
        expect(
            row.output.shape == outputs, f"{field}.output.shape", f"{outputs} as there are classes", row.output.shape
        )
    usable = {row.name for row in manifest.usable}
    for choice in manifest.ranking:
        expect(choice.artifact in usable, "ranking", f"one of {sorted(usable)}", choice.artifact)
    for proof in manifest.proofs:
        expect(proof.artifact in names, "proofs", f"one of {sorted(names)}", proof.artifact)


def _is_plain(name: str) -> bool:
    return Path(name).name == name and not name.startswith(".")


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
        fits = images.shape == (count, glyph.SIZE, glyph.SIZE) and images.dtype == np.uint8 and count > 0
        fits &= all(logits[row.name].shape == (count, classes) for row in manifest.usable)
    except KeyError as missing:
        raise IntegrityError(f"{file}: expected the array {missing}, found none: convert the run again") from None
    if not fits:
        raise IntegrityError(f"{file}: the arrays' shapes do not fit the manifest: convert the run again")
    return Golden(images, labels, logits)
