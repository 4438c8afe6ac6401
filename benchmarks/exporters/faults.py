"""What a mistake hands to an exporter: run folders that are damaged in a way that happens.

    python -m benchmarks.exporters.faults RUN    spoils the model of a copy; a process of its own, for Keras fills this one

Each is a whole run folder, with the representative images beside its own calibration images, in float32 as other exporters
take them: a run folder holds bytes, and what no byte can hold is rounded there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.input_contract import with_channels
from edgeproof.run_folder import CALIBRATION, MODEL
from edgeproof.support.npz import npz_bytes, read_arrays

REPRESENTATIVE = "representative.npz"
SOUND, SCALED, INVERTED, SPOILED = "nothing", "calibration in 0..1", "calibration inverted", "weights spoiled"
CALIBRATIONS: dict[str, Callable[[NDArray[np.float32]], NDArray[Any]]] = {
    SCALED: lambda images: images / 255,
    INVERTED: lambda images: 255 - images,
}
FAULTS = (*CALIBRATIONS, SPOILED)
NOISE = 1.0  # standard deviations of a kernel, added to the kernel in the middle of the network


def prepared(run: Path, fault: str, folder: Path) -> Path:
    """A copy of the run folder `run` as the new `folder`, with `fault`; returns it. Raises CalledProcessError."""
    shutil.copytree(run.resolve(), folder)
    images, labels = read_arrays(folder / CALIBRATION, "images", "labels")
    given = with_channels(images).astype(np.float32)
    if fault in CALIBRATIONS:
        given = CALIBRATIONS[fault](given)
    (folder / REPRESENTATIVE).write_bytes(npz_bytes({"images": given.astype(np.float32)}))
    if fault in CALIBRATIONS:
        kept = np.rint(given).astype(np.uint8).reshape(images.shape)
        (folder / CALIBRATION).write_bytes(npz_bytes({"images": kept, "labels": labels}))
    if fault == SPOILED:
        words = [sys.executable, "-m", "benchmarks.exporters.faults", str(folder)]
        subprocess.run(words, cwd=Path(__file__).parents[2], check=True, capture_output=True)
    return folder


def spoil(file: Path) -> None:
    """Add noise to one kernel of a .keras file: what was trained is no longer what is exported."""
    import keras

    model = keras.saving.load_model(file, compile=False)
    kernels = [weight for weight in model.trainable_weights if len(weight.shape) >= 2]
    kernel = kernels[len(kernels) // 2]
    values = np.asarray(kernel)
    kernel.assign(values + np.random.default_rng(1).normal(0, NOISE * values.std(), values.shape))
    model.save(file)


if __name__ == "__main__":
    spoil(Path(sys.argv[1]) / MODEL)
