"""A recipe: one TOML file that says the whole job. `[data] [model] [train]` are read here.

`[convert]` and `[gate]` belong to the next stage and are passed on unread; `[tune]` is train.tune.space's. Every other name
is an error that says the nearest known one: a mistyped key must not train for an hour with a default.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgeproof.errors import UsageError
from edgeproof.input_contract import CONVENTIONS, GLYPHS, INK, InputContract, Resize
from edgeproof.support.files import sha256
from edgeproof.support.tables import from_table, nearest, to_table

OTHER_STAGES = ("convert", "gate", "tune")
#: Of [data]: which of the images are learned from, chosen by and tested on.
SPLIT = ("test", "validation", "validation_from", "fraction", "per_class")
#: [data] resize, by what [data] glyph said when images were 28×28; "ink-1" stays what it is.


@dataclass(frozen=True)
class DataSettings:
    """[data]: what is learned from."""

    name: str = "mnist"
    """Data set, one of train.data.datasets.NAMES, or "own"."""
    path: str = ""
    """Of "own": a folder with one sub-folder of pictures per class, or an .npz; as in train/data/own.py."""
    test: float = 0.2
    """Of "own": share of the images to test with, in (0, 1), where there are no folders train/ and test/."""
    strict: bool = False
    """Of "own": a picture that cannot be read ends the run instead of being skipped."""
    resize: Resize = "ink-1"
    """How a picture becomes what the model takes: "ink-1" of writing; of pictures "stretch", "fit" or "crop"."""
    validation: int | float = 10_000
    """So many training images are held out to choose by: a number from 1, or a share below 1."""
    validation_from: Literal["first", "last"] = "last"
    """Which end of the training set those are."""
    fraction: float = 1.0
    """Share of the training images used, in (0, 1]; below 1 only to try something out."""
    per_class: int = 0
    """So many training images of each class are drawn and the rest is left out; 0 for all: what few images teach."""
    through_glyph: float = 0.0
    """Share of the training images taken through edgeproof.glyph, in [0, 1], so that both kinds read alike."""
    hands: int = 0
    """Drawn digits that join the training: forms that MNIST's writers do not use, a 1 with a long flag, a crossed 7."""
    negatives: int = 0
    """Drawn images that are no digits. Above 0 the classes end with "reject"."""
    negatives_expected: float = 0.0
    """Share of non-digits among what will be read, in [0, 1). The training holds more of them, so that enough are seen;
    afterwards "reject" gets the prior odds of this share instead. 0 leaves the prior alone."""

    def __post_init__(self) -> None:
        share = isinstance(self.validation, float)
        _within("validation", self.validation, 0 if share else 1, 1 if share else None, above=share)
        _within("test", self.test, 0, 1, above=True)
        _within("fraction", self.fraction, 0, 1, above=True)
        _within("per_class", self.per_class, 0, None)
        _within("through_glyph", self.through_glyph, 0, 1)
        _within("hands", self.hands, 0, None)
        _within("negatives", self.negatives, 0, None)
        _within("negatives_expected", self.negatives_expected, 0, 0.99)
        if self.negatives_expected and not self.negatives:
            raise ValueError("negatives_expected: goes with negatives")
        if self.resize != INK and (self.through_glyph or self.hands or self.negatives):
            raise ValueError(f'resize = "{self.resize}" goes with neither through_glyph nor hands nor negatives')
        if self.hands and self.name != "mnist":
            raise ValueError(f'hands: digits go with name = "mnist", found "{self.name}"')
        if self.name == "own" and self.negatives:
            raise ValueError('negatives are drawn for digits; with name = "own" fill a class named reject instead')
        if self.path and self.name != "own":
            raise ValueError(f'path, and --data, go with name = "own", found "{self.name}"')


