"""A recipe: one TOML file that says the whole job. `[data] [model] [train]` are read here.

`[convert]` and `[gate]` belong to the next stage and are passed on unread. Every other name is an error that says
the nearest known one: a mistyped key must not train for an hour with a default.
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgeproof.errors import UsageError
from edgeproof.files import sha256
from edgeproof.tables import from_table, nearest

OTHER_STAGES = ("convert", "gate")


@dataclass(frozen=True)
class DataSettings:
    """[data]: what is learned from."""

    name: str = "mnist"
    """Data set, one of train.data.PINNED."""
    glyph: Literal["ink-1", "none"] = "ink-1"
    """How a crop becomes a glyph at run time; "none" for picture-like classes, which are only resized."""
    validation: int = 10_000
    """The last so many training images are held out to choose by; at least 1."""
    fraction: float = 1.0
    """Share of the training images used, in (0, 1]; below 1 only to try something out."""
    through_glyph: float = 0.0
    """Share of the training images taken through edgeproof.glyph, in [0, 1], so that both kinds read alike."""
    negatives: int = 0
    """Drawn images that are no digits. Above 0 the classes end with "reject"."""

    def __post_init__(self) -> None:
        _within("validation", self.validation, 1, None)
        _within("fraction", self.fraction, 0, 1, above=True)
        _within("through_glyph", self.through_glyph, 0, 1)
        _within("negatives", self.negatives, 0, None)
        if self.glyph == "none" and (self.through_glyph or self.negatives):
            raise ValueError('glyph = "none" goes with neither through_glyph nor negatives')


@dataclass(frozen=True)
class ModelSettings:
    """[model]: the layers between the scaled image and the logits, in the words of train.models."""

    layers: tuple[str, ...]
    batch_norm: bool = True
    """Batch normalization after each convolution, before its ReLU."""
    batch_norm_momentum: float = 0.98
    """Of the moving statistics, in [0, 1); Keras' 0.99 has not converged after a few hundred steps, take 0.9 there."""

    def __post_init__(self) -> None:
        _within("batch_norm_momentum", self.batch_norm_momentum, 0, 1)


@dataclass(frozen=True)
class AugmentSettings:
    """[train.augment]: how far each training image is changed; all zero changes nothing.

    The first group happens to every image; the second, what a camera does to a glyph, each to its `camera` share.
    """

    rotate: float = 0.0
    """Up to ± degrees."""
    slant: float = 0.0
    """Horizontal shear up to ± degrees."""
    scale: float = 0.0
    """Each axis by up to ± this share."""
    shift: float = 0.0
    """Up to ± pixels."""
    elastic: float = 0.0
    """Standard deviation of a smooth displacement field, pixels."""
    stroke: float = 0.0
    """Strokes thicker or thinner by up to this share of one pixel on each side, in [0, 1]."""

    camera: float = 0.0
    """Share of the images that each of the following happens to, in [0, 1]."""
    blur: float = 0.0
    """Up to this weight of a 3×3 average, in [0, 1]."""
    uneven: float = 0.0
    """Ink paler by up to this share, smoothly over the glyph, in [0, 1]."""
    broken: float = 0.0
    """Radius of gaps in the strokes, pixels."""
    fragments: float = 0.0
    """Widest strip of a neighbour at the glyph's edge, pixels."""
    noise: float = 0.0
    """Standard deviation of the grain, as a share of full ink."""

    def __post_init__(self) -> None:
        for name in (spec.name for spec in dataclasses.fields(self)):
            _within(name, getattr(self, name), 0, None)
        for name in ("stroke", "camera", "blur", "uneven"):
            _within(name, getattr(self, name), 0, 1)


