"""report/: the pictures of a run, and one page that holds them all and opens anywhere without the rest."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from edgeproof.support.html_page import Section, page, paragraph, picture, table
from train.data.samples import Samples
from train.recipe import TrainSettings
from train.report.figures import draw_report
from train.report.model_summary import HEADERS, table_rows

METRICS = {
    "validation_accuracy": "validation accuracy",
    "test_accuracy": "test accuracy",
    "test_accuracy_through_glyph": "test accuracy, each image taken as a crop of a picture",
    "negatives_rejected": "drawn negatives rejected",
    "test_ece": "expected calibration error",
}


def write_report(
    folder: Path,
    facts: Mapping[str, Any],
    model: keras.Model,
    samples: Samples,
    test_logits: NDArray[np.float32],
    *,
    settings: TrainSettings,
    history: Path,
) -> None:
    """Write the pictures and report.html into `folder`. `facts` is what run.json will hold; test_logits: (N, classes)."""
    draw_report(
        folder,
        model,
        samples,
        test_logits,
        settings=settings,
        history=history,
        temperature=facts["temperature"],
        best=facts["epochs"]["best"],
    )
    sections = (
        Section("Result", (table(("", ""), _summary(facts)),)),
        _model(folder, model),
        _seen(folder),
        _learning(folder),
        _mistakes(folder),
        _classes(folder),
        _calibration(folder, facts),
    )
    (folder / "report.html").write_bytes(page(f"Training of {facts['name']}", sections))


def _drawn(folder: Path, name: str, caption: str) -> str:
    return picture((folder / f"{name}.png").read_bytes(), caption)


def _model(folder: Path, model: keras.Model) -> Section:
    caption = "From the image to the logits, with the shape after each box; ways around other layers in orange."
    return Section("Model", (table(HEADERS, table_rows(model)), _drawn(folder, "model", caption)))


def _seen(folder: Path) -> Section:
    caption = "Training images after augmentation, one row per class."
    return Section("What the model sees", (_drawn(folder, "samples", caption),))


def _learning(folder: Path) -> Section:
    caption = "Loss and accuracy by epoch; the dashed line is the epoch that was kept."
    return Section("Learning", (_drawn(folder, "curves", caption),))


def _mistakes(folder: Path) -> Section:
    captions = {
        "confusion": "Test images: label against answer. Colours show mistakes only.",
        "confusion-normalized": "The same in percent of each label's images.",
        "worst": "The test images whose true class the model held least likely.",
    }
    return Section("Mistakes", tuple(_drawn(folder, name, caption) for name, caption in captions.items()))


def _classes(folder: Path) -> Section:
    with (folder / "classes.csv").open(newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    per_class = [[name, *(f"{float(share):.4f}" for share in shares), count] for name, *shares, count in rows]
    return Section("Class by class", (table(("class", "precision", "recall", "F1", "test images"), per_class),))


def _calibration(folder: Path, facts: Mapping[str, Any]) -> Section:
    metrics = facts["metrics"]
    text = (
        f"Temperature {facts['temperature']:.3f}, fitted on the validation images. Expected calibration error on "
        f"the test images: {metrics['test_ece_uncalibrated']:.2%} without it, {metrics['test_ece']:.2%} with it."
    )
    caption = "Share of right answers by score: on the diagonal, 0.9 is right nine times in ten."
    return Section("Do the scores mean what they say?", (paragraph(text), _drawn(folder, "calibration", caption)))


def _summary(facts: Mapping[str, Any]) -> list[tuple[str, object]]:
    data, throughput, metrics = facts["data"], facts["pace"], facts["metrics"]
    rows: list[tuple[str, object]] = [
        (
            "data",
            f"{data['name']}: {data['train']:,} training, {data['validation']:,} validation, {data['test']:,} test images",
        ),
        ("parameters", f"{facts['parameters']:,}"),
        ("epochs", f"{facts['epochs']['done']} done, the best was {facts['epochs']['best']}"),
        *((title, f"{metrics[name]:.2%}") for name, title in METRICS.items() if metrics.get(name) is not None),
        ("time", f"{facts['wall_s'] / 60:.1f} minutes"),
    ]
    if throughput:
        rows.append(
            (
                "pace",
                f"{throughput['training_images_per_s']:,.0f} images/s; the input alone {throughput['input_images_per_s']:,.0f}",
            )
        )
        rows.append(("waiting for data", f"{throughput['waiting_share']:.1%} of the training steps' time"))
    if facts["init_from"]:
        rows.append(("began with", facts["init_from"]["run"]))
    rows.append(("recipe", f"seed {facts['seed']}, sha256 {facts['recipe_sha256'][:12]}…"))
    return rows
