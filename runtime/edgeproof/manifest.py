"""The manifest: what a bundle says of each of its files and how well it was proven; written, read and checked here.

It carries a checksum of itself. Everything that does not fit is an IntegrityError that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.errors import IntegrityError
from edgeproof.support import files, tables

SCHEMA = 1
MANIFEST = "manifest.json"

GLYPH_SIZE = 28  # side of a glyph, pixels
Convention = Literal["ink-1", "none"]  # how a crop becomes a glyph: by `edgeproof.glyph`, or merely resized
Format = Literal["onnx", "tflite"]
Precision = Literal["fp32", "fp16", "int8", "int8-dynamic", "int16x8"]
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
    format: Format
    precision: Precision
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
    backend: str
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
    backend: str
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
    glyph: Convention
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


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON with its own checksum in the last key."""
    table = tables.to_table(manifest)
    table["checksum"] = checksum_of(table)
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def checksum_of(table: Mapping[str, Any]) -> str:
    """What the manifest `table`, without its last key, has to state in it."""
    return files.sha256(json.dumps(table, sort_keys=True, ensure_ascii=False).encode())


def read_manifest(path: Path) -> Manifest:
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
    if stated != checksum_of(table):
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
        expect(is_plain(name), "attachments", "plain file names", name)
    for row in manifest.artifacts:
        field = f"artifacts[{row.name}]"
        if row.deciding is not None:
            stated = row.deciding.threshold
            expect(0 <= stated <= 1, f"{field}.deciding.threshold", "a number in 0..1", stated)
        if row.file is not None:
            expect(is_plain(row.file), f"{field}.file", "a plain file name", row.file)
        if row.status != "✅":
            continue
        if row.file is None or row.input is None or row.output is None:
            raise IntegrityError(f"{where}: {field}: a usable artifact needs file, input and output")
        sides = {"NHWC": ("N", GLYPH_SIZE, GLYPH_SIZE, 1), "NCHW": ("N", 1, GLYPH_SIZE, GLYPH_SIZE)}
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


def is_plain(name: str) -> bool:
    return Path(name).name == name and not name.startswith(".")
