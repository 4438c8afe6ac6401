"""Which layers stay in float: the search, and a network of which two layers must."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.choose.float_layers import MAX_TRIALS, Trial, _names, float_layers
from convert.keras_model import quiet_tensorflow
from convert.options import ConvertOptions
from convert.pipeline import convert_run
from convert.proof.layer_error import LayerError
from convert.run_folder import Run, read_run
from edgeproof.manifest import Manifest
from edgeproof.run_folder import MODEL

#: What is lost with all layers in 8 bits; a hundredth of it is permitted.
ALL = 1.0
#: The second normalization, and the convolution that reads what it gives.
NEIGHBOURS = (("BatchNormalization", 1), ("Conv2D", 2))
STRENGTH = 1000.0


def errors(*decibels: float) -> list[LayerError]:
    return [LayerError(f"layer {number}", value) for number, value in enumerate(decibels)]


class Network:
    """A file is the list of its layers in float. `cured`: what each set of them takes away of what is lost."""

    def __init__(self, cured: dict[tuple[int, ...], float]) -> None:
        self.cured, self.tried = cured, []

    def attempt(self, layers: Sequence[int]) -> Trial:
        self.tried.append(tuple(layers))
        lost = ALL - sum(gain for cured, gain in self.cured.items() if set(cured) <= set(layers))
        return Trial(lost, None if lost <= 0.01 else "drop")


def found(network: Network, *decibels: float) -> tuple[int, ...] | None:
    return float_layers(errors(*decibels), network.attempt, Trial(ALL, "drop"))


def test_the_layer_behind_which_the_ratio_falls_most_is_tried_first() -> None:
    network = Network({(2,): 1.0})
    assert found(network, 40, 38, 3, 2) == (2,)
    assert network.tried == [(2,)]


def test_a_layer_may_need_the_one_before_it() -> None:
    network = Network({(1, 2): 1.0})
    assert found(network, 40, 38, 3, 2) == (1, 2)


def test_layers_are_added_until_the_file_passes() -> None:
    network = Network({(2,): 0.6, (0,): 0.4})
    assert found(network, 20, 19, 3, 2) == (0, 2)


def test_what_gains_nothing_is_given_up() -> None:
    network = Network({(3,): 0.05})  # less than a tenth of what is lost
    assert found(network, 20, 19, 3, 2) is None
    assert len(network.tried) == 7  # each layer, and each but the first with the one before it


def test_the_search_ends() -> None:
    network = Network({})
    assert found(network, *range(40, 0, -1)) is None
    assert len(network.tried) == MAX_TRIALS


def test_a_trial_that_lost_everything_helps_nothing() -> None:
    assert (
        float_layers(errors(20, 3), lambda _layers: Trial(math.inf, "the converter died"), Trial(ALL, "drop")) is None
    )


@pytest.mark.slow
def test_layers_have_names_where_they_are_a_chain() -> None:
    """In a network with a shortcut the files' order is not the model's: no name is better than a wrong one."""
    quiet_tensorflow()
    import keras

    layers = keras.layers
    chain = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(2, 3, name="first"), layers.Flatten(), layers.Dense(2)]
    )
    assert _names(chain, 2)[0] == "first"
    given = keras.Input((8, 8, 1))
    both = layers.Add()([layers.Conv2D(2, 3, name="a")(given), layers.Conv2D(2, 3, name="b")(given)])
    assert _names(keras.Model(given, both), 2) == ["layer 1", "layer 2"]


@pytest.fixture(scope="module")
def badly_scaled(run: Run, subject: Any, model: Any, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The bundle of the same network with one channel a thousand times as strong between two layers: the answers are the same,
    but in the 256 steps of that tensor nothing is left of the other channels."""
    network = subject.network()
    network.set_weights(model.get_weights())
    kinds = [type(layer).__name__ for layer in network.layers]
    normalized, reader = (
        network.layers[[i for i, kind in enumerate(kinds) if kind == name][at]] for name, at in NEIGHBOURS
    )
    gamma, beta, *statistics = normalized.get_weights()
    gamma[0] *= STRENGTH
    beta[0] *= STRENGTH
    normalized.set_weights([gamma, beta, *statistics])
    (kernel,) = reader.get_weights()
    kernel[:, :, 0] /= STRENGTH
    reader.set_weights([kernel])
    folder = Path(shutil.copytree(run.path, tmp_path_factory.mktemp("runs") / "scaled"))
    network.save(folder / MODEL)
    scaled = read_run(folder)
    asked = ConvertOptions(artifacts=("fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite"))
    scaled = replace(scaled, options=replace(scaled.options, convert=asked))
    return convert_run(scaled, tmp_path_factory.mktemp("bundle") / "scaled")


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_network_whose_int8_fails_keeps_its_guilty_layers_in_float(format: str, badly_scaled: Manifest) -> None:
    rows = {row.name: row for row in badly_scaled.artifacts}
    failed, mixed = rows[f"int8.{format}"], rows[f"int8-mixed.{format}"]
    assert failed.accuracy < 0.5
    assert mixed.accuracy > 0.95
    assert mixed.agreement > 0.99
    # Of so small a network so much is left in float that it may be refused: no smaller, or no faster, than the float file.
    assert ("2 of 4 layers in float: " in mixed.reason) == (mixed.status == "✅")
