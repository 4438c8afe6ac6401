"""A Keras 3 model as a list of steps, for those who rebuild it layer by layer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def graph_of(model: keras.Model) -> tuple[Any, list[tuple[Any, list[Any], Any]], Any]:
    """Input tensor, (layer, its input tensors, its output tensor) in the order of execution, output tensor.

    For Sequential and Functional models, also within each other, in which each layer is called once. Raises ValueError
    for others.
    """
    import keras

    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ValueError("expected a Sequential or Functional model: a subclassed one does not say how its layers meet")
    steps: list[tuple[Any, list[Any], Any]] = []

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        output = layer(*arguments, **options)
        inputs = arguments[0] if isinstance(arguments[0], (list, tuple)) else arguments[:1]
        if isinstance(layer, keras.Model):
            inner_source, inner_steps, inner_target = graph_of(layer)
            outside = {id(inner_source): inputs[0], id(inner_target): output}
            steps.extend(
                (inner, [outside.get(id(tensor), tensor) for tensor in taken], outside.get(id(given), given))
                for inner, taken, given in inner_steps
            )
        else:
            steps.append((layer, list(inputs), output))
        return output

    # Called once more with the layers themselves: a model inside the model does not say what it was called with.
    flat = keras.Model(model.inputs, model.outputs)
    traced = keras.models.clone_model(flat, clone_function=lambda layer: layer, call_function=call)
    for number, (layer, *_) in enumerate(steps):
        if any(layer is other for other, *_ in steps[:number]):
            raise ValueError(f"layer {layer.name}: expected to be called once, found several calls")
    return traced.inputs[0], steps, traced.outputs[0]


def chain_error(layer: Any, known: Iterable[str]) -> ValueError:
    """What to raise for a layer that is not among the `known` kinds."""
    return ValueError(
        f"layer {layer.name}: {type(layer).__name__} is not supported here; supported: {', '.join(sorted(known))}"
    )
