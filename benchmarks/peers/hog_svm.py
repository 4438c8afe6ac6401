"""Histograms of gradients and a support vector machine: the idea of the digits sample that OpenCV carries, written anew.

An image of 20×20 pixels is straightened by its own slant; in each of its four quarters the gradients are counted by direction (16
of them); the square roots of the shares (Hellinger's kernel) go to support vectors with a radial kernel, one machine per pair
of digits. OpenCV 5 no longer carries the machine that learns: scikit-learn's does, and reading needs numpy alone. Learnt
from MNIST training images.
"""

from __future__ import annotations

from importlib import metadata
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.readers import Options, Peer, Picture, as_read
from benchmarks.scoring import Labelled
from benchmarks.tutorial import binarized, digit_boxes
from edgeproof.errors import UnavailableError

Floats = NDArray[np.float32]

SIDE, DIRECTIONS = 20, 16
COST, GAMMA = 2.67, 5.383  # as the sample searched them on its own digits
TAUGHT = 20_000  # images: more make it slower (every support vector is compared) and hardly better
FILLED = (0.08, 0.75)  # share of a box that a digit's ink covers


def fit(images: NDArray[np.uint8], labels: NDArray[np.int64], seed: int = 0) -> dict[str, Floats]:
    """What `Machine` needs, from images uint8 (N, 28, 28). Raises UnavailableError without scikit-learn."""
    try:
        from sklearn.svm import SVC
    except ImportError as missing:
        raise UnavailableError(f"scikit-learn does not import ({missing}): it fits the support vectors") from None
    chosen = np.random.default_rng(seed).permutation(len(images))[:TAUGHT]
    machine = SVC(C=COST, gamma=GAMMA).fit(features(images[chosen, 4:24, 4:24]), labels[chosen])
    # One column per pair of digits: the weights of both digits' vectors, the others' none.
    starts = np.concatenate([[0], np.cumsum(machine.n_support_)])
    pairs = list(combinations(range(10), 2))
    weights = np.zeros((starts[-1], len(pairs)), np.float32)
    for column, (i, j) in enumerate(pairs):
        weights[starts[i] : starts[i + 1], column] = machine.dual_coef_[j - 1, starts[i] : starts[i + 1]]
        weights[starts[j] : starts[j + 1], column] = machine.dual_coef_[i, starts[j] : starts[j + 1]]
    return {
        "vectors": machine.support_vectors_.astype(np.float32),
        "weights": weights,
        "offsets": machine.intercept_.astype(np.float32),
    }


class Machine:
    """The fitted machine: labels of images, from the arrays that `fit` made."""

    def __init__(self, arrays: dict[str, Floats]) -> None:
        self._vectors, self._weights, self._offsets = (arrays[name] for name in ("vectors", "weights", "offsets"))
        self._pairs = np.asarray(list(combinations(range(10), 2)))

    def labels(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """One label per image, uint8 (N, 20, 20): the digit that wins most of its nine duels."""
        given = features(images)
        far = (given**2).sum(axis=1)[:, None] + (self._vectors**2).sum(axis=1) - 2 * given @ self._vectors.T
        duels = np.exp(-GAMMA * far) @ self._weights + self._offsets
        winners = np.where(duels > 0, self._pairs[:, 0], self._pairs[:, 1])
        return np.asarray([np.bincount(row, minlength=10).argmax() for row in winners], np.int64)


def features(images: NDArray[np.uint8]) -> Floats:
    """Square roots of the shares of each direction in each quarter, float32 (N, 64), of images uint8 (N, 20, 20)."""
    return np.stack([_histogram(_straightened(image)) for image in images])


def _straightened(image: Picture) -> Picture:
    mass = cv2.moments(image)
    if abs(mass["mu02"]) < 1e-2:
        return image
    lean = mass["mu11"] / mass["mu02"]
    shear = np.array([[1, lean, -0.5 * SIDE * lean], [0, 1, 0]], np.float32)
    return np.asarray(
        cv2.warpAffine(image, shear, (SIDE, SIDE), flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR), np.uint8
    )


def _histogram(image: Picture) -> Floats:
    across, down = cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1)
    size, angle = cv2.cartToPolar(across, down)
    direction = (DIRECTIONS * angle / (2 * np.pi)).astype(np.int64) % DIRECTIONS
    quarter = (np.arange(SIDE) // (SIDE // 2))[:, None] * 2 + np.arange(SIDE) // (SIDE // 2)
    counts = np.bincount((quarter * DIRECTIONS + direction).ravel(), size.ravel(), 4 * DIRECTIONS)
    root = np.sqrt(counts / max(float(counts.sum()), 1e-6))
    return (root / max(float(np.linalg.norm(root)), 1e-6)).astype(np.float32)


def peer(options: Options) -> Peer:
    if "svm" not in options:
        raise UnavailableError("no training images: --training names an .npz with images (N, 28, 28) and labels (N)")
    file = Path(options["svm"])
    with np.load(file, allow_pickle=False) as arrays:
        machine = Machine({name: arrays[name] for name in arrays})
    return Peer(
        lambda picture: read(picture, machine),
        as_read,
        f"OpenCV {metadata.version('opencv-python-headless')}",
        ("numpy", "opencv-python-headless"),
        (file,),
    )


def read(picture: Picture, machine: Machine) -> list[Labelled]:
    dark = binarized(picture)
    boxes, images = [], []
    for x, y, width, height in digit_boxes(dark):
        part = dark[y : y + height, x : x + width]
        if FILLED[0] <= (part > 0).mean() <= FILLED[1]:
            boxes.append((x, y, width, height))
            images.append(_squared(part))
    if not boxes:
        return []
    return [(int(label), box) for label, box in zip(machine.labels(np.stack(images)), boxes, strict=True)]


def _squared(part: Picture) -> Picture:
    """The part in the middle of a square of 20×20, as MNIST's digits stand in theirs."""
    height, width = part.shape
    scale = SIDE / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    left, top = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
    image = np.zeros((SIDE, SIDE), np.uint8)
    image[top : top + size[1], left : left + size[0]] = small
    return image
