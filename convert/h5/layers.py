"""Which layers are known, and which of their settings make them compute what they compute.

What is not in these tables is refused by name: a setting that is passed over in silence would be another model.
"""

from __future__ import annotations

import math
from typing import Any

from edgeproof.errors import UsageError

_FILTER = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_CONV = ("filters", "groups", *_FILTER)
_POOL = ("pool_size", "strides", "padding")
_GLOBAL = ("keepdims",)
_RECURRENT = (
    "units",
    "activation",
    "use_bias",
    "dropout",
    "recurrent_dropout",
    "return_sequences",
    "go_backwards",
    "unroll",
)
_GATED = (*_RECURRENT, "recurrent_activation")

#: Settings that are handed on, by layer.
SETTINGS: dict[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AlphaDropout": ("rate",),
    "Average": (),
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Bidirectional": ("merge_mode",),
    "Concatenate": ("axis",),
    "Conv1D": _CONV,
    "Conv2D": _CONV,
    "Conv2DTranspose": ("filters", "output_padding", *_FILTER),
    "Cropping2D": ("cropping",),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv2D": ("depth_multiplier", *_FILTER),
    "Dot": ("axes", "normalize"),
    "Dropout": ("rate",),
    "ELU": ("alpha",),
    "Flatten": (),
    "GRU": (*_GATED, "reset_after"),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "GlobalAveragePooling1D": _GLOBAL,
    "GlobalAveragePooling2D": _GLOBAL,
    "GlobalMaxPooling1D": _GLOBAL,
    "GlobalMaxPooling2D": _GLOBAL,
    "InputLayer": (),
    "LSTM": _GATED,
    "LayerNormalization": ("axis", "epsilon", "center", "scale"),
    "LeakyReLU": ("negative_slope",),
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "Maximum": (),
    "Minimum": (),
    "Multiply": (),
    "Normalization": ("axis", "mean", "variance", "invert"),
    "PReLU": ("shared_axes",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "RepeatVector": ("n",),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": ("filters", "depth_multiplier", *_FILTER),
    "SimpleRNN": _RECURRENT,
    "Softmax": ("axis",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "Subtract": (),
    "TimeDistributed": (),
    "UpSampling1D": ("size",),
    "UpSampling2D": ("size", "interpolation"),
    "ZeroPadding1D": ("padding",),
    "ZeroPadding2D": ("padding",),
}
#: Layers around another layer.
WRAPPERS = ("Bidirectional", "TimeDistributed")
#: What older releases called them.
OLDER_NAMES = {"BatchNormalizationV1": "BatchNormalization", "BatchNormalizationV2": "BatchNormalization"}
OLDER_KEYS = {("LeakyReLU", "alpha"): "negative_slope"}
#: What Keras 2 did where a file says nothing, and Keras 3 does not.
OLDER_DEFAULTS: dict[str, dict[str, Any]] = {"GRU": {"reset_after": False}}

#: Settings that change nothing of what a trained model computes, and endings of such.
_WITHOUT_EFFECT = frozenset(
    {"autocast", "backward_layer", "batch_input_shape", "batch_shape", "batch_size", "build_config", "dtype", "fused",
     "gptq_unpacked_column_size", "implementation", "input_dim", "input_dtype", "input_length", "input_shape",
     "input_spec", "layer", "lora_alpha", "lora_rank", "name", "noise_shape", "optional", "quantization_config",
     "renorm_clipping", "renorm_momentum", "seed", "supports_masking", "synchronized", "trainable", "unit_forget_bias",
     "use_cudnn", "virtual_batch_size", "zero_output_for_mask"}
)  # fmt: skip
_ENDINGS_WITHOUT_EFFECT = ("_initializer", "_regularizer", "_constraint")
#: Settings of which only these values are taken and none is handed on, with what to do about others.
_ONLY: dict[str, tuple[tuple[Any, ...], str]] = {
    "data_format": ((None, "channels_last"), "build the model with channels last, which is what devices compute"),
    "sparse": ((None, False), "give it plain arrays"),
    "ragged": ((None, False), "give it plain arrays"),
    "stateful": ((None, False), "build it with stateful=False"),
    "return_state": ((None, False), "build it with return_state=False"),
    "time_major": ((None, False), "build it with the time behind the batch"),
    "renorm": ((None, False), "train it with renorm=False"),
    "rms_scaling": ((None, False), "build it with rms_scaling=False"),
    "lora_enabled": ((None, False), "merge the added weights before saving"),
    "adjustment": ((None,), "build it without"),
    "groups": ((None, 1), "build it without groups"),
}
_ACTIVATIONS = (
    "elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6", "selu",
    "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh",
)  # fmt: skip
_WORDS: dict[str, tuple[str | None, ...]] = {
    "activation": (None, *_ACTIVATIONS),
    "recurrent_activation": (None, *_ACTIVATIONS),
    "padding": ("valid", "same", "causal"),
    "interpolation": ("nearest", "bilinear"),
    "merge_mode": (None, "concat", "sum", "mul", "ave"),
}
_MAX_NUMBER = 1e7  # of a setting; the largest is what a Reshape or Dense of a large picture has
_MAX_NUMBERS = 4_096  # in a setting; the longest is a mean per channel


def settings_of(kind: str, config: dict[str, Any], where: str, *, keras2: bool) -> dict[str, Any]:
    """The settings to build a layer of `kind` with, plain numbers and known words. Raises UsageError naming the setting.

    `where` is how messages name the layer. `keras2`: the file was written by Keras 2.
    """
    settings = dict(OLDER_DEFAULTS.get(kind, {}))
    for key, value in config.items():
        name = OLDER_KEYS.get((kind, key), key)
        if name in SETTINGS[kind]:
            settings[name] = _checked(kind, name, value, where)
        elif key in _ONLY:
            if value not in _ONLY[key][0]:
                raise UsageError(
                    f"{where}: {key} {_shown(value)} is not supported: {_ONLY[key][1]}, train it and save it as .keras"
                )
        elif key not in _WITHOUT_EFFECT and not key.endswith(_ENDINGS_WITHOUT_EFFECT):
            raise UsageError(f"{where}: its setting {_shown(key)} is unknown: save the model as .keras with Keras 3")
    if keras2 and "hard_sigmoid" in settings.values():
        raise UsageError(
            f"{where}: hard_sigmoid is another function in Keras 3 than in Keras 2, which wrote the file: train it with sigmoid"
        )
    return settings


def _checked(kind: str, key: str, value: Any, where: str) -> Any:
    if isinstance(value, dict) and value.get("type") == "ndarray":  # how Keras 2 wrote a number of numpy's
        value = value.get("value")
    if key in _WORDS and (kind, key) not in (("ZeroPadding1D", "padding"), ("ZeroPadding2D", "padding")):
        if not isinstance(value, (str, type(None))) or value not in _WORDS[key]:
            raise UsageError(f"{where}: {key} {_shown(value)} is not supported: build the model with a known one")
        return value
    if not _plain(value):
        raise UsageError(f"{where}: {key}: expected numbers up to {_MAX_NUMBER:,.0f}, found {_shown(value)}")
    if kind == "BatchNormalization" and key == "axis" and isinstance(value, list) and len(value) == 1:
        return value[0]  # as Keras 2 wrote it
    return value


def _plain(value: Any) -> bool:
    """Whether it is nothing, a number, or a list of such, of a size that a setting has."""
    level = [value]
    for _ in range(6):
        if not all(_number(each) for each in level if not isinstance(each, list)) or len(level) > _MAX_NUMBERS:
            return False
        level = [inner for each in level if isinstance(each, list) for inner in each]
        if not level:
            return True
    return False


def _number(value: Any) -> bool:
    return value is None or (
        isinstance(value, (bool, int, float)) and math.isfinite(value) and abs(value) <= _MAX_NUMBER
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
