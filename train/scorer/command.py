"""`python -m train scorer`: draw, read, fit, write."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import UsageError
from edgeproof.manifest_file import has_digits
from edgeproof.page.reader import Reader
from edgeproof.scorer import MAX_SCORER_BYTES, Scorer, scorer_bytes
from edgeproof.support import files
from edgeproof.support.opencv import cv2
from train.data import datasets
from train.data.pages.draw import draw_page
from train.data.pages.truth import DrawnPage
from train.scorer.fit import fit
from train.scorer.readings import PageReading, Readings, read_page, together

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
    readings = read_pages(
        loaded.path, mnist.train_images[-HELD_OUT:], mnist.train_labels[-HELD_OUT:], range(seed, seed + pages)
    )
    with open_classifier(loaded) as classifier:
        scorer = fit(readings, str(classifier.artifact.sha256))
    content = scorer_bytes(scorer)
    if len(content) > MAX_SCORER_BYTES:
        raise UsageError(f"the scorer takes {len(content)} bytes, a bundle holds {MAX_SCORER_BYTES}: fit fewer trees")
    files.write_atomic(out, content)
    return scorer


def read_pages(bundle: Path, images: NDArray[np.uint8], labels: NDArray[np.int64], seeds: Sequence[int]) -> Readings:
    """A page drawn by each of `seeds` with the forms of `images` uint8 (M, 28, 28), `labels` (M,), read by the default model of
    the bundle at a path; on as many processes as there are cores."""
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), _open, (bundle, images, labels)) as pool:
        return together(tqdm(pool.map(_read, seeds, chunksize=5), "pages read", len(seeds), unit="page"))


_draw: Callable[[int], DrawnPage]  # of a process that reads
_reader: Reader


def _open(bundle: Path, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> None:
    global _draw, _reader  # noqa: PLW0603 (how a process of a pool keeps what it opened)
    cv2.setNumThreads(1)
    _draw = partial(draw_page, images, labels)
    _reader = Reader(open_classifier(load_bundle(bundle)))


def _read(seed: int) -> PageReading | None:
    return read_page(_reader, _draw(seed))
