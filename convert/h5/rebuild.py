"""The described layers in Keras 3, with the weights of the file. They are made here, by name; nothing of the file is called."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convert.h5.config import Layer, Model, Tensor, where
from convert.h5.reading import Weight
from edgeproof.errors import MAX_REASON, IntegrityError, UsageError, first_line

if TYPE_CHECKING:
    import keras

#: How Keras 2 called a weight that is called otherwise now.
_OLDER_WEIGHTS = {"depthwise_kernel": "kernel"}
_WEIGHTS = frozenset(
    {"alpha", "beta", "bias", "count", "depthwise_kernel", "gamma", "kernel", "mean", "moving_mean", "moving_variance",
     "pointwise_kernel", "recurrent_kernel", "variance"}
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A layer of the file, what it has become in Keras 3, and what is inside it, in the file's order."""

    described: Layer | Model
    layer: Any
    inside: tuple[Made, ...] = ()

    @property
    def at(self) -> str:
        return where(self.described.name, self.described.kind)


def rebuild(described: Model, weights: Mapping[str, tuple[Weight, ...]]) -> keras.Model:
    """The Keras 3 model, float32 throughout. Raises UsageError for what Keras 3 cannot build, IntegrityError for bad weights."""
    made = _model(described, _Names())
    if not made.layer.built:
        raise UsageError("the file does not say which input the model takes: build it in Keras, and save it as .keras")
    if len(made.layer.outputs) < 1:
        raise IntegrityError("model_config: expected outputs, found none: save the model again")
    _fill(made, weights)
    model: keras.Model = made.layer
    return model


def layer_count(model: Model) -> int:
    """Layers in `model`, those of models in it too, without inputs."""
    return sum(layer_count(layer) if isinstance(layer, Model) else layer.kind != "InputLayer" for layer in model.layers)


