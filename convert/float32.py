"""A model of mixed or double precision as one of float32, which is what every exporter and every device takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgeproof.errors import UsageError, first_line

if TYPE_CHECKING:
    import keras

FLOAT32 = "float32"


def as_float32(model: keras.Model) -> tuple[keras.Model, bool]:
    """The same model with float32 arithmetic and weights throughout, and whether that is another one than `model`.

    For Sequential and Functional models, also within each other. Raises UsageError for one that cannot be rebuilt.
    """
    dtypes = {dtype for layer in model._flatten_layers() for dtype in (layer.compute_dtype, layer.variable_dtype)}
    found = sorted(dtype for dtype in dtypes if _is_float(dtype) and dtype != FLOAT32)
    if not found:
        return model, False
    import keras

    try:
        rebuilt = keras.models.clone_model(model, clone_function=_copied)
    except Exception as error:  # whatever a layer's own code raises
        raise UsageError(
            f"the model computes in {', '.join(found)} and cannot be rebuilt in float32 ({first_line(error)}): save it with all "
            "layers of dtype float32"
        ) from None
    rebuilt.set_weights([np.asarray(weights, np.float32) for weights in model.get_weights()])
    return rebuilt, True


def _copied(layer: keras.layers.Layer) -> keras.layers.Layer:
    import keras

    if isinstance(layer, keras.Model):
        return keras.models.clone_model(layer, clone_function=_copied)
    return type(layer).from_config(_in_float32(layer.get_config()))


def _in_float32(config: Any) -> Any:
    """A layer's configuration with every `dtype` in it made float32, that of a wrapped layer and of the input too."""
    if isinstance(config, dict):
        return {
            key: FLOAT32 if key == "dtype" and _is_float(value) else _in_float32(value) for key, value in config.items()
        }
    return [_in_float32(value) for value in config] if isinstance(config, list) else config


def _is_float(dtype: Any) -> bool:
    """Whether a configured dtype, by its name or as a policy, is one of floating point."""
    name = dtype.get("config", {}).get("name", "") if isinstance(dtype, dict) else str(dtype)
    return "float" in name and "int" not in name  # int8_from_float32 is a model that Keras has quantized
