from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from train.data import datasets

Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]


@pytest.fixture(scope="session")
def digits() -> Digits:
    mnist = datasets.load("mnist")
    return mnist.train_images[:3000], mnist.train_labels[:3000]
