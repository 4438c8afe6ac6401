"""The test images of a run folder, which benchmarks take from the file that training left: they never import train."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import IntegrityError, SourceError


def load_test_images(run: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float32]]:
    """`test.npz` of the run: images uint8 (N, 28, 28), labels int64 (N,), Keras' logits float32 (N, classes).

    Raises SourceError when the file is missing, IntegrityError when arrays are missing.
    """
    file = run / "test.npz"
    if not file.is_file():
        raise SourceError(f"{file}: expected the run's test images, found nothing: train a run first")
    with np.load(file, allow_pickle=False) as arrays:
        try:
            return arrays["images"], arrays["labels"], arrays["logits"]
        except KeyError as missing:
            raise IntegrityError(f"{file}: expected the array {missing}: train the run again") from None