@dataclass(frozen=True)
class ModelSettings:
    """[model]: the layers between the scaled image and the logits, in the words of train.models, or a function."""

    layers: tuple[str, ...] = ()
    model: str = ""
    """"package.module:function" of one's own, or of train.applications, instead: function(classes), or
    function(classes, input_shape), → a keras.Model as train.models requires it."""
    activation: Literal["relu", "relu6", "hard-swish"] = "relu"
    """Of the convolutions and dense layers that say none of their own. With relu6 int8 knows the range beforehand."""
    batch_norm: bool | Literal["before", "after"] = True
    """Batch normalization after each convolution: "before" its activation, which is what true means, or "after" it.

    Before, it costs nothing on a device, for it becomes part of the convolution."""
    batch_norm_momentum: float = 0.98
    """Of the moving statistics, in [0, 1); Keras' 0.99 has not converged after a few hundred steps, take 0.9 there."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What `layers` compute in; weights, image and logits are float32 always. bfloat16 is for teachers: on a CPU with AMX
    convolutions train some four times as fast. Normalizing a large picture takes half of that back, so say
    `batch_norm = false` and "norm" where the picture has become small."""
    input: tuple[int, ...] = ()
    """Height, width and channels (1 or 3) of what the model takes; empty for the data set's own, or 28×28×1."""

    def __post_init__(self) -> None:
        _within("batch_norm_momentum", self.batch_norm_momentum, 0, 1)
        if self.input and len(self.input) != 3:
            raise ValueError(f"input: expected height, width and channels, found {list(self.input)}")
        if bool(self.layers) == bool(self.model):
            raise ValueError('expected either layers or model = "package.module:function"')
        if self.precision != "float32" and self.model:
            raise ValueError("precision: goes with layers; a function of one's own gives its layers a dtype")

    @property
    def norm_placement(self) -> Literal["before", "after"] | None:
        """Where batch normalization stands by its convolution's activation; null for none."""
        return "before" if self.batch_norm is True else self.batch_norm or None


#: What [train.augment] has for one kind of image only: ink by its writing, a picture by its light and its place.
OF_INK = ("stroke", "broken", "fragments")
OF_PICTURES = ("crop", "flip", "brightness", "contrast", "saturation", "hue", "cutout")
OF_COLOUR = ("saturation", "hue")


