"""What `python -m train tune` may change of a recipe: its section [tune].

    [tune]
    trials = 30
    epochs = 4                    # of a trial; the recipe that is written keeps its own
    fraction = 0.3                # of the training images
    max_parameters = 50_000       # about the bytes of the int8 file
    max_macs = 3_100_000

    [tune.space]
    "train.learning_rate" = { low = 1e-3, high = 1e-2, log = true }
    "train.augment.rotate" = { low = 0.0, high = 15.0 }
    "model.layers[1]" = { low = 16, high = 48, step = 8, text = "conv {} 3x3" }
    "model.layers[0]" = { choices = ["conv 16 3x3 stride 2", "conv 16 5x5 stride 2"] }

A range of two whole numbers gives whole numbers. Every end and every choice is tried on the recipe before the first
trial, so that a mistyped one is found now and not in an hour.
"""

from __future__ import annotations

import copy
import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgeproof.errors import UsageError
from edgeproof.support.tables import from_table, nearest
from train.recipe import AugmentSettings, DataSettings, ModelSettings, Recipe, TrainSettings, make_recipe

Table = dict[str, Any]
Value = int | float | str | bool

#: What says how a trial is measured, and not what is measured.
_FIXED = (
    "train.epochs",
    "train.seed",
    "train.patience",
    "train.deterministic",
    "train.init_from",
    "train.target_accuracy",
    "train.expected_accuracy",
    "train.expected_minutes",
)


