"""Beginning a training with the weights of another run: what was learned on many images helps with few.

The recipe still says every layer; the run gives the weights. The last layer that has weights is the head: it is taken
over when both runs know the same classes, and begins anew when they do not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import keras

from edgeproof.errors import IntegrityError, UsageError
from edgeproof.run_folder import MODEL
from edgeproof.support.files import sha256


@dataclass(frozen=True)
class InitialWeights:
    """A run whose weights another begins with. sha256: of its model file."""

    path: Path
    classes: tuple[str, ...]
    sha256: str


def find_initial_weights(init_from: str, runs: Path) -> InitialWeights:
    """The run that `init_from` means: a path if it looks like one, else a name in the folder `runs`.

    Raises UsageError when there is none, or when it is a file instead of a run folder: an .h5 may run code on loading.
    """
    path = Path(init_from) if len(Path(init_from).parts) > 1 else runs / init_from
    if path.is_file():
        raise UsageError(
            f"init_from: expected a run folder, found the file {path}: models of unknown origin are not loaded"
        )
    if not (path / MODEL).is_file():
        raise UsageError(f"init_from: expected a run, found none at {path}: train it first, or name another")
    path = path.resolve()  # the link may be replaced while we read: stay with one run
    try:
        classes = tuple(json.loads((path / "run.json").read_bytes())["classes"])
    except (OSError, ValueError, KeyError, TypeError):
        raise IntegrityError(f"init_from: {path / 'run.json'}: expected the classes of a run, found none") from None
    return InitialWeights(path, classes, sha256(path / MODEL))


def begin_with(model: keras.Model, initial: InitialWeights, classes: tuple[str, ...]) -> None:
    """Give `model`, which is to know `classes`, the weights of the run `initial`, layer by layer.

    Raises UsageError when the layers before the head are not of the same shapes.
    """
    mine, theirs = _weighted(model), _weighted(load_model(initial.path / MODEL))
    pairs = list(zip(mine[:-1], theirs[:-1], strict=False))
    for ours, other in pairs:
        if _shapes(ours) != _shapes(other):
            raise UsageError(
                f"init_from {initial.path}: expected {ours.name} with weights {_shapes(ours)} as in [model], "
                f"found {other.name} with {_shapes(other)}: give both recipes the same layers"
            )
    if len(mine) != len(theirs):
        raise UsageError(f"init_from {initial.path}: expected {len(mine)} layers with weights, found {len(theirs)}")
    if initial.classes == classes:
        pairs.append((mine[-1], theirs[-1]))
    for ours, other in pairs:
        ours.set_weights(other.get_weights())


def freeze(model: keras.Model, what: int | Literal["features"]) -> None:
    """Keep the first `what` layers with weights as they are, or with "features" all but the head.

    A batch normalization belongs to the layer before it: frozen, it also keeps its moving statistics.
    """
    count = 0
    for layer in _weighted(model)[:-1]:
        count += not isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = what != "features" and count > what


def thaw(model: keras.Model) -> None:
    """Undo `freeze`: the product of a run is a plain model, whatever it was trained from."""
    for layer in model.layers:
        layer.trainable = True


def load_model(path: Path) -> keras.Model:
    """The model of a run. Keras' safe mode refuses those that carry code. Raises IntegrityError."""
    try:
        return keras.models.load_model(path, safe_mode=True)
    except Exception as error:  # zip, HDF5, JSON and Keras each have their own
        raise IntegrityError(f"{path}: expected a whole Keras model without code in it, found: {error}") from error


def _weighted(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
