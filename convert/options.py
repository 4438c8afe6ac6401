"""What a recipe may ask of convert: its sections [convert] and [gate]. The other sections are train's and are not read."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ConvertOptions:
    """[convert].

    artifacts: names of the variants to make; empty for all.
    temperature: divides the logits before softmax, > 0. Not fitted: the calibration images are training images, on which
        the model is more certain than it is on a device.
    threshold: a digit whose score is lower is rejected on the device, 0..1.
    """

    artifacts: tuple[str, ...] = ()
    temperature: float = 1.0
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature: expected a positive number, found {self.temperature}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold: expected a number in 0..1, found {self.threshold}")


@dataclass(frozen=True)
class GateOptions:
    """[gate]: what an artifact must keep to be usable.

    max_drop_points: how much less accurate than Keras on the same test images, percentage points, 0..100.
    min_accuracy: on the test images, 0..1.
    max_bytes: size of its file; null for any.
    """

    max_drop_points: float = 0.2
    min_accuracy: float = 0.0
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.max_drop_points <= 100:
            raise ValueError(f"max_drop_points: expected percentage points in 0..100, found {self.max_drop_points}")
        if not 0 <= self.min_accuracy <= 1:
            raise ValueError(f"min_accuracy: expected a share in 0..1, found {self.min_accuracy}")
        if self.max_bytes is not None and self.max_bytes <= 0:
            raise ValueError(f"max_bytes: expected a positive number, found {self.max_bytes}")


@dataclass(frozen=True)
class Options:
    convert: ConvertOptions = field(default_factory=ConvertOptions)
    gate: GateOptions = field(default_factory=GateOptions)