@dataclass(frozen=True)
class DistillSettings:
    """[train.distill]: learn from the answers of larger models beside the labels (Hinton et al., 2015)."""

    teachers: tuple[str, ...]
    """Recipes beside this one, without ".toml"; one whose run is missing is trained first. Their answers are averaged."""
    weight: float = 0.7
    """Share of the teachers' answer in the target, in [0, 1]; the label has the rest."""
    temperature: float = 2.0
    """The teachers' logits are divided by this: softer answers say more about the other classes. Above 0."""
    copies: int = 8
    """The teachers answer for so many augmented copies of each image once, and the student cycles through them."""

    def __post_init__(self) -> None:
        _within("weight", self.weight, 0, 1)
        _within("temperature", self.temperature, 0, None, above=True)
        _within("copies", self.copies, 1, None)
        if not self.teachers:
            raise ValueError("expected at least one teacher")


@dataclass(frozen=True)
class TrainSettings:
    """[train]: AdamW with a linear warm-up and a cosine to zero, on soft labels."""

    epochs: int
    batch: int = 128
    """Images per step."""
    seed: int = 1
    learning_rate: float = 2e-3
    """At the end of the warm-up."""
    warmup_epochs: float = 1.0
    weight_decay: float = 1e-3
    label_smoothing: float = 0.0
    """Share of the target spread over all classes, in [0, 1)."""
    target_accuracy: float = 0.0
    """On the test set, in [0, 1]; a run below it is not published."""
    expected_accuracy: float = 0.0
    """What it reached when it was measured, for a reader."""
    expected_minutes: float = 0.0
    """What it took on 2 cores, for a reader."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    distill: DistillSettings | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            _within(name, getattr(self, name), 1, None)
        _within("seed", self.seed, 0, None)
        _within("learning_rate", self.learning_rate, 0, None, above=True)
        for name in ("warmup_epochs", "weight_decay"):
            _within(name, getattr(self, name), 0, None)
        for name in ("label_smoothing", "target_accuracy"):
            _within(name, getattr(self, name), 0, 1)


@dataclass(frozen=True)
class Recipe:
    data: DataSettings
    model: ModelSettings
    train: TrainSettings
    name: str
    """Of the run; the file's name unless --name says another."""
    source: bytes
    """The file as it is, with what the later stages need."""

    @property
    def sha256(self) -> str:
        return sha256(self.source)


def load_recipe(path: Path, **overrides: Any) -> Recipe:
    """Read `path`. `overrides` replace single values: name, and fields of [data] and [train]; None leaves one alone.

    Raises UsageError, naming the file and the key.
    """
    try:
        source = path.read_bytes()
        table = tomllib.loads(source.decode())
    except FileNotFoundError:
        known = [recipe.stem for recipe in path.parent.glob("*.toml")]
        raise UsageError(f"no recipe {path}{nearest(path.stem, known) if known else ''}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: expected a TOML file: {error}") from None
    sections = {"data": DataSettings, "model": ModelSettings, "train": TrainSettings}
    for key in table:
        if key not in sections and key not in OTHER_STAGES:
            raise UsageError(f"{path}: unknown section [{key}]{nearest(key, [*sections, *OTHER_STAGES])}")
    name = overrides.pop("name", None) or path.stem
    for key, value in overrides.items():
        if value is not None:
            section = "data" if key in DataSettings.__dataclass_fields__ else "train"
            table.setdefault(section, {})[key] = value
    settings: dict[str, Any] = {
        key: from_table(cls, table.get(key, {}), f"{path.name} [{key}]") for key, cls in sections.items()
    }
    return Recipe(**settings, name=name, source=source)


def _within(name: str, value: float, low: float, high: float | None, *, above: bool = False) -> None:
    """Raise ValueError, a UsageError once past from_table, unless low ≤ value ≤ high (with `above`: low < value)."""
    too_low = value <= low if above else value < low
    if too_low or (high is not None and value > high):
        least = f"above {low}" if above else f"at least {low}"
        raise ValueError(f"{name}: expected {least}{'' if high is None else f' and at most {high}'}, found {value}")