@dataclass(frozen=True)
class Dimension:
    """One value of the recipe: from `low` to `high`, both included, or one of `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    """Only low, low + step, …"""
    log: bool = False
    """Equal ratios are equally likely, for learning rates and widths."""
    choices: tuple[Any, ...] = ()
    text: str = ""
    """The value of the recipe is this, with the number in the place of {}."""

    def __post_init__(self) -> None:
        if self.choices:
            if (self.low, self.high, self.step, self.log, self.text) != (None, None, None, False, ""):
                raise ValueError("choices go with nothing else")
            for choice in self.choices:
                if not isinstance(choice, Value):
                    raise ValueError(f"choices: expected numbers, words or true and false, found {choice!r}")
            return
        if self.low is None or self.high is None:
            raise ValueError("expected low and high, or choices")
        if not self.low < self.high:
            raise ValueError(f"expected low below high, found {self.low} and {self.high}")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("log goes with a low above 0, and with no step")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step: expected above 0, found {self.step}")
        if self.whole and isinstance(self.step, float):
            raise ValueError(f"step: expected a whole number as low and high are, found {self.step}")
        if self.text and self.text.count("{}") != 1:
            raise ValueError(f"text: expected {{}} once, found '{self.text}'")

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Value, ...]:
        """The extreme values, or all choices."""
        return self.choices or typing.cast(tuple[Value, ...], (self.low, self.high))

    def written(self, value: Value) -> Value:
        """As the recipe has it."""
        return self.text.replace("{}", str(value)) if self.text else value

    def read(self, written: Any) -> Value | None:
        """The inverse of `written`; None for what this dimension cannot give."""
        if self.choices:
            return typing.cast(Value, written) if written in self.choices else None
        if self.text:
            before, after = map(re.escape, self.text.split("{}"))
            found = re.fullmatch(rf"{before}([0-9.e+-]+){after}", str(written))
            try:
                written = (int if self.whole else float)(found[1]) if found else None
            except ValueError:
                return None
        if not isinstance(written, int | float) or isinstance(written, bool) or (self.whole and written % 1):
            return None
        assert self.low is not None and self.high is not None
        on_grid = not self.step or abs((written - self.low) / self.step % 1) < 1e-9
        return written if self.low <= written <= self.high and on_grid else None


@dataclass(frozen=True)
class TuneSettings:
    """[tune]: where to search, how long, and what the result may cost."""

    space: dict[str, Dimension]
    """By the name of the value in the recipe, "section.key" or "section.key[index]"."""
    trials: int = 30
    """In all, those of earlier and of other processes included."""
    epochs: int | None = None
    """Of one trial; as [train] says if not given."""
    fraction: float | None = None
    """Share of the training images in a trial; as [data] says if not given."""
    pruner: Literal["median", "hyperband", "none"] = "median"
    """Ends trials that are worse than the others were at that epoch."""
    max_parameters: int | None = None
    """A model with more is not trained. As int8 each takes a byte; the file has a few kilobytes besides."""
    max_macs: int | None = None
    """Multiplications and additions per image, counted over all layers: what decides the latency."""

    def __post_init__(self) -> None:
        if not self.space:
            raise ValueError("space: expected at least one value to search, found none")
        for name in ("trials", "epochs", "max_parameters", "max_macs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name}: expected at least 1, found {value}")


def read_tune(path: Path, source: bytes, table: Table) -> TuneSettings:
    """The [tune] of a recipe, proven on it. Raises UsageError, naming the file and the key."""
    if "tune" not in table:
        raise UsageError(
            f"{path}: expected a section [tune] that says what to search, as in train/space.py; found none"
        )
    settings = from_table(TuneSettings, table["tune"], f"{path.name} [tune]")
    known = _known(table)
    for name, dimension in settings.space.items():
        where = f"{path.name} [tune] space"
        if name not in known:
            raise UsageError(f"{where}: unknown '{name}'{nearest(name, known)}")
        for end in dimension.ends:
            try:
                trial_recipe(path, source, table, settings, {name: end})
            except UsageError as error:
                raise UsageError(f"{where}: '{name}' cannot be {dimension.written(end)!r}: {error}") from None
    return settings


def trial_recipe(
    path: Path, source: bytes, table: Table, settings: TuneSettings, values: Mapping[str, Value], /, **overrides: Any
) -> Recipe:
    """The recipe of one trial: that of `table` with `values`, and as short as [tune] says."""
    changed = with_values(table, settings, values)
    return make_recipe(
        path, source, changed, epochs=settings.epochs, fraction=settings.fraction, target_accuracy=0.0, **overrides
    )


def with_values(table: Table, settings: TuneSettings, values: Mapping[str, Value]) -> Table:
    """A copy of `table` with `values` in their places."""
    changed = copy.deepcopy(table)
    for name, value in values.items():
        *outer, last = _keys(name)
        inner: Any = changed
        for key in outer:
            inner = inner[key] if isinstance(key, int) else inner.setdefault(key, {})
        inner[last] = settings.space[name].written(value)
    return changed


def own_values(table: Table, settings: TuneSettings) -> dict[str, Value]:
    """Where in the space the recipe itself is; without those of its values that the space does not have."""
    defaults = {"data": DataSettings(), "model": None, "train": TrainSettings(epochs=1)}
    found = {}
    for name, dimension in settings.space.items():
        section, *keys = _keys(name)
        inner: Any = table.get(str(section), {})
        default: Any = defaults[str(section)]
        for key in keys:
            if isinstance(key, int):
                inner = inner[key]
            else:
                default = getattr(default, key, None)
                inner = inner.get(key, default if not dataclasses.is_dataclass(default) else {})
        value = dimension.read(inner)
        if value is not None:
            found[name] = value
    return found


def _known(table: Table) -> list[str]:
    """Every name that a space may have for the recipe `table`."""
    names = ["data.through_glyph", *_names("train", TrainSettings), *_names("model", ModelSettings)]
    names += [f"train.augment.{field.name}" for field in dataclasses.fields(AugmentSettings)]
    layers = table.get("model", {}).get("layers", []) if isinstance(table.get("model"), dict) else []
    names += [f"model.layers[{index}]" for index in range(len(layers))]
    return [name for name in names if name not in _FIXED]


def _names(section: str, cls: type) -> list[str]:
    """Those of single values."""
    hints = typing.get_type_hints(cls)
    return [f"{section}.{name}" for name, hint in hints.items() if not _is_table(hint)]


def _is_table(hint: Any) -> bool:
    if isinstance(hint, types.UnionType):
        return any(_is_table(choice) for choice in typing.get_args(hint))
    return dataclasses.is_dataclass(hint) or typing.get_origin(hint) is tuple


def _keys(name: str) -> list[str | int]:
    """ "model.layers[1]" → model, layers, 1."""
    return [int(word) if word.isdecimal() else word for word in re.findall(r"\w+", name)]
