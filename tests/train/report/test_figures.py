"""The pictures of a report say in their titles what they show."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from edgeproof.run_folder import Images
from train.fit.temperature import reliability
from train.report.figures import calibration_curves, worst


def titles(figure: Figure) -> list[str]:
    plt.close(figure)
    return [title for axis in figure.axes if (title := axis.get_title())]


def test_worst_are_the_wrong_ones_with_the_least_likely_class_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.99, 0.01], [0.2, 0.8]], np.float32)
    test = Images(np.zeros((4, 28, 28), np.uint8), np.array([0, 1, 1, 1]))
    assert titles(worst(test, probabilities, ("a", "b"))) == ["is b\nsaid a\n0.99", "is b\nsaid a\n0.60"]
    assert titles(worst(test, probabilities, ("a", "b"), most=1)) == ["is b\nsaid a\n0.99"]
    faultless = Images(test.images, np.array([0, 0, 0, 1]))
    assert titles(worst(faultless, probabilities, ("a", "b"))) == []


def test_calibration_curves_say_both_errors() -> None:
    random = np.random.default_rng(5)
    logits, labels = random.normal(0, 3, (1000, 10)).astype(np.float32), random.integers(0, 10, 1000)
    before, after = titles(calibration_curves(logits, labels, 2.5))
    assert f"{reliability(logits, labels).calibration_error:.2%}" in before
    assert (
        f"temperature 2.50: expected calibration error {reliability(logits, labels, 2.5).calibration_error:.2%}"
        in after
    )
