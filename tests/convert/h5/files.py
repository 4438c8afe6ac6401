"""HDF5 files for the tests, written by h5py alone: a small model as Keras 2 wrote it, for a test to change."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]


def layer(kind: str, name: str, **settings: Any) -> Config:
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **settings}}


def small() -> Config:
    """Flatten and Dense, float32 (N, 4, 4, 1) → (N, 3)."""
    layers = [
        layer("Flatten", "flat", batch_input_shape=[None, 4, 4, 1], data_format="channels_last"),
        layer("Dense", "dense", units=3, activation="linear", use_bias=True),
    ]
    return {"class_name": "Sequential", "config": {"name": "small", "layers": layers}}


def graph(*layers: Config, outputs: list[Any] | None = None) -> Config:
    """A Functional model of `layers`, each of which takes what the one before gives unless it says otherwise."""
    made = [layer("InputLayer", "image", batch_input_shape=[None, 4, 4, 1]), *copy.deepcopy(layers)]
    for i, each in enumerate(made):
        each["name"] = each["config"]["name"]
        each.setdefault("inbound_nodes", [[[made[i - 1]["name"], 0, 0, {}]]] if i else [])
    config = {"name": "graph", "layers": made, "input_layers": [["image", 0, 0]]}
    return {"class_name": "Functional", "config": {**config, "output_layers": outputs or [[made[-1]["name"], 0, 0]]}}


def write(path: Path, config: Config | str | None = None, weights: dict[str, dict[str, Any]] | None = None) -> Path:
    """An .h5 file with this configuration (`small` unless given) and these arrays by layer and name (those of `small`)."""
    if weights is None:
        random = np.random.default_rng(1)
        kernel, bias = random.normal(size=(16, 3)).astype(np.float32), np.arange(3, dtype=np.float32)
        weights = {"flat": {}, "dense": {"dense/kernel:0": kernel, "dense/bias:0": bias}}
    text = config if isinstance(config, str) else json.dumps(config or small())
    with h5py.File(path, "w") as file:
        attribute(file, "model_config", text)
        file.attrs["keras_version"], file.attrs["backend"] = "2.4.0", "tensorflow"
        root = file.create_group("model_weights")
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = [each.encode() for each in arrays]
            for each, values in arrays.items():
                group[each] = values
    return path


def attribute(file: h5py.File, name: str, text: str) -> None:
    """A text of any length; HDF5 keeps those beyond 64 kB elsewhere when it is asked to keep them by reference."""
    file.attrs.create(name, text, dtype=h5py.string_dtype())
