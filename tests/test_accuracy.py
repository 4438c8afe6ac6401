"""Accuracy regression: every artifact keeps the count of right answers that its manifest states.

Permitted: ± 1 for fp32, ± 5 for fp16, ± 20 for integer artifacts, of 10,000: kernels of different CPUs (and LiteRT with
and without XNNPACK) round differently, and a few test digits lie on the border. One answer lost for any other reason
moves the count beyond that quickly.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.verbs.verify import count_tolerance
from edgeproof.bundle import Bundle, load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.glyph import through_glyph
from train.data import datasets as data


def check(bundle: Bundle) -> None:
    test = data.load("mnist")
    glyphs = through_glyph(test.test_images)
    for row in bundle.manifest.usable:
        permitted = count_tolerance(row)
        with open_classifier(bundle, row.name) as classifier:
            correct = int((classifier.logits(test.test_images).argmax(axis=1) == test.test_labels).sum())
            through = float((classifier.logits(glyphs).argmax(axis=1) == test.test_labels).mean())
        assert row.images == len(test.test_labels)
        assert abs(correct - row.correct) <= permitted, f"{row.name}: {correct}, stated {row.correct}"
        assert row.accuracy_through_glyph is not None
        assert abs(through - row.accuracy_through_glyph) <= permitted / 10_000, row.name


def test_shipped_bundle() -> None:
    check(load_bundle())


def test_shipped_bundle_is_good_enough_to_ship() -> None:
    """The shipped model's promise, in its default artifact: 99.7 % of MNIST test, and no less through the glyph path."""
    manifest = load_bundle().manifest
    row = manifest.artifact(manifest.ranking[0].artifact)
    assert row.accuracy >= 0.997
    assert row.accuracy_through_glyph is not None
    assert abs(row.accuracy_through_glyph - row.accuracy) <= 0.001


@pytest.mark.slow
def test_freshly_trained_bundle(tiny_bundle: Path) -> None:
    check(load_bundle(tiny_bundle))


def test_wrong_inputs_are_noticed() -> None:
    """The check can fail: inverted digits cost far more than any permitted difference."""
    bundle, test = load_bundle(), data.load("mnist")
    with open_classifier(bundle) as classifier:
        correct = (classifier.logits(255 - test.test_images[:500]).argmax(axis=1) == test.test_labels[:500]).sum()
    assert correct < 400
