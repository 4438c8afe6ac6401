"""The data of a model from elsewhere: the arrays of an .npz as training and test images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeproof.errors import UsageError
from edgeproof.manifest import MAX_CLASSES, check_classes
from edgeproof.run_folder import Images
from edgeproof.support.npz import MAX_UNPACKED_BYTES
from edgeproof.support.own_arrays import read_own_arrays

SEED = 1  # of what is drawn
TEST_SHARE = 5  # one image in so many is a test image, where the file does not say which are
DRAWN = f"every {TEST_SHARE}th image, drawn by seed {SEED}, is a test image: the model's own training must not have seen them"


@dataclass(frozen=True)
class Data:
    """train, test: images of the data's own size, uint8 (n, h, w) or RGB (n, h, w, 3). classes: their names.

    said: how the arrays were taken, where not as they are.
    """

    train: Images
    test: Images
    classes: tuple[str, ...]
    said: tuple[str, ...]

    @property
    def tensor_shape(self) -> tuple[int, int, int]:
        """Of one image: height, width, channels."""
        height, width, *channels = self.train.images.shape[1:]
        return height, width, channels[0] if channels else 1


def read_data(file: Path) -> Data:
    """Read an .npz. Raises SourceError when it is not there, IntegrityError when damaged, UsageError for other arrays."""
    own = read_own_arrays(file, MAX_UNPACKED_BYTES, MAX_CLASSES)
    try:
        check_classes(own.classes)
    except ValueError as error:
        raise UsageError(f"{file}: {error}") from None
    parts = [Images(part.images, part.labels) for part in own.parts]
    if len(parts) == 1:
        return Data(*_drawn(file, parts[0]), own.classes, (*own.said, DRAWN))
    train, test = parts
    if train.images.shape[1:] != test.images.shape[1:]:
        shapes = f"{train.images.shape[1:]} and {test.images.shape[1:]}"
        raise UsageError(f"{file}: expected training and test images of one shape, found {shapes}: make them so")
    return Data(train, test, own.classes, own.said)


def _drawn(file: Path, whole: Images) -> tuple[Images, Images]:
    count = len(whole)
    if count < 2 * TEST_SHARE:
        raise UsageError(f"{file}: expected at least {2 * TEST_SHARE} images, found {count}: give more")
    order = np.random.default_rng(SEED).permutation(count)
    test, train = order[: count // TEST_SHARE], order[count // TEST_SHARE :]
    return Images(whole.images[train], whole.labels[train]), Images(whole.images[test], whole.labels[test])
