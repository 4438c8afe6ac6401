"""What a model is made of: numbers by hand, and a drawing in which every way through the model is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from edgeproof.errors import UsageError
from edgeproof.input_contract import InputContract
from train.__main__ import RECIPES
from train.models import build
from train.recipe import ModelSettings, load_recipe
from train.report.model_summary import drawing, summary, table_rows, untrained

Shell = Callable[..., CompletedProcess[str]]
RESIDUAL = (
    "conv 4 3x3 stride 2",
    "save",
    "conv 4 3x3 linear",
    "add relu6",
    "save",
    "depthwise 5x5",
    "conv 8 1x1",
    "add",
    "max",
)


def drawn(figure: Figure) -> tuple[list[str], int]:
    """The boxes' titles, and how many arrows there are."""
    plt.close(figure)
    (axis,) = figure.axes
    texts = [text.get_text() for text in axis.texts]
    return texts[::2], sum(isinstance(patch, FancyArrowPatch) for patch in axis.patches)


def test_table_counted_by_hand() -> None:
    model = build(ModelSettings(("conv 4 3x3 stride 2", "average", "dropout 0.5")), 10)
    rows = [row[1:] for row in table_rows(model)]
    assert rows == [
        ("Rescaling", "28×28×1", "", ""),
        ("Conv2D 3×3, stride 2", "14×14×4", "36", "7,056"),
        ("BatchNorm", "14×14×4", "16", ""),
        ("ReLU", "14×14×4", "", ""),
        ("GlobalAveragePooling2D", "4", "", ""),
        ("Dropout 0.5", "4", "", ""),
        ("Dense", "10", "50", "40"),
        ("", "", "102", "7,096"),
    ]


def test_what_is_not_known_is_not_counted() -> None:
    from keras import Input, Model, layers

    image = Input((28, 28))
    *rows, total = table_rows(Model(image, layers.Dense(2)(layers.Flatten()(layers.Conv1D(4, 3)(image)))))
    assert [row[4] for row in rows] == ["?", "", str(26 * 4 * 2)]
    assert total[4] == f"at least {26 * 4 * 2}"


def test_every_way_through_the_model_is_drawn() -> None:
    model = build(ModelSettings(RESIDUAL), 12, InputContract((32, 32), 3, "fit"))
    boxes, arrows = drawn(drawing(model))
    assert "Conv2D 3×3, stride 2 · BatchNorm · ReLU" in boxes
    assert "Add · ReLU6" in boxes
    assert "DepthwiseConv2D 5×5 · BatchNorm · ReLU" in boxes
    # image, 4 convolutions, the projection, 2 sums, maximum, logits; each but the image is reached once, each sum twice.
    assert (len(boxes), arrows) == (10, 9 + 2)


def test_a_large_model_takes_several_columns() -> None:
    model = build(ModelSettings(model="train.applications:mobilenet_v2"), 12, InputContract((96, 96), 3, "fit"))
    boxes, arrows = drawn(drawing(model))
    assert arrows == len(boxes) - 1 + 10  # MobileNetV2 has ten residuals
    assert boxes.count("Add") == 10


def test_untrained_knows_what_the_sets_hold() -> None:
    assert untrained(load_recipe(RECIPES / "digits.toml")).output_shape == (None, 11)
    assert untrained(load_recipe(RECIPES / "cifar.toml")).input_shape == (None, 32, 32, 3)
    assert untrained(load_recipe(RECIPES / "signs-quick.toml")).output_shape == (None, 12)
    with pytest.raises(UsageError, match="expected --data FOLDER"):
        untrained(load_recipe(RECIPES / "own-images.toml"))


def test_summary_is_a_table_with_sums() -> None:
    lines = summary(untrained(load_recipe(RECIPES / "digits-quick.toml"))).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-accumulates"]
    assert lines[-1].split() == ["all", "47,770", "3,014,336"]


@pytest.mark.slow
def test_summary_is_a_verb(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[model]\nlayers = ["rows", "gru 5"]\n[train]\nepochs = 1\n')
    shown = shell("python", "-m", "train", "summary", tmp_path / "mine.toml").stdout
    assert "GRU" in shown and shown.count("\n") == 6  # head, four layers, sums