@dataclass(frozen=True)
class AugmentSettings:
    """[train.augment]: how far each training image is changed; all zero changes nothing.

    The first group happens to every image; the second, what a camera does to it, each to its `camera` share; the third is of
    pictures alone, and happens to each of them. `stroke`, `broken` and `fragments` are of ink alone (resize = "ink-1").
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
    """Standard deviation of a smooth displacement field, up to so many pixels."""
    stroke: float = 0.0
    """Strokes thicker or thinner by up to this share of one pixel on each side, in [0, 1]."""

    camera: float = 0.0
    """Share of the images that each of the following happens to, in [0, 1]."""
    blur: float = 0.0
    """Up to this weight of a 3×3 average, in [0, 1]."""
    uneven: float = 0.0
    """Ink paler, or a picture darker, by up to this share, smoothly over the image, in [0, 1]."""
    broken: float = 0.0
    """Radius of gaps in the strokes, pixels."""
    fragments: float = 0.0
    """Widest strip of a neighbour at the glyph's edge, pixels."""
    noise: float = 0.0
    """Standard deviation of the grain, as a share of full ink, or of white."""

    crop: int = 0
    """Shifted by up to ± whole pixels; what comes in at the edge is the picture mirrored."""
    flip: bool = False
    """Half of the pictures mirrored, left for right: only where a mirror image is of the same class."""
    brightness: float = 0.0
    """Lighter or darker by up to ± this share, in [0, 1]."""
    contrast: float = 0.0
    """Farther from the picture's mean or nearer to it by up to ± this share, in [0, 1]."""
    saturation: float = 0.0
    """More or less colour by up to ± this share, in [0, 1]; of three channels."""
    hue: float = 0.0
    """Colours turned by up to ± degrees of the colour circle, in [0, 180]; of three channels."""
    cutout: int = 0
    """Side of a grey square that hides a part, pixels."""

    def __post_init__(self) -> None:
        for name in (spec.name for spec in dataclasses.fields(self)):
            _within(name, getattr(self, name), 0, None)
        for name in ("stroke", "camera", "blur", "uneven", "brightness", "contrast", "saturation"):
            _within(name, getattr(self, name), 0, 1)
        _within("hue", self.hue, 0, 180)

    def milder(self) -> AugmentSettings:
        """What happens to every image by half as much; what a camera does as before."""
        halved = ("rotate", "slant", "scale", "shift", "elastic", "stroke")
        return dataclasses.replace(self, **{name: getattr(self, name) / 2 for name in halved})

    def said(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that change something."""
        return [name for name in names if getattr(self, name)]


@dataclass(frozen=True)
class DistillSettings:
    """[train.distill]: learn from the answers of larger models beside the labels (Hinton et al., 2015)."""

    teachers: tuple[str, ...]
    """Recipes beside this one, without ".toml"; one without a run is `NAME.keras` there, else trained first. Their answers are
    averaged."""
    weight: float = 0.7
    """Share of the teachers' answers in the loss, in [0, 1]; the label has the rest."""
    temperature: float = 2.0
    """The teachers' logits and, to be compared with them, the student's are divided by this: softer answers say more
    about the other classes. Above 0. The label's share of the loss is on the plain logits."""
    copies: int = 8
    """The teachers answer for so many augmented copies of each image once, and the student cycles through them. All are held
    in memory, those of the mild epochs beside them (in number their share of the epochs)."""

    def __post_init__(self) -> None:
        _within("weight", self.weight, 0, 1)
        _within("temperature", self.temperature, 0, None, above=True)
        _within("copies", self.copies, 1, None)
        if not self.teachers:
            raise ValueError("expected at least one teacher")


@dataclass(frozen=True)
class TrainSettings:
    """[train]: how long, how fast, on which targets. The loss is cross-entropy on soft labels."""

    epochs: int
    batch: int = 128
    """Images per step."""
    seed: int = 1
    optimizer: Literal["adamw", "adam", "rmsprop"] = "adamw"
    learning_rate: float = 2e-3
    """The highest; at step 0, or at the end of the warm-up."""
    schedule: Literal["cosine", "constant", "inverse-time"] = "cosine"
    """Cosine: a linear warm-up, then half a cosine to zero. Inverse-time: learning_rate / (1 + decay · step)."""
    warmup_epochs: float = 1.0
    """Of the cosine."""
    decay: float = 0.0
    """Of inverse-time, per step."""
    weight_decay: float = 1e-3
    """Of AdamW."""
    label_smoothing: float = 0.0
    """Share of the target spread over all classes, in [0, 1)."""
    ema: float = 0.0
    """Momentum of a moving average of the weights over the steps, in [0, 1): the average is validated and kept. 0: none.

    The moving statistics of batch normalization are averages as they are."""
    patience: int = 0
    """The training ends after so many epochs without a better one; 0 for never."""
    deterministic: bool = False
    """Two runs on CPU give bit-equal weights, somewhat more slowly."""
    init_from: str = ""
    """A run to begin with, by name or by path; its layers before the head must be those of [model]."""
    freeze: int | Literal["features"] = 0
    """Of a run begun with another: so many layers, counted from the image, keep their weights; "features": all but the
    head."""
    target_accuracy: float = 0.0
    """On the test set, in [0, 1]; a run below it is not published."""
    expected_accuracy: float = 0.0
    """What it reached when it was measured, for a reader."""
    expected_minutes: float = 0.0
    """What it took on 2 cores, for a reader."""
    mild_epochs: int = 0
    """In so many epochs at the end each image is changed half as far: the last steps are on what will be read."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    distill: DistillSettings | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            _within(name, getattr(self, name), 1, None)
        _within("seed", self.seed, 0, None)
        _within("learning_rate", self.learning_rate, 0, None, above=True)
        for name in ("warmup_epochs", "decay", "weight_decay", "patience"):
            _within(name, getattr(self, name), 0, None)
        for name in ("label_smoothing", "target_accuracy"):
            _within(name, getattr(self, name), 0, 1)
        _within("ema", self.ema, 0, 0.99999)
        if self.freeze != "features":
            _within("freeze", self.freeze, 0, None)
        if self.freeze and not self.init_from:
            raise ValueError("freeze: goes with init_from; random weights are not worth keeping")
        _within("mild_epochs", self.mild_epochs, 0, self.epochs)
        if self.decay and self.schedule != "inverse-time":
            raise ValueError(f'decay: goes with schedule = "inverse-time", found "{self.schedule}"')


@dataclass(frozen=True)
class Recipe:
    data: DataSettings
    model: ModelSettings
    train: TrainSettings
    name: str
    """Of the run; the file's name unless --name says another."""
    source: bytes
    """The file as it is, with what the later stages need."""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    """What the command line said otherwise than the file, but for the data's place: run.json repeats it."""

    @property
    def sha256(self) -> str:
        return sha256(self.source)

    def contract(self, shape: tuple[int, ...] = GLYPHS.shape) -> InputContract:
        """What its model takes; `shape`: of the data set's images, (H, W) or (H, W, 3). Raises UsageError."""
        size = self.model.input or (*shape, 1)[:3]
        table = {"size": size[:2], "channels": size[-1], "resize": self.data.resize}
        contract = from_table(InputContract, table, f"{self.name}: [model] input with [data] resize")
        coloured = self.train.augment.said(OF_COLOUR)
        if coloured and contract.channels == 1:
            raise UsageError(f"{self.name}: [train.augment] {coloured[0]}: expected colour, found {contract}")
        return contract

    @property
    def job(self) -> dict[str, Any]:
        """Every setting that has a say in the weights, flat: "train.epochs": 20."""
        sections = {"data": self.data, "model": self.model, "train": self.train}
        table = {f"{name}.{key}": value for name, part in sections.items() for key, value in to_table(part).items()}
        # The path is no setting of its own: what is in the folder has a fingerprint.
        for key in ("train.target_accuracy", "train.expected_accuracy", "train.expected_minutes", "data.path"):
            del table[key]
        return table


def upgraded_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """The `Recipe.job` that an earlier release wrote, as this one would: with the default of each setting that came later."""
    later = {
        f"{name}.{setting.name}": to_table(setting.default)
        for name, section in {"data": DataSettings, "model": ModelSettings, "train": TrainSettings}.items()
        for setting in dataclasses.fields(section)
        if setting.default is not dataclasses.MISSING
    }
    known = {**later, **job}
    known["train.augment"] = {**to_table(AugmentSettings()), **known.get("train.augment", {})}
    if "data.glyph" in known:
        known["data.resize"] = CONVENTIONS[known.pop("data.glyph")]
    return known


def load_recipe(path: Path, /, **overrides: Any) -> Recipe:
    """Read `path`. `overrides` replace single values: name, and fields of [data] and [train]; None leaves one alone.

    Raises UsageError, naming the file and the key.
    """
    source, table = read_recipe(path)
    return make_recipe(path, source, table, **overrides)


def read_recipe(path: Path) -> tuple[bytes, dict[str, Any]]:
    """The file as it is, and its tables. Raises UsageError."""
    try:
        source = path.read_bytes()
        table = tomllib.loads(source.decode())
    except FileNotFoundError:
        known = [recipe.stem for recipe in path.parent.glob("*.toml")]
        raise UsageError(f"no recipe {path}{nearest(path.stem, known) if known else ''}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: expected a TOML file: {error}") from None
    if isinstance(table.get("model"), str):
        table["model"] = {"model": table["model"]}
    data = table.get("data")
    if isinstance(data, dict) and "resize" not in data and data.get("glyph") in tuple(CONVENTIONS):
        data["resize"] = CONVENTIONS[data.pop("glyph")]  # as the key was called then
    return source, table


def make_recipe(path: Path, source: bytes, table: dict[str, Any], /, **overrides: Any) -> Recipe:
    """As `load_recipe`, of what `read_recipe` gave; `table` gets the `overrides`."""
    sections = {"data": DataSettings, "model": ModelSettings, "train": TrainSettings}
    for key in table:
        if key not in sections and key not in OTHER_STAGES:
            raise UsageError(f"{path}: unknown section [{key}]{nearest(key, [*sections, *OTHER_STAGES])}")
    name = overrides.pop("name", None) or path.stem
    given = {key: value for key, value in overrides.items() if value is not None}
    for key, value in given.items():
        section = "data" if key in DataSettings.__dataclass_fields__ else "train"
        table.setdefault(section, {})[key] = value
    settings: dict[str, Any] = {
        key: from_table(cls, table.get(key, {}), f"{path.name} [{key}]") for key, cls in sections.items()
    }
    _require_fitting(path, settings["train"].augment, settings["data"].resize)
    given.pop("path", None)  # a place on this machine; data.fingerprint says what was learned from
    return Recipe(**settings, name=name, source=source, overrides=given)


def _require_fitting(path: Path, augment: AugmentSettings, resize: Resize) -> None:
    """Raise UsageError for what is done to ink alone, or to pictures alone, and here to the other."""
    kinds = ("pictures", "ink") if resize == INK else ("ink", "pictures")
    wrong = augment.said(OF_PICTURES if resize == INK else OF_INK)
    if wrong:
        raise UsageError(
            f'{path.name} [train.augment]: expected what goes with {kinds[1]}, [data] resize being "{resize}"; found what '
            f"goes with {kinds[0]} only: {', '.join(wrong)}"
        )


def _within(name: str, value: float, low: float, high: float | None, *, above: bool = False) -> None:
    """Raise ValueError, a UsageError once past from_table, unless low ≤ value ≤ high (with `above`: low < value)."""
    too_low = value <= low if above else value < low
    if too_low or (high is not None and value > high):
        least = f"above {low}" if above else f"at least {low}"
        raise ValueError(f"{name}: expected {least}{'' if high is None else f' and at most {high}'}, found {value}")
