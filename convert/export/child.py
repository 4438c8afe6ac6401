"""A piece of work in a process of its own: `python -m convert.export.<module> FOLDER`, which talks through files in that folder.

For what would leave traces in this one: importing tfmot turns TensorFlow's own Keras into another library for the process, and
deterministic training is a switch of the whole process too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.child_environment import child_environment
from edgeproof.support.npz import npz_bytes

if TYPE_CHECKING:
    import keras

MODEL, IMAGES = "model.keras", "images.npz"
INK, PICTURES = "ink", "pictures"  # what a child is told that its images are
SEED = 1


def work(
    module: str,
    folder: Path,
    model: keras.Model,
    images: NDArray[np.uint8],
    *arguments: str,
    say: Callable[[str], None],
) -> None:
    """Run `convert.export.<module>` on a Keras 3 model and images uint8 (n, H, W), or RGB (n, H, W, 3), both put into `folder`.

    `say` is told of each line that the child prints. Raises RuntimeError with the child's last word when it fails.
    """
    model.save(folder / MODEL)
    (folder / IMAGES).write_bytes(npz_bytes({"images": images}))
    command = [*child_command(module), str(folder), *arguments]
    with (folder / "stderr").open("w+") as errors:
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=child_environment())
        assert child.stdout is not None
        try:
            for line in child.stdout:
                say(line.rstrip())
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
        errors.seek(0)
        if code:
            last = (errors.read().strip().splitlines() or [f"ended with code {code}"])[-1]
            raise RuntimeError(f"{module}: {last}")


def child_command(module: str) -> list[str]:
    """What runs `convert.export.<module>`; its arguments follow."""
    return [sys.executable, "-W", "ignore", "-m", f"convert.export.{module}"]


def received(folder: Path) -> tuple[keras.Model, NDArray[np.uint8]]:
    """In the child: the model and the images; from here on, all chance is seeded and all arithmetic repeatable."""
    from convert.keras_model import quiet_tensorflow, refuse_code

    quiet_tensorflow()
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    refuse_code(folder / MODEL)
    model = keras.saving.load_model(folder / MODEL, compile=False, safe_mode=True)
    with np.load(folder / IMAGES, allow_pickle=False) as archive:
        return model, archive["images"]


def moved(images: NDArray[np.uint8], random: np.random.Generator, *, ink: bool) -> NDArray[np.uint8]:
    """Each image (n, …) shifted by up to two pixels and turned by up to 10°: a few hundred are soon known by heart.

    What comes in at the edge is paper for `ink`; of a picture it is its own edge, as in training.
    """
    import cv2

    height, width = images.shape[1:3]
    border = cv2.BORDER_CONSTANT if ink else cv2.BORDER_REPLICATE
    middle = ((width - 1) / 2, (height - 1) / 2)
    made = np.empty_like(images)
    for i, image in enumerate(images):
        turn: Any = cv2.getRotationMatrix2D(middle, random.uniform(-10, 10), random.uniform(0.9, 1.1))
        turn[:, 2] += random.uniform(-2, 2, 2)
        made[i] = cv2.warpAffine(image, turn, (width, height), borderMode=border)
    return made
