"""The page scorer's road: pages are drawn and read, trees are fitted, what a device computes is what scikit-learn said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from edgeproof.bundle import load_bundle, read_scorer
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.page.reader import Reader
from edgeproof.scorer import scorer_bytes
from train.data.pages.draw import draw_page
from train.data.pages.truth import DrawnPage, Thing
from train.scorer import fit as fitting
from train.scorer.command import read_pages
from train.scorer.readings import NEITHER, Readings, read_page, together, truths


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with open_classifier(load_bundle(), threads=1) as opened:
        yield opened


def read(classifier: Classifier, count: int = 14) -> Readings:
    golden = load_bundle().golden
    digits = golden.labels < 10
    images, labels, reader = golden.images[digits], golden.labels[digits], Reader(classifier)
    return together(read_page(reader, draw_page(images, labels, 3 + number)) for number in range(count))


@pytest.fixture(scope="module")
def readings(classifier: Classifier) -> Readings:
    return read(classifier)


def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small trees for few things."""
    monkeypatch.setattr(fitting, "FEWEST", 5)
    monkeypatch.setattr(fitting, "TREES", 6)


def drawn(*things: Thing) -> DrawnPage:
    return DrawnPage(np.zeros((9, 9, 3), np.uint8), things, np.zeros((9, 9), np.uint8), 0, "rows")


def test_what_was_found_is_what_was_drawn_there() -> None:
    page = drawn(
        Thing("digit", "7", (0, 0, 10, 20)), Thing("letter", "b", (20, 0, 10, 20)), Thing("print", "4", (40, 0, 10, 20)),
        Thing("scribble", "5", (60, 0, 10, 20)), Thing("print", "x", (80, 0, 10, 20)),
    )  # fmt: skip
    boxes = [(1, 1, 9, 19), (20, 0, 10, 20), (40, 0, 10, 20), (60, 0, 10, 20), (80, 0, 10, 20), (0, 15, 10, 5)]
    assert truths(boxes, page).tolist() == [7, -1, 4, NEITHER, -1, -1]
    assert truths([], page).tolist() == []
    assert truths(boxes[:1], drawn()).tolist() == [-1]


def test_several_processes_read_what_one_reads(readings: Readings) -> None:
    bundle = load_bundle()
    digits = bundle.golden.labels < 10
    found = read_pages(bundle.path, bundle.golden.images[digits], bundle.golden.labels[digits], range(3, 17))
    assert found.layout.tolist() == readings.layout.tolist()
    for name in ("numbers", "right", "known", "page"):
        assert np.array_equal(getattr(found, name), getattr(readings, name)), name


def test_pages_are_read_alike_twice(classifier: Classifier, readings: Readings) -> None:
    again = read(classifier, 4)
    count = len(again.right)
    assert again.layout.tolist() == readings.layout[: len(again.layout)].tolist()
    assert np.array_equal(again.right, readings.right[:count])
    assert np.array_equal(again.numbers, readings.numbers[:count])
    assert readings.right.any() and not readings.right.all()


@pytest.mark.slow
def test_a_device_computes_what_was_fitted(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    monkeypatch.setattr(fitting, "_short", lambda value: value)
    scorer = fitting.fit(readings, "0" * 64)
    model = fitting._model(readings, np.ones(len(readings.right), np.bool_))
    odds = scorer.log_odds(readings.numbers)
    assert odds == pytest.approx(model.decision_function(readings.numbers), abs=1e-6)
    right = readings.right[readings.known]
    nothing = max(right.mean(), 1 - right.mean())  # is right of who knows nothing
    assert ((odds > 0)[readings.known] == right).mean() > nothing + 0.1
    assert len({round(value, 3) for value in odds.tolist()}) > 20


@pytest.mark.slow
def test_equal_pages_give_equal_bytes_that_a_bundle_takes(readings: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    few(monkeypatch)
    content = scorer_bytes(fitting.fit(readings, "0" * 64))
    assert content == scorer_bytes(fitting.fit(readings, "0" * 64))
    scorer = read_scorer(content, "page.json")
    assert scorer.held_out.pages == len(readings.layout)
    assert scorer.held_out.read.of == (readings.right & readings.known).sum()
