"""The run's pictures: what it saw, how it learned, what it confuses."""

from __future__ import annotations

import csv
from pathlib import Path

import keras
import matplotlib

matplotlib.use("Agg")  # files only: a server has no display
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from edgeproof.input_contract import GLYPHS, InputContract, as_seen
from edgeproof.run_folder import Images
from edgeproof.scores import softmax
from train.data.samples import Samples
from train.fit.fit import augmented_copy
from train.fit.temperature import reliability
from train.recipe import TrainSettings
from train.report.class_report import write_class_report
from train.report.model_summary import drawing

MOST_CLASSES = 20  # in a confusion matrix whose numbers can be read
MOST_ROWS = 50  # of the sample grid


@matplotlib.rc_context({"text.parse_math": False})  # a class may be named "a$b$", which is no formula
def draw_report(
    folder: Path,
    model: keras.Model,
    samples: Samples,
    test_logits: NDArray[np.float32],
    *,
    settings: TrainSettings,
    history: Path,
    best: int,
    temperature: float,
) -> None:
    """Write the class report and every figure below, as PNG, into `folder`."""
    folder.mkdir(parents=True)
    answers = test_logits.argmax(axis=1)
    write_class_report(folder, samples.test.labels, answers, samples.classes)
    drawn = {
        "model": drawing(model),
        "curves": curves(history, best),
        "confusion": confusion(samples.test.labels, answers, samples.classes),
        "confusion-normalized": confusion(samples.test.labels, answers, samples.classes, normalized=True),
        "samples": sample_grid(samples, settings),
        "worst": worst(samples.test, softmax(test_logits, temperature), samples.classes, samples.input),
        "calibration": calibration_curves(test_logits, samples.test.labels, temperature),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close(figure)


def curves(history: Path, best: int) -> Figure:
    """Loss and accuracy by epoch from history.csv; a dashed line marks `best`, the epoch that was kept."""
    with history.open(newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [int(row["epoch"]) + 1 for row in rows]
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for axis, name in zip(axes, ("loss", "accuracy"), strict=True):
        for key, label in ((name, "training (augmented)"), (f"val_{name}", "validation")):
            axis.plot(epochs, [float(row[key]) for row in rows], marker=".", label=label)
        axis.axvline(best, color="gray", linestyle="--", linewidth=0.8)
        axis.set(xlabel="epoch", title=name)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        axis.legend()
    axes[1].set_ylim(bottom=max(0.0, min(float(row["val_accuracy"]) for row in rows) - 0.02), top=1.002)
    return figure


def confusion(
    labels: NDArray[np.int64], answers: NDArray[np.int64], classes: tuple[str, ...], *, normalized: bool = False
) -> Figure:
    """The confusion matrix, in images or, normalized, in percent of each label's images.

    Colours show the mistakes, so that the diagonal does not drown them. Of many classes those with most of them are shown.
    """
    counts = np.zeros((len(classes), len(classes)), int)
    np.add.at(counts, (labels, answers), 1)
    of_label = np.maximum(counts.sum(axis=1, keepdims=True), 1)  # a class may have no test image
    title = f"{int((labels != answers).sum()):,} of {len(labels):,} test images wrong"
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diag(counts)
    chosen = np.sort(np.argsort(-mistakes, kind="stable")[:MOST_CLASSES])
    if len(chosen) < len(classes):
        title += f"; the {len(chosen)} of {len(classes)} classes with most of these"
    counts, of_label, classes = counts[np.ix_(chosen, chosen)], of_label[chosen], tuple(classes[i] for i in chosen)
    wrong = counts - np.diag(np.diag(counts))
    figure, axis = plt.subplots(figsize=(7, 7) if len(classes) <= 12 else (10, 10))
    shades = wrong / of_label if normalized else wrong
    axis.imshow(shades, cmap="Oranges")
    for row, column in zip(*np.nonzero(counts), strict=True):
        percent = f"{100 * counts[row, column] / of_label[row, 0]:.1f}"
        text = percent if normalized else str(counts[row, column])
        color = "white" if shades[row, column] > 0.6 * shades.max() > 0 else "black"
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    axis.set(xticks=range(len(classes)), yticks=range(len(classes)), xlabel="answer", ylabel="label")
    axis.set_xticklabels(classes, rotation=45, ha="right")
    axis.set_yticklabels(classes)
    unit = ", in percent of each label" if normalized else ""
    axis.set_title(f"{title}{unit}", fontsize=10)
    return figure


def sample_grid(samples: Samples, settings: TrainSettings, each: int = 16) -> Figure:
    """Training images as the model sees them, one row per class, of the first classes where there are many."""
    classes = samples.classes[:MOST_ROWS]
    rows = [np.resize(np.flatnonzero(samples.train.labels == label), each) for label in range(len(classes))]
    chosen = samples.train.images[np.concatenate(rows)]
    seen = augmented_copy(chosen, settings.augment, (settings.seed, 0), ink=samples.input.ink)
    beside = ((0, 0), (1, 1), (1, 1)) if seen.ndim == 3 else ((0, 0), (1, 1), (1, 1), (0, 0))
    padded = np.pad(as_seen(seen, samples.input), beside, constant_values=255)
    height, width, *colour = padded.shape[1:]
    grid = padded.reshape(len(classes), each, height, width, *colour).swapaxes(1, 2)
    figure, axis = plt.subplots(figsize=(each * 0.6, len(classes) * 0.6 * height / width))
    axis.imshow(grid.reshape(len(classes) * height, each * width, *colour), cmap="gray", vmin=0, vmax=255)
    axis.set(xticks=[], yticks=[height // 2 + height * row for row in range(len(classes))])
    axis.set_yticklabels(classes)
    return figure


def worst(
    test: Images,
    probabilities: NDArray[np.float32],
    classes: tuple[str, ...],
    contract: InputContract = GLYPHS,
    *,
    most: int = 40,
) -> Figure:
    """The wrongly answered images, the ones whose own class was held least likely first, ten in a row.

    probabilities: (N, classes) of the N test images, which are of `contract`.
    """
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != test.labels)
    own = probabilities[wrong, test.labels[wrong]]
    chosen = wrong[np.argsort(own, kind="stable")][:most]
    rows = max(1, -(-len(chosen) // 10))
    figure, axes = plt.subplots(rows, 10, figsize=(12, 1.9 * rows), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, index in zip(axes.flat, chosen, strict=False):
        said = probabilities[index].argmax()
        axis.imshow(as_seen(test.images[index], contract), cmap="gray", vmin=0, vmax=255)
        own_name, said_name = (_short(classes[label]) for label in (test.labels[index], said))
        axis.set_title(f"is {own_name}\nsaid {said_name}\n{probabilities[index, said]:.2f}", fontsize=7)
    if not len(chosen):
        figure.suptitle("no test image was answered wrongly")
    return figure


def _short(name: str, most: int = 13) -> str:
    """Of a class, so that it stays above its own image."""
    return name if len(name) <= most else f"{name[: most - 1]}…"


def calibration_curves(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> Figure:
    """Accuracy by score, without and with the temperature; the size of a point is its share of the answers."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.6), sharey=True)
    for axis, divisor, title in zip(
        axes, (1.0, temperature), ("as trained", f"with temperature {temperature:.2f}"), strict=True
    ):
        found = reliability(logits, labels, divisor)
        axis.plot((0, 1), (0, 1), color="gray", linewidth=0.8)
        axis.plot(found.score, found.accuracy, color="tab:blue", alpha=0.5)
        axis.scatter(found.score, found.accuracy, s=12 + 300 * found.share, color="tab:blue")
        axis.set(xlabel="score", xlim=(0, 1.02), ylim=(0, 1.02))
        axis.set_title(f"{title}: expected calibration error {found.calibration_error:.2%}", fontsize=10)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("share of right answers")
    return figure
