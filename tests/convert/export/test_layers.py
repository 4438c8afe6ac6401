"""A model read layer by layer."""

from __future__ import annotations

from typing import Any

import pytest

from convert.export.layers import graph_of

pytestmark = pytest.mark.slow


def test_a_nested_model_is_read_as_one_chain(model: Any) -> None:
    import keras

    nested = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(2.0), model])
    source, steps, target = graph_of(nested)
    names = [type(layer).__name__ for layer, _, _ in steps]
    assert names[:3] == ["Rescaling", "Rescaling", "Conv2D"]
    tensor = source
    for _, inputs, output in steps:
        assert [id(one) for one in inputs] == [id(tensor)], "each takes what the one before it gave"
        tensor = output
    assert tensor is target
