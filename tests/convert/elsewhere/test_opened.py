"""Files of other versions of Keras: opened, or refused with both versions and the real reason."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.elsewhere.opened import open_elsewhere
from edgeproof.errors import IntegrityError, UsageError

pytestmark = pytest.mark.slow

KERAS_2 = """
import sys
import numpy as np, tf_keras
from tf_keras import layers
tf_keras.utils.set_random_seed(1)
model = tf_keras.Sequential([
    layers.Conv2D(4, 3, activation="relu", input_shape=(12, 12, 1)), layers.BatchNormalization(), layers.Dropout(0.5),
    layers.Flatten(), layers.Dense(3, activation="softmax"),
])
model.save(sys.argv[1])
images = np.random.default_rng(1).random((5, 12, 12, 1), np.float32)
np.savez(sys.argv[2], images=images, answers=model(images, training=False).numpy())
"""


def test_a_file_of_keras_2_answers_as_it_did_there(tmp_path: Path) -> None:
    file, answers = tmp_path / "old.keras", tmp_path / "answers.npz"
    subprocess.run([sys.executable, "-c", KERAS_2, file, answers], check=True, capture_output=True)
    with zipfile.ZipFile(file) as archive:
        assert json.loads(archive.read("metadata.json"))["keras_version"].startswith("2.")
    with np.load(answers) as kept:
        found = np.asarray(open_elsewhere(file)(kept["images"], training=False))
        assert np.abs(found - kept["answers"]).max() < 1e-5


@pytest.fixture
def small(tmp_path: Path, model: Any) -> Path:
    file = tmp_path / "small.keras"
    model.save(file)
    return file


def rewritten(file: Path, change: Callable[[dict[str, Any], dict[str, Any]], None]) -> None:
    """Change its configuration and its metadata."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config, metadata = json.loads(parts["config.json"]), json.loads(parts["metadata.json"])
    change(config, metadata)
    parts |= {"config.json": json.dumps(config).encode(), "metadata.json": json.dumps(metadata).encode()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_file_of_another_version_that_cannot_be_loaded_names_both(small: Path) -> None:
    def change(config: dict[str, Any], metadata: dict[str, Any]) -> None:
        config["config"]["layers"][1]["config"]["of_tomorrow"] = True
        metadata["keras_version"] = "3.99.0"

    rewritten(small, change)
    with pytest.raises(
        UsageError,
        match=r"was saved by Keras 3\.99\.0, here is [\d.]+: .*of_tomorrow.*load it in Keras 3\.99\.0, save it as \.h5",
    ):
        open_elsewhere(small)


def test_a_damaged_file_of_this_version_says_what_keras_says(small: Path) -> None:
    rewritten(small, lambda config, _: config["config"]["layers"][1]["config"].update(of_tomorrow=True))
    with pytest.raises(IntegrityError, match=r"Keras cannot load it: .*of_tomorrow.*: save it again"):
        open_elsewhere(small)


def test_a_class_that_is_unknown_is_named_with_the_way_in(small: Path) -> None:
    def change(config: dict[str, Any], _: dict[str, Any]) -> None:
        layer = config["config"]["layers"][1]
        layer.update(module="mine", class_name="Blur", registered_name="mine>Blur")

    rewritten(small, change)
    with pytest.raises(UsageError, match=r"needs Blur, which is not of Keras: name the module .* --import MODULE"):
        open_elsewhere(small)
