"""`python -m train scorer`: draw, read, fit, write."""

from __future__ import annotations

from pathlib import Path

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import UsageError
from edgeproof.manifest_file import has_digits
from edgeproof.scorer import MAX_SCORER_BYTES, Scorer, scorer_bytes
from edgeproof.support import files
from train.data import datasets
from train.scorer.fit import fit
from train.scorer.readings import read_pages

HELD_OUT = 5_000
"""The last training images, which `digits` chooses its model by: the surest answers are to what a model was trained on."""


def fit_scorer(
    bundle: Path | None, out: Path, *, pages: int, seed: int, data_dir: Path | None, overwrite: bool = False
) -> Scorer:
    """Fit the page scorer of a bundle's default model on `pages` drawn pages, and write it to `out`.

    Raises UsageError for a bundle that knows no digits, and when `out` exists and `overwrite` is false.
    """
    loaded = load_bundle(bundle)
    if not has_digits(loaded.manifest.classes):
        raise UsageError(
            f"{loaded.path}: expected the classes 0 to 9, then reject or none, found {', '.join(loaded.manifest.classes)}: "
            "only digits have a page scorer"
        )
    if out.exists() and not overwrite:
        raise UsageError(f"{out} already exists: choose another name or give --overwrite")
    mnist = datasets.load("mnist", data_dir)
    with open_classifier(loaded) as classifier:
        images, labels = mnist.train_images[-HELD_OUT:], mnist.train_labels[-HELD_OUT:]
        readings = read_pages(classifier, images, labels, pages, seed)
        scorer = fit(readings, str(classifier.artifact.sha256))
    content = scorer_bytes(scorer)
    if len(content) > MAX_SCORER_BYTES:
        raise UsageError(f"the scorer takes {len(content)} bytes, a bundle holds {MAX_SCORER_BYTES}: fit fewer trees")
    files.write_atomic(out, content)
    return scorer
