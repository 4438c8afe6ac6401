"""The run's pictures: what it saw, how it learned, what it confuses."""

from __future__ import annotations

import csv
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # files only: a server has no display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from train.fit import augmented_copy
from train.recipe import TrainSettings
from train.samples import Samples


def draw_report(
    folder: Path, samples: Samples, test_logits: NDArray[np.float32], settings: TrainSettings, history: Path
) -> None:
    """Write curves.png, confusion.png and samples.png into `folder`."""
    folder.mkdir(parents=True)
    drawn = {
        "curves": curves(history),
        "confusion": confusion(samples.test.labels, test_logits.argmax(axis=1), samples.classes),
        "samples": sample_grid(samples, settings),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(figure)


def curves(history: Path) -> Figure:
    """Loss and accuracy by epoch from Keras' history.csv."""
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training (augmented)"), (f"val_{name}", "validation")):
            axis.plot(epochs, [float(row[key]) for row in rows], marker=".", label=label)
        axis.set(xlabel="epoch", title=name)
        axis.grid(alpha=0.3)
        axis.legend()
    axes[1].set_ylim(bottom=max(0.0, min(float(row["val_accuracy"]) for row in rows) - 0.02), top=1.002)
    return figure


def confusion(labels: NDArray[np.int64], answers: NDArray[np.int64], classes: tuple[str, ...]) -> Figure:
    """The confusion matrix; colours show the mistakes, so that the diagonal does not drown them."""
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, answers), 1)
    wrong = counts - np.diag(np.diag(counts))
    figure, axis = plt.subplots(figsize=(7, 7))
    axis.imshow(wrong, cmap="Oranges")
    for row, column in np.ndindex(*counts.shape):
        axis.text(column, row, str(counts[row, column] or ""), ha="center", va="center", fontsize=8)
    axis.set(xticks=range(len(classes)), yticks=range(len(classes)), xlabel="answer", ylabel="label")
    axis.set_xticklabels(classes, rotation=45, ha="right")
    axis.set_yticklabels(classes)
    axis.set_title(f"{wrong.sum()} of {counts.sum()} test images wrong")
    return figure


def sample_grid(samples: Samples, settings: TrainSettings, each: int = 16) -> Figure:
    """Training images as the model sees them, one row per class."""
    rows = [np.resize(np.flatnonzero(samples.train.labels == label), each) for label in range(len(samples.classes))]
    seen = augmented_copy(samples.train.images[np.concatenate(rows)], settings.augment, (settings.seed, 0))
    padded = np.pad(seen, ((0, 0), (1, 1), (1, 1))).reshape(len(rows), each, 30, 30)
    grid = padded.swapaxes(1, 2).reshape(len(rows) * 30, each * 30)
    figure, axis = plt.subplots(figsize=(each * 0.6, len(rows) * 0.6))
    axis.imshow(255 - grid, cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[15 + 30 * row for row in range(len(rows))])
    axis.set_yticklabels(samples.classes)
    return figure
