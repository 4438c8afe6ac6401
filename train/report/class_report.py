"""What a run gets right class by class: precision, recall and F1, by scikit-learn."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_class_report(
    folder: Path, labels: NDArray[np.int64], answers: NDArray[np.int64], classes: tuple[str, ...]
) -> None:
    """Write classes.txt, for people, and classes.csv, the same in full precision, into `folder`.

    `labels` and `answers` are class indices, (N,). A class without a test image has support 0.
    """
    from sklearn.metrics import classification_report, precision_recall_fscore_support

    indices = range(len(classes))
    text = classification_report(labels, answers, labels=indices, target_names=classes, digits=4, zero_division=0.0)
    (folder / "classes.txt").write_text(text, encoding="utf-8")
    columns = precision_recall_fscore_support(labels, answers, labels=indices, zero_division=0.0)
    with (folder / "classes.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["class", "precision", "recall", "f1", "support"])
        rows.writerows(zip(classes, *columns, strict=True))
