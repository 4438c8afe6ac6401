"""The pipeline of the usual tutorial: threshold, external contours, 28×28, a classifier."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.readers import PACKAGES, Options, Peer, Picture, as_read
from benchmarks.scoring import Labelled
from edgeproof import scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.errors import UnavailableError

Box = tuple[int, int, int, int]

#: Block (pixels) and offset (levels) of the adaptive threshold, lowest contour (pixels): tutorials write 11 to 31 and 2 to 10; of
#: blocks from 31 to 201, offsets of 10 and 15 and heights of 16 to 30 these are the best on photographs.
BLOCK, OFFSET, LOWEST = 101, 15, 20


def same_model(options: Options) -> Peer:
    return _peer(options.get("bundle"))


def own_model(options: Options) -> Peer:
    if "tutorial_bundle" not in options:
        raise UnavailableError("no model of a tutorial: --tutorial-bundle names a bundle of one, for example of cnn-32")
    return _peer(options["tutorial_bundle"])


def _peer(bundle: str | None) -> Peer:
    classifier = open_classifier(load_bundle(bundle))
    facts = classifier.facts
    return Peer(
        lambda picture: read(picture, classifier),
        as_read,
        f"OpenCV {metadata.version('opencv-python-headless')}, model {classifier.bundle.manifest.name}",
        PACKAGES[facts.backend],
        (classifier.bundle.path / str(classifier.artifact.file),),
    )


def read(picture: Picture, classifier: Classifier) -> list[Labelled]:
    dark = binarized(picture)
    boxes = list(digit_boxes(dark))
    if not boxes:
        return []
    glyphs = np.stack([_glyph(dark, box) for box in boxes])
    labels, _ = scores.decide(classifier.logits(glyphs), classifier.bundle.manifest.classes, 1.0, 0.0)
    return [(int(label), box) for label, box in zip(labels, boxes, strict=True) if label != scores.REJECTED]


def binarized(picture: Picture) -> Picture:
    """Ink 255 on paper 0, (H, W)."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (5, 5), 0)
    dark = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, BLOCK, OFFSET)
    return np.asarray(dark, np.uint8)


def digit_boxes(dark: Picture) -> Iterator[Box]:
    """x, y, width, height of outer contours that could be a digit by their shape."""
    contours, _ = cv2.findContours(dark, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        x, y, width, height = cv2.boundingRect(contour)
        if height >= LOWEST and width <= 1.6 * height and height <= 0.9 * dark.shape[0]:
            yield x, y, width, height


def _glyph(dark: Picture, box: Box) -> NDArray[np.uint8]:
    x, y, width, height = box
    scale = 20 / max(width, height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    part: Any = cv2.resize(dark[y : y + height, x : x + width], size, interpolation=cv2.INTER_AREA)
    mass = cv2.moments(part)
    left = min(max(0, round(14 - mass["m10"] / mass["m00"])), 28 - size[0])
    top = min(max(0, round(14 - mass["m01"] / mass["m00"])), 28 - size[1])
    image = np.zeros((28, 28), np.uint8)
    image[top : top + size[1], left : left + size[0]] = part
    return image
