"""Which models of a run are opened, and which are refused before anything of them runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from convert.keras_model import load_model
from convert.run_folder import read_run
from edgeproof.errors import EdgeproofError, IntegrityError, UsageError

pytestmark = pytest.mark.slow


def other_weights(folder: Path, model: Any) -> None:
    import keras

    twin = keras.models.clone_model(model)
    twin.set_weights([weights * 1.1 for weights in model.get_weights()])
    twin.save(folder / "model.keras")


def softmax_at_the_end(folder: Path, model: Any) -> None:
    import keras

    keras.Sequential([model, keras.layers.Softmax()]).save(folder / "model.keras")


def lambda_inside(folder: Path, model: Any) -> None:
    import keras

    keras.Sequential([model, keras.layers.Lambda(lambda x: x)]).save(folder / "model.keras")


def other_shape(folder: Path, _: Any) -> None:
    import keras

    keras.Sequential([keras.layers.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]).save(
        folder / "model.keras"
    )


def hdf5(folder: Path, model: Any) -> None:
    model.save(folder / "model.h5")
    (folder / "model.h5").replace(folder / "model.keras")


def truncated(folder: Path, _: Any) -> None:
    content = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(content[: len(content) // 2])


def damaged_inside(folder: Path, _: Any) -> None:
    content = bytearray((folder / "model.keras").read_bytes())
    content[len(content) // 2] ^= 0xFF  # inside the weights: the archive's directory is at its end
    (folder / "model.keras").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (other_weights, IntegrityError, r"its probabilities differ from golden\.npz by"),
        (softmax_at_the_end, UsageError, "ends in softmax"),
        (lambda_inside, UsageError, "has a Lambda layer"),
        (other_shape, UsageError, r"expected input and output \(\(None, 28, 28, 1\), \(None, 10\)\), found"),
        (hdf5, IntegrityError, r"is no \.keras file"),
        (truncated, IntegrityError, r"is no \.keras file, or truncated"),
        (damaged_inside, IntegrityError, "Keras cannot load it|its probabilities differ"),
    ],
)
def test_models_that_are_refused(
    copied_run: Path, model: Any, damage: Callable[[Path, Any], None], error: type[EdgeproofError], message: str
) -> None:
    damage(copied_run, model)
    with pytest.raises(error, match=message):
        load_model(read_run(copied_run))
