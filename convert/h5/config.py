"""The layers that a configuration describes and how they are joined, as plain values; nothing of Keras is needed to read it.

Keras 2 and Keras 3 write it differently: both are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from convert.h5.layers import OLDER_NAMES, SETTINGS, WRAPPERS, settings_of
from convert.h5.limits import MAX_CALLS, MAX_DIMENSIONS, MAX_LAYERS, MAX_NAME, MAX_NESTING
from edgeproof.errors import IntegrityError, UsageError

MODELS = ("Sequential", "Functional", "Model")
INPUT_TYPES = ("float32", "float64", "float16", "uint8", "int32", "int64")

Json: TypeAlias = Any
Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class Described:
    """config: the model's, parsed JSON; version: of Keras, "2.15.0", or "" where the file does not say; backend: so too."""

    config: dict[str, Any]
    version: str
    backend: str


@dataclass(frozen=True)
class Tensor:
    """What a layer gave: layer: its name; call: which of its calls, from 0; output: which of that call's outputs, from 0."""

    layer: str
    call: int
    output: int


@dataclass(frozen=True)
class Layer:
    """name, kind: as in the file, Conv2D; settings: for Keras 3; trainable: False for one that was frozen; shape: of the input
    without the batch, where this layer states it; inside: of a wrapper, the wrapped layers.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    trainable: bool = True
    shape: Shape | None = None
    inside: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Model:
    """layers: in the file's order; calls: by layer, the tensors that each of its calls takes; None for a chain (Sequential);
    inputs, outputs: of the graph.
    """

    name: str
    trainable: bool
    layers: tuple[Layer | Model, ...]
    calls: dict[str, tuple[tuple[Tensor, ...], ...]] | None
    inputs: tuple[Tensor, ...] = ()
    outputs: tuple[Tensor, ...] = ()

    @property
    def kind(self) -> str:
        return "Sequential" if self.calls is None else "Functional"


def read_model(described: Described) -> Model:
    """The model of a file. Raises UsageError for a layer or setting that is not known, IntegrityError for what is damaged."""
    if described.backend == "theano":
        raise UsageError("was trained on Theano, whose convolutions turn their kernels: save it as .keras from there")
    keras2 = not described.version.startswith("3")
    found = _model(described.config, 0, [0], keras2)
    if not isinstance(found, Model):
        raise UsageError(
            f"expected a Sequential or Functional model, found {found.kind}: save it as .keras with Keras 3"
        )
    return found


def where(name: str, kind: str) -> str:
    """How messages name a layer."""
    return f"layer {name} ({kind})"


def _model(described: Json, depth: int, count: list[int], keras2: bool) -> Model | Layer:
    """A layer, or a model with all in it. `count` has the number of layers so far."""
    count[0] += 1
    if count[0] > MAX_LAYERS or depth > MAX_NESTING:
        raise IntegrityError(
            f"expected at most {MAX_LAYERS:,} layers and {MAX_NESTING} models in each other, found more"
        )
    kind, config = _text(described, "class_name"), described.get("config")
    if kind not in MODELS or described.get("registered_name") not in (None, kind):
        return _layer(described, keras2)
    if kind == "Sequential" and isinstance(config, list):  # before Keras 2.2.3
        config = {"name": described.get("name", "sequential"), "layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        _damaged(f"{kind}: expected layers")
    layers = tuple(_model(each, depth + 1, count, keras2) for each in config["layers"])
    name = _name(config.get("name") or described.get("name"), kind)
    if len({layer.name for layer in layers}) < len(layers) or not layers:
        _damaged(f"{where(name, kind)}: expected layers of different names")
    trainable = config.get("trainable", True) is not False
    if kind == "Sequential":
        shape = config.get("build_input_shape")
        if shape is not None and layers[0].kind != "InputLayer" and getattr(layers[0], "shape", None) is None:
            first = Layer(f"{name}_input", "InputLayer", {"dtype": "float32"}, shape=_shape(shape, name))
            layers = (first, *layers)
        return Model(name, trainable, layers, None)
    return _graph(name, trainable, layers, config)


def _graph(name: str, trainable: bool, layers: tuple[Layer | Model, ...], config: dict[str, Json]) -> Model:
    """A Functional model."""
    calls = {
        layer.name: tuple(
            _call(node, where(layer.name, layer.kind)) for node in _list(described.get("inbound_nodes", []))
        )
        for layer, described in zip(layers, config["layers"], strict=True)
    }
    inputs, outputs = (_tensors(config.get(key), key) for key in ("input_layers", "output_layers"))
    if sum(map(len, calls.values())) > MAX_CALLS:
        raise IntegrityError(f"expected at most {MAX_CALLS:,} calls of layers, found more")
    # Some releases count the calls of a model inside from 1, its own making being call 0. All calls that a file has lead
    # to its outputs, so the lowest that is named is the first.
    named = [tensor for each in calls.values() for call in each for tensor in call] + list(outputs)
    first = {layer.name: 0 for layer in layers}
    for layer in layers:
        if isinstance(layer, Model):
            first[layer.name] = min((tensor.call for tensor in named if tensor.layer == layer.name), default=0)
    lowered = {
        key: tuple(tuple(_lowered(tensor, first) for tensor in call) for call in each) for key, each in calls.items()
    }
    return Model(name, trainable, layers, lowered, inputs, tuple(_lowered(tensor, first) for tensor in outputs))


def _lowered(tensor: Tensor, first: dict[str, int]) -> Tensor:
    return Tensor(tensor.layer, tensor.call - first.get(tensor.layer, 0), tensor.output)


def _layer(described: dict[str, Json], keras2: bool) -> Layer:
    config = described.get("config")
    config = config if isinstance(config, dict) else {}
    written = _text(described, "class_name")
    kind = OLDER_NAMES.get(written, written)
    name = _name(config.get("name") or described.get("name"), kind)
    at = where(name, written)
    _check_known(kind, described, at)
    if kind in WRAPPERS:
        inside = [config.get("layer"), *([config["backward_layer"]] if config.get("backward_layer") else [])]
        if any(not isinstance(each, dict) or each.get("class_name") in (*MODELS, *WRAPPERS) for each in inside):
            raise UsageError(f"{at}: expected one layer in it, found something else: build the model without it")
        wrapped = tuple(_layer(each, keras2) for each in inside)
    else:
        wrapped = ()
    settings = settings_of(kind, config, at, keras2=keras2)
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if shape is None and config.get("input_shape") is not None:
        shape = [None, *_list(config["input_shape"])]
    if kind == "InputLayer":
        dtype = config.get("dtype") or "float32"
        if dtype not in INPUT_TYPES or shape is None:
            raise UsageError(
                f"{at}: expected numbers of a stated shape, found type {dtype!r:.60} and shape {shape!r:.60}"
            )
        settings = {"dtype": dtype}
    trainable = config.get("trainable", True) is not False
    return Layer(name, kind, settings, trainable, None if shape is None else _shape(shape, name), wrapped)


def _check_known(kind: str, described: dict[str, Json], at: str) -> None:
    """Raises UsageError for what is not in the table of layers, with the way out."""
    if kind == "Lambda":
        raise UsageError(f"{at}: carries code, which is not run: replace it by a layer of Keras and train again")
    if kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
        raise UsageError(
            f"{at}: is an operation of TensorFlow between the layers: write it as a layer (Add, Rescaling, …) and save the model "
            "as .keras"
        )
    module = described.get("module")
    foreign = isinstance(module, str) and module.split(".")[0] not in ("keras", "tf_keras")
    if kind not in SETTINGS or foreign or described.get("registered_name") not in (None, described["class_name"]):
        raise UsageError(
            f"{at}: is no layer that is known here: load the model in the program that defines it, save it as .keras, and give "
            "that to `convert run --model FILE --import MODULE`"
        )


def _call(node: Json, at: str) -> tuple[Tensor, ...]:
    """The tensors that one call takes."""
    if isinstance(node, dict):  # Keras 3
        arguments, options = _list(node.get("args")), node.get("kwargs") or {}
        if len(arguments) != 1:
            raise UsageError(f"{at}: is called with {len(arguments)} arguments: expected one, or one list")
        tensors = [_keras_tensor(each, at) for each in (arguments[0] if isinstance(arguments[0], list) else arguments)]
        _check_options(options, at)
        return tuple(tensors)
    found = []
    node = _list(node)
    for each in map(_list, [node] if node and isinstance(node[0], str) else node):
        if len(each) not in (3, 4):
            _damaged(f"{at}: expected [layer, call, output, options]")
        _check_options(each[3] if len(each) == 4 else {}, at)
        found.append(_tensor(each[:3], at))
    return tuple(found)


def _check_options(options: Json, at: str) -> None:
    """A call's other arguments: none that changes the answers."""
    if not isinstance(options, dict):
        _damaged(f"{at}: expected options")
    for key, value in options.items():
        if value is not None and not (key == "training" and value is False):
            raise UsageError(f"{at}: is called with {key!r:.60}, which is not supported: call it with its input alone")


