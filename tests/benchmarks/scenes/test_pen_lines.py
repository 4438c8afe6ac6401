"""A digit's centre line, and the ink that a pen leaves along it."""

from __future__ import annotations

import numpy as np

from benchmarks.scenes import pen_lines, writer
from benchmarks.scenes.writer import Digits
from edgeproof import glyph
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier


def test_a_digit_keeps_its_shape_when_it_is_inked_again(digits: Digits) -> None:
    """The centre line, inked as wide as MNIST's median stroke (2 of 20 pixels), is still the digit for the shipped model."""
    images, labels = digits
    thin = [i for i in range(400) if glyph.stroke_width(images[i]) <= writer.THINNABLE][:300]
    inked = [(255 * pen_lines.ink(pen_lines.digit_line(images[i]), 60, 0.1)).astype(np.uint8) for i in thin]
    with open_classifier(load_bundle()) as classifier:
        again = classifier.logits(glyph.make_glyphs(inked)).argmax(axis=1)
    assert (again == labels[thin]).mean() >= 0.97


def test_a_stroke_is_as_wide_as_the_pen() -> None:
    """An MNIST stroke 4 pixels wide and one 2 wide have the same centre line; ± 1 pixel of 80 for its smoothing."""
    for columns in (slice(12, 16), slice(13, 15)):
        image = np.zeros((28, 28), np.uint8)
        image[4:24, columns] = 255
        for width in (0.05, 0.1, 0.2):
            inked = pen_lines.ink(pen_lines.digit_line(image), 80, width)
            assert abs(float(inked[inked.shape[0] // 2].sum()) - 80 * width) <= 1
    turned = pen_lines.ink(pen_lines.digit_line(image), 80, 0.1, np.pi / 2)
    assert turned.shape[1] > 3 * turned.shape[0]


def test_a_line_is_the_same_wherever_its_memory_lies(digits: Digits) -> None:
    """The last bit of OpenCV's precise distances depends on it: without rounding this fails on every second image."""
    rng = np.random.default_rng(0)
    for image in digits[0][:20]:
        fields = set()
        for _ in range(12):
            held = [np.empty(size, np.uint8) for size in rng.integers(1_000, 200_000, 20)]
            fields.add(pen_lines.digit_line(image).field.tobytes())
            del held
        assert len(fields) == 1
