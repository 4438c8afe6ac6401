"""The pictures of a report say in their titles what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from edgeproof.input_contract import GLYPHS, InputContract
from edgeproof.run_folder import Images
from train.data.samples import Samples
from train.fit.temperature import reliability
from train.models import build
from train.recipe import ModelSettings, TrainSettings
from train.report.figures import calibration_curves, confusion, draw_report, sample_grid, worst

PICTURES = InputContract((20, 30), 3, "fit")


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


def shown(figure: Figure) -> list[np.ndarray]:
    """The images in a figure, as arrays."""
    plt.close(figure)
    return [np.asarray(image.get_array()) for axis in figure.axes for image in axis.images]


def samples(contract: InputContract, value: int, classes: int = 3) -> Samples:
    """Two images of each class, all of `value`."""
    labels = np.repeat(np.arange(classes), 2)
    part = Images(np.full((len(labels), *contract.shape), value, np.uint8), labels)
    return Samples(tuple(f"class {i}" for i in range(classes)), part, part, part, part, contract)


@pytest.mark.parametrize(
    ("contract", "inside"),
    [(GLYPHS, 55), (InputContract((9, 14), 1, "stretch"), 200), (PICTURES, 200)],
    ids=["ink is dark on paper", "grey", "colour"],
)
def test_the_grid_shows_images_of_any_size_as_a_person_sees_them(contract: InputContract, inside: int) -> None:
    (grid,) = shown(sample_grid(samples(contract, 200), TrainSettings(epochs=1), each=4))
    height, width = contract.size
    assert grid.shape == (3 * (height + 2), 4 * (width + 2), *contract.shape[2:])
    assert (grid[1 : 1 + height, 1 : 1 + width] == inside).all()
    assert (grid[0] == 255).all()


def test_the_grid_of_a_thousand_classes_is_no_mile_long() -> None:
    (grid,) = shown(sample_grid(samples(InputContract((4, 4), 1, "fit"), 9, classes=1000), TrainSettings(epochs=1)))
    assert grid.shape == (50 * 6, 16 * 6)


@pytest.mark.parametrize(("contract", "seen"), [(GLYPHS, 245), (PICTURES, 10)])
def test_worst_are_shown_as_a_person_sees_them(contract: InputContract, seen: int) -> None:
    test = Images(np.full((1, *contract.shape), 10, np.uint8), np.array([0]))
    figure = worst(test, np.array([[0.1, 0.9]], np.float32), ("a", "a name that is far too long"), contract)
    assert titles(figure) == ["is a\nsaid a name that …\n0.90"]
    (image,) = shown(figure)
    assert image.shape == contract.shape
    assert (image == seen).all()


def test_confusion_of_many_classes_shows_those_with_the_most_mistakes() -> None:
    labels = np.repeat(np.arange(100), 5)
    answers = labels.copy()
    answers[labels == 40] = 77
    figure = confusion(labels, answers, tuple(f"class {i}" for i in range(100)), normalized=True)
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert len(names) == 20
    assert {"class 40", "class 77"} <= set(names)
    (title,) = titles(figure)
    assert title == ("5 of 500 test images wrong; the 20 of 100 classes with most of these, in percent of each label")


def test_confusion_of_few_classes_shows_all() -> None:
    figure = confusion(np.array([0, 1, 2, 2]), np.array([0, 1, 2, 1]), ("a", "b", "c"))
    assert titles(figure) == ["1 of 4 test images wrong"]
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["1", "1", "1", "1"]


def test_a_name_that_looks_like_a_formula_is_drawn_as_it_is(tmp_path: Path) -> None:
    part = samples(PICTURES, 9, classes=3)
    named = replace(part, classes=("$_$", "a$b$", "c"))
    (tmp_path / "history.csv").write_text("epoch,loss,accuracy,val_loss,val_accuracy\n0,1,0.5,1,0.5\n")
    logits = np.tile(np.array([[0, 1, 2]], np.float32), (6, 1))
    model = build(ModelSettings(("average",)), 3, PICTURES)
    draw_report(
        tmp_path / "report", model, named, logits,
        settings=TrainSettings(epochs=1), history=tmp_path / "history.csv", best=1, temperature=1.0,
    )  # fmt: skip
    assert (tmp_path / "report/confusion.png").stat().st_size > 1000
    assert plt.rcParams["text.parse_math"], "other programs' figures are as they were"
