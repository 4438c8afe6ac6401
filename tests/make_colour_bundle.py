"""Makes `tests/runtime/colour`, a bundle of pictures: which colour the drawn thing in a picture of 16×24 pixels has.

    python -m tests.make_colour_bundle

A network trained in seconds, so small that the bundle can lie with the tests, which run where there is no TensorFlow. Its classes
are told apart by the order of the channels alone, height and width differ, and their names are none that a file could have.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.export.variants import VARIANTS
from convert.keras_model import keras_logits, quiet_tensorflow
from convert.pipeline import convert_run
from convert.run_folder import read_run
from edgeproof.bundle import load_bundle, write_bundle
from edgeproof.input_contract import InputContract
from edgeproof.run_folder import MODEL, Answered, Images, clearly_right, write_run_folder
from edgeproof.support import files

TARGET = Path(__file__).parent / "runtime" / "colour"
INPUT = InputContract((16, 24), 3, "stretch")
#: Each with its colour: red, green, blue.
CLASSES = {"red": (220, 40, 40), "green/lime": (60, 200, 40), "sky blue": (60, 90, 220), "grey": (130, 130, 130)}
RECIPE = b'[data]\nname = "drawn colours"\n'
KEPT = ("fp32.onnx", "int8.tflite")


def draw(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images uint8 RGB (count, 16, 24, 3), a rectangle of a class's colour on dark or light ground; labels int64 (count,)."""
    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int64) % len(CLASSES)
    images = random.normal(random.choice([35, 215], (count, 1, 1, 1)), 8, (count, *INPUT.shape))
    for image, label in zip(images, labels, strict=True):
        colour = np.array(list(CLASSES.values())[label]) + random.normal(0, 14, 3)
        height, width = int(random.integers(7, 13)), int(random.integers(9, 19))
        top, left = int(random.integers(0, 17 - height)), int(random.integers(0, 25 - width))
        image[top : top + height, left : left + width] = colour + random.normal(0, 8, (height, width, 3))
    return np.clip(np.round(images), 0, 255).astype(np.uint8), labels


def trained() -> Any:
    """The network, with softmax left out."""
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input(INPUT.tensor_shape),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(CLASSES)),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(5e-3), loss, metrics=["accuracy"])
    model.fit(*draw(4000, seed=1), epochs=12, batch_size=64, verbose=2)
    return model


def write_run(model: Any, folder: Path) -> None:
    """The run folder that train would have written."""
    folder.mkdir()
    model.save(folder / MODEL)
    images, labels = draw(1000, seed=2)
    logits = keras_logits(model, images)
    golden = np.flatnonzero(clearly_right(labels, logits))[:16]
    facts = {
        "name": folder.name, "recipe_sha256": files.sha256(RECIPE), "classes": list(CLASSES), "input": INPUT,
        "data": {"name": "drawn colours", "fingerprint": "drawn"}, "seed": 1, "metrics": {},
    }  # fmt: skip
    write_run_folder(
        folder,
        facts,
        recipe=RECIPE,
        calibration=Images(*draw(200, seed=3)),
        golden=Answered(images[golden], labels[golden], logits[golden]),
        test=Answered(images, labels, logits),
        deciding=Images(*draw(400, seed=4)),
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        run, made = Path(scratch) / "run", Path(scratch) / "colour"
        write_run(trained(), run)
        convert_run(read_run(run), made, variants=tuple(v for v in VARIANTS if v.name in KEPT))
        bundle = load_bundle(made)
        shutil.rmtree(TARGET, ignore_errors=True)
        TARGET.mkdir()
        write_bundle(
            TARGET, bundle.manifest, bundle.models, bundle.golden
        )  # without the report, which is larger than all else
    for path in sorted(TARGET.iterdir()):
        print(f"{path.stat().st_size:>8}  {path.name}")


if __name__ == "__main__":
    main()