class _Names:
    """Names that Keras 3 takes: without what a path or a terminal reads otherwise, each once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, name: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_.>-]", "_", name)[:100]
        while plain in self._given:
            plain += "_"
        self._given.add(plain)
        return plain


def _model(described: Model, names: _Names) -> Made:
    own = names.new(described.name)
    inner = _Names()  # each model has names of its own
    if described.calls is None:
        return _chain(described, own, inner)
    return _graph(described, described.calls, own, inner)


def _chain(described: Model, own: str, names: _Names) -> Made:
    """A Sequential model."""
    import keras

    made = tuple(_make(each, names) for each in described.layers)
    model = keras.Sequential(name=own)
    shape = getattr(described.layers[0], "shape", None)
    if shape is not None and described.layers[0].kind != "InputLayer":
        model.add(keras.Input(shape))
    for each in made:
        with _told(each.at):
            model.add(each.layer)
    return Made(described, model, made)


def _graph(described: Model, calls: Mapping[str, tuple[tuple[Tensor, ...], ...]], own: str, names: _Names) -> Made:
    """A Functional model: each call is made as soon as what it takes is there."""
    import keras

    made = {each.name: _make(each, names) for each in described.layers}
    tensors: dict[Tensor, Any] = {}
    for each in described.layers:
        if each.kind == "InputLayer":
            tensors[Tensor(each.name, 0, 0)] = made[each.name].layer.output
    waiting = [(name, i, call) for name, several in calls.items() for i, call in enumerate(several) if call]
    while waiting:
        later = []
        for name, i, call in waiting:
            if all(tensor in tensors for tensor in call):
                tensors |= _called(made[name], i, [tensors[tensor] for tensor in call])
            else:
                later.append((name, i, call))
        if len(later) == len(waiting):
            raise IntegrityError(
                f"model_config: {made[later[0][0]].at}: takes what no layer gives: save the model again"
            )
        waiting = later
    ends = (*described.inputs, *described.outputs)
    if not described.inputs or not described.outputs or any(tensor not in tensors for tensor in ends):
        raise IntegrityError(f"model_config: {described.name}: expected inputs and outputs: save the model again")
    inputs, outputs = ([tensors[tensor] for tensor in side] for side in (described.inputs, described.outputs))
    with _told(where(described.name, described.kind)):
        one = outputs[0] if len(outputs) == 1 else outputs
        model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, one, name=own)
    return Made(described, model, tuple(made[each.name] for each in described.layers))


def _called(made: Made, call: int, inputs: list[Any]) -> dict[Tensor, Any]:
    with _told(made.at):
        outputs = made.layer(inputs if len(inputs) > 1 else inputs[0])
    several = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    return {Tensor(made.described.name, call, i): output for i, output in enumerate(several)}


def _make(described: Layer | Model, names: _Names) -> Made:
    import keras

    if isinstance(described, Model):
        return _model(described, names)
    name = names.new(described.name)
    at = where(described.name, described.kind)
    with _told(at):
        if described.kind == "InputLayer":
            layer = keras.layers.InputLayer(shape=described.shape, dtype=described.settings["dtype"], name=name)
            return Made(described, layer)
        wrapped = [_make(each, _Names()).layer for each in described.inside]  # Bidirectional may have two
        inside = dict(zip(("layer", "backward_layer"), wrapped, strict=False))
        kind = getattr(keras.layers, described.kind)
        layer = kind(**inside, **_settings(described), name=name, dtype="float32")
        layer.trainable = described.trainable
        return Made(described, layer)


def _settings(described: Layer) -> dict[str, Any]:
    settings = dict(described.settings)
    if described.kind == "Normalization" and settings.get("mean") is None:
        settings = {key: value for key, value in settings.items() if key not in ("mean", "variance")}
    return settings


@contextlib.contextmanager
def _told(at: str) -> Iterator[None]:
    """What Keras objects to, in one line that names the layer."""
    try:
        yield
    except (UsageError, IntegrityError):
        raise
    except Exception as error:  # Keras raises whatever its layers raise
        if isinstance(error, MemoryError) or "OOM when allocating" in str(error):
            raise IntegrityError(
                f"{at}: asks for more memory than is permitted: expected weights as the file has"
            ) from None
        raise UsageError(f"{at}: Keras 3 cannot build it: {first_line(error)[:MAX_REASON]}") from None


def _fill(made: Made, weights: Mapping[str, tuple[Weight, ...]]) -> None:
    """Give each layer of the top model the arrays that the file has under its name."""
    known = {each.described.name for each in made.inside}
    for name in weights:
        if weights[name] and name not in known:
            raise IntegrityError(
                f"layer {name}: has weights in the file, but is none of the model: save the model again"
            )
    for each in made.inside:
        found, variables = weights.get(each.described.name, ()), _variables(each)
        if len(found) != len(variables):
            raise IntegrityError(
                f"{each.at}: expected {len(variables)} weights, found {len(found)} in the file: save the model again"
            )
        for weight, variable in zip(found, variables, strict=True):
            _assign(weight, variable, each.at)
    for leaf in _leaves(made):
        if leaf.described.kind == "Normalization":
            leaf.layer.finalize_state()


def _assign(weight: Weight, variable: Any, at: str) -> None:
    if tuple(variable.shape) != weight.values.shape:
        raise IntegrityError(
            f"{at}: {weight.name}: expected shape {tuple(variable.shape)}, found {weight.values.shape}: save the model again"
        )
    ours, theirs = (_last(name) for name in (variable.name, weight.name))
    if theirs in _WEIGHTS and ours != _OLDER_WEIGHTS.get(theirs, theirs) and ours != theirs:
        raise IntegrityError(f"{at}: expected {ours}, found {weight.name} in its place: save the model again")
    variable.assign(weight.values)


def _last(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]


def _variables(made: Made) -> list[Any]:
    """Its weights in the order in which both releases write them: those that are trained, then the others.

    A model inside another is one layer of the file: what is trained of all of its layers comes first.
    """
    leaves = list(_leaves(made))
    if isinstance(made.described, Model) and not made.described.trainable:
        return [variable for leaf in leaves for variable in _of_leaf(leaf)]
    trained = [variable for leaf in leaves for variable in leaf.layer.trainable_weights]
    return trained + [variable for leaf in leaves for variable in leaf.layer.non_trainable_weights]


def _of_leaf(leaf: Made) -> list[Any]:
    return [*leaf.layer.trainable_weights, *leaf.layer.non_trainable_weights]


def _leaves(made: Made) -> Iterator[Made]:
    if not isinstance(made.described, Model):
        yield made
    for each in made.inside:
        yield from _leaves(each)