def _keras_tensor(value: Json, at: str) -> Tensor:
    if not isinstance(value, dict) or value.get("class_name") != "__keras_tensor__":
        raise UsageError(f"{at}: is called with a constant: expected the outputs of other layers alone")
    config = value.get("config")
    return _tensor(config.get("keras_history") if isinstance(config, dict) else None, at)


def _tensors(value: Json, at: str) -> tuple[Tensor, ...]:
    listed = _list(value)
    return tuple(_tensor(each, at) for each in ([listed] if listed and isinstance(listed[0], str) else listed))


def _tensor(value: Json, at: str) -> Tensor:
    layer, call, output = value if isinstance(value, list) and len(value) == 3 else (None, None, None)
    if not isinstance(layer, str) or type(call) is not int or type(output) is not int or call < 0 or output < 0:
        _damaged(f"{at}: expected [layer, call, output]")
    return Tensor(layer, call, output)


def _shape(value: Json, name: str) -> Shape:
    """Without the batch, which may be any."""
    shape = _list(value)
    if not 2 <= len(shape) <= MAX_DIMENSIONS or not all(
        size is None or (type(size) is int and 0 < size <= 100_000) for size in shape[1:]
    ):
        raise IntegrityError(f"layer {name}: expected a shape of an input, found {value!r:.60}: save the model again")
    return tuple(shape[1:])


def _name(value: Json, kind: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        _damaged(f"{kind}: expected a name of at most {MAX_NAME} characters")
    return value


def _text(described: Json, key: str) -> str:
    value = described.get(key) if isinstance(described, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME:
        _damaged(f"expected {key}")
    return value


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        _damaged(f"expected a list, found {value!r:.60}")
    return value


def _damaged(what: str) -> NoReturn:
    raise IntegrityError(f"model_config: {what}: save the model again")
