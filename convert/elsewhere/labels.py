"""Labels as people store them, made into int64 (n,), the index of the class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import UsageError

MOST_CLASSES = 1000


def as_labels(file: Path, name: str, values: NDArray[Any], count: int, said: list[str]) -> NDArray[np.int64]:
    """The array `name` of `file` as labels of `count` images; `said` is told what was changed. Raises UsageError."""
    found = f"found {values.dtype} {values.shape}"
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.dtype.kind in "iufb" and values.ndim == 2 and _one_hot(values):
        said.append("labels are one-hot")
        values = values.argmax(axis=1)
    if values.shape != (count,) or values.dtype.kind not in "iufb":
        way = "number the classes as the model's outputs are" if values.dtype.kind in "US" else "one for each image"
        raise UsageError(f"{file}: {name}: expected {count} whole numbers, {found}: {way}")
    if not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise UsageError(f"{file}: {name}: expected whole numbers, found {values.dtype} that are none")
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= MOST_CLASSES:
        raise UsageError(
            f"{file}: {name}: expected classes in 0..{MOST_CLASSES - 1}, found {low}..{high}: number them from 0"
        )
    return values.astype(np.int64)


def _one_hot(values: NDArray[Any]) -> bool:
    return bool(((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all())
