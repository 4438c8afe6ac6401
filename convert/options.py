"""What a recipe may ask of convert: its sections [convert] and [gate]. The other sections are train's and are not read."""

from __future__ import annotations

from dataclasses import dataclass, field

from convert.statistics import smallest_budget
from edgeproof.manifest import Temperature
from edgeproof.support.tables import check


@dataclass(frozen=True)
class ConvertOptions:
    """[convert].

    artifacts: names of the variants to make; empty for all.
    temperature: divides the logits before softmax, 0.05..20; null for what train fitted on its validation images. The
        calibration images would not do: they are training images, on which the model is more certain than on a device.
    threshold: a digit whose score is lower is rejected on the device, 0..1; null for what each artifact's own answers to
        the run's held-out images give (convert.proof.threshold).
    qat: whether to add the variants of quantization-aware training, which take a minute.
    prune: share of the channels of each layer to cut out, 0.05..0.9, for the pruned variants; null for none of them.
    """

    artifacts: tuple[str, ...] = ()
    temperature: float | None = None
    threshold: float | None = None
    qat: bool = False
    prune: float | None = None

    def __post_init__(self) -> None:
        check(self.temperature, Temperature | None, "temperature")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected a number in 0..1, found {self.threshold}")
        if self.prune is not None and not 0.05 <= self.prune <= 0.9:
            raise ValueError(f"prune: expected a share in 0.05..0.9, found {self.prune}")


@dataclass(frozen=True)
class GateOptions:
    """[gate]: what an artifact must keep to be usable.

    max_drop_points: how much less accurate than Keras it may be, percentage points, 0..100. Judged by the upper limit
        of the paired difference, so it must be more than the test set leaves open when nothing changed (0.03 points
        with 10,000 images). null: 0.2, or a tenth of Keras' own errors where that is more, up to 1 (answers
        to what a model hardly knows change easily, as often for the better), or twice that limit where few test images cannot
        show so little.
    min_accuracy: on the test images, 0..1.
    min_class_recall: right answers among the test images of the worst class, 0..1.
    max_bytes: size of its file; null for any.
    max_corruption_drop_points: like max_drop_points, for the worst kind of corruption. null: 5, or twice the limit.
    """

    max_drop_points: float | None = None
    min_accuracy: float = 0.0
    min_class_recall: float = 0.0
    max_bytes: int | None = None
    max_corruption_drop_points: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_drop_points", "max_corruption_drop_points"):
            points = getattr(self, name)
            if points is not None and not 0 <= points <= 100:
                raise ValueError(f"{name}: expected percentage points in 0..100, found {points}")
        for name in ("min_accuracy", "min_class_recall"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected a share in 0..1, found {getattr(self, name)}")
        if self.max_bytes is not None and self.max_bytes <= 0:
            raise ValueError(f"max_bytes: expected a positive number, found {self.max_bytes}")

    def drop_points(self, images: int, errors: float = 0.0) -> float:
        """What is permitted with so many test images, percentage points. errors: the share that Keras gets wrong, 0..1."""
        usual = max(0.2, min(1.0, 100 * errors / 10))
        return _points(self.max_drop_points, usual, images)

    def corruption_drop_points(self, images: int) -> float:
        """The same for so many images of one kind of corruption: they are hard, and answers to them change easily."""
        return _points(self.max_corruption_drop_points, 5.0, images)


@dataclass(frozen=True)
class Options:
    convert: ConvertOptions = field(default_factory=ConvertOptions)
    gate: GateOptions = field(default_factory=GateOptions)


def _points(chosen: float | None, usual: float, images: int) -> float:
    return max(usual, 200 * smallest_budget(images)) if chosen is None else chosen
