"""What a bundle says of each of its files and how well it was proven: the tables of its manifest, field by field.

A field has a range of its own, written beside its type. `edgeproof.manifest_file` writes, reads and checks the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgeproof import scores
from edgeproof.input_contract import InputContract
from edgeproof.support import tables
from edgeproof.support.tables import Pattern, Range, Text

SCHEMA: Literal[2] = 2

PageVersion = Literal["page-1"]  # which numbers say what stands on a page, by `edgeproof.page.context`
Format = Literal["onnx", "tflite"]
Precision = Literal["fp32", "fp16", "int8", "int8-dynamic", "int16x8"]
Status = Literal["✅", "❎", "❌"]  # passed · exported, but failed its proof · could not be exported

MAX_FILE_BYTES = 256 * 2**20  # of a file of a bundle: a classifier of small images is kilobytes, seldom megabytes
MAX_CLASSES = 1000
MAX_GOLDEN = 4096  # golden inputs: they are replayed whenever a model is opened
GOLDEN_BYTES = 2**26  # of golden inputs that a converter writes, with the answers of the usual number of artifacts

Name = Annotated[str, Text(100)]
Sentence = Annotated[str, Text(10_000, least=0)]
ClassName = Annotated[str, Text(64)]
Sha256 = Annotated[str, Pattern("[0-9a-f]{64}", "64 hexadecimal digits")]
#: What can stand in a folder on any machine, and is no path out of it and no hidden file.
FileName = Annotated[str, Pattern(r"[\w+-][\w.+-]{0,99}", "a plain file name"), Text(100)]
Count = Annotated[int, Range(0, 1e9)]
Rate = Annotated[float, Range(0, 1)]
#: Beyond, every answer would look as likely as every other, or certain: train searches 1/8 to 8.
Temperature = Annotated[float, Range(0.05, 20)]
#: Log odds: e^20 is more than there are images in any data set. convert searches −8 to 8.
RejectBias = Annotated[float, Range(-20, 20)]
Scale = Annotated[float, Range(1e-12, 1e6)]
ZeroPoint = Annotated[int, Range(-(2**15), 2**15)]
Axis = Annotated[int, Range(1, 2**16)] | Literal["N"]


@dataclass(frozen=True)
class TensorSpec:
    """One tensor of a converted file, as read back from that file.

    name: the tensor's name in the file.
    dtype: what the runtime is fed, or gives.
    layout: axis order; N = batch, C = channels or classes, H = rows, W = columns.
    shape: size per axis; "N" for the dynamic batch.
    scale, zero_point: real value = scale · (raw − zero_point); null for a float tensor.
    """

    name: Sentence
    dtype: Literal["float32", "float16", "uint8", "int8", "int16"]
    layout: Literal["NHWC", "NCHW", "NC"]
    shape: tuple[Axis, ...]
    scale: Scale | None = None
    zero_point: ZeroPoint | None = None


@dataclass(frozen=True)
class Share:
    """`count` of `of`; low, high: Wilson 95 % interval of the share, 0..1 (all of it where `of` is 0)."""

    count: Count
    of: Count
    low: Rate
    high: Rate

    def __post_init__(self) -> None:
        tables.require(self.count <= self.of, "count", f"at most {self.of}", self.count)
        tables.require_between(self.low, self.count / self.of if self.of else 0.0, self.high, "low, high")


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
    threshold: Rate
    reason: Sentence
    validation: Decided
    test: Decided
    reject_bias: RejectBias = 0.0


@dataclass(frozen=True)
class Artifact:
    """One exported file and what was measured of it, on all test images, on the runtime that will run it.

    name: "<precision>[-<how>].<format>".
    file: file name inside the bundle; null when it could not be exported or did not pass.
    bytes: size of the file.
    correct, images: right answers among the test images; accuracy = correct / images, in 0..1.
    accuracy_low, accuracy_high: Wilson 95 % interval of the accuracy.
    accuracy_through_glyph: accuracy when each test image is treated as a crop of a picture, in 0..1; null where images are
        no glyphs.
    agreement: share of test images with the same answer as Keras, in 0..1.
    max_probability_difference: largest |p − p of Keras| over all test images and classes, in 0..1.
    proven_on: runtime with version, and the CPU with the instruction sets that matter to kernels.
    corrupted: accuracy per kind of corruption (blur, noise, …) on a part of the test images, in 0..1; empty if not measured.
    deciding: from which score on its answers are taken; null where the run had no images held out for that.
    status, reason: ✅ usable · ❎ exported, not usable · ❌ not exported; the reason in words.
    """

    name: FileName
    format: Format
    precision: Precision
    status: Status
    reason: Sentence
    file: FileName | None = None
    sha256: Sha256 | None = None
    bytes: Annotated[int, Range(0, MAX_FILE_BYTES)] = 0
    input: TensorSpec | None = None
    output: TensorSpec | None = None
    correct: Count = 0
    images: Count = 0
    accuracy: Rate = 0.0
    accuracy_low: Rate = 0.0
    accuracy_high: Rate = 0.0
    accuracy_through_glyph: Rate | None = None
    agreement: Rate = 0.0
    max_probability_difference: Rate = 0.0
    proven_on: Sentence = ""
    corrupted: dict[str, Rate] = field(default_factory=dict, hash=False)
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

    artifact: Name
    backend: Name
    version: Name
    correct: Count
    images: Count
    accuracy_low: Rate
    accuracy_high: Rate
    lost: Count
    gained: Count
    drop_limit: Annotated[float, Range(-1, 1)]
    p: Rate
    agreement: Rate
    max_probability_difference: Rate
    mean_probability_difference: Rate
    recall: dict[str, Rate]
    calibration_error: Rate


@dataclass(frozen=True)
class Choice:
    """One row of the ranking, best first: which artifact on which backend, and why it stands there.

    p50_ms: median time of one image on the machine that converted, for orientation only; milliseconds.
    """

    artifact: Name
    backend: Name
    p50_ms: Annotated[float, Range(0, 1e6)]
    reason: Sentence


@dataclass(frozen=True)
class HeldOut:
    """What a page scorer makes of drawn pages that it was not fitted on, by seeds and by kinds of page.

    read: of the digits that the reader found on them and the model knows, those that are read. wrong: of what is read, what is no
    digit, or another one.
    """

    pages: Count
    read: Share
    wrong: Share


@dataclass(frozen=True)
class PageScorer:
    """The fitted scorer of what stands on a page, `edgeproof.scorer`.

    sha256: of page.json. version: of the numbers that it takes. held_out: as its file states it.
    """

    sha256: Sha256
    version: PageVersion
    held_out: HeldOut


@dataclass(frozen=True)
class Manifest:
    """What a device must know of a bundle.

    name: of the bundle; classes: name per output, the last may be "reject"; input: what its models take.
    temperature: divides the logits before softmax, > 0; threshold: a lower score is rejected, 0..1, where the artifact has no
        threshold of its own.
    ranking: what `auto` walks, best first; every row names a ✅ artifact.
    golden_sha256: of golden.npz. report_sha256: of report.html, null when there is none.
    page: how digits and other things on a page are told apart; null for a bundle that has no page.json.
    proofs: what was measured per artifact and runtime. attachments: sha256 of each other file, which no runtime opens.
    source: where it comes from (recipe and its sha256, data set fingerprint, library versions, metrics of Keras).
    """

    schema: Literal[2]
    name: Name
    classes: tuple[ClassName, ...]
    input: InputContract
    artifacts: tuple[Artifact, ...]
    ranking: tuple[Choice, ...]
    golden_sha256: Sha256
    report_sha256: Sha256 | None = None
    temperature: Temperature = 1.0
    threshold: Rate = 0.0
    source: dict[str, Any] | None = None
    proofs: tuple[Proof, ...] = ()
    attachments: dict[str, Sha256] = field(default_factory=dict)
    page: PageScorer | None = None

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


def check_classes(classes: tuple[str, ...]) -> None:
    """Raises ValueError when `classes` cannot be the names of a model's outputs."""
    for name in classes:
        tables.check(name, ClassName, "classes")
    tables.require(2 <= len(classes) <= MAX_CLASSES, "classes", f"2 to {MAX_CLASSES} names", len(classes))
    tables.require(len(set(classes)) == len(classes), "classes", "different names", classes)
    rejects = [name for name in classes if name.strip().casefold() == scores.REJECT]
    right = [scores.REJECT] if classes[-1] == scores.REJECT else []
    tables.require(rejects == right, "classes", f"'{scores.REJECT}', so written, only as the last", rejects)
