"""Drawn digits: every form draws ink, the same seed draws the same, and they join the training alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import UsageError
from train.data import datasets as data
from train.data.samples import make_samples
from train.data.synthetic import digits
from train.recipe import load_recipe

RECIPES = Path("train/recipes")


def test_form_and_determinism() -> None:
    images, labels = digits.draw_digits(200, seed=5)
    assert (images.shape, images.dtype, labels.dtype) == ((200, 28, 28), np.uint8, np.int64)
    assert set(labels.tolist()) == {1, 4, 7}
    assert (images.reshape(200, -1).max(axis=1) > 128).all()
    assert len(np.unique(images, axis=0)) > 195
    again, same_labels = digits.draw_digits(200, seed=5)
    assert np.array_equal(images, again)
    assert np.array_equal(labels, same_labels)
    assert not np.array_equal(images, digits.draw_digits(200, seed=6)[0])


def test_the_shipped_model_reads_them() -> None:
    """Another seed than any training's. Some long flags are a 7's bar to anybody: 2 in 100 may be read otherwise."""
    images, labels = digits.draw_digits(400, seed=1234)
    with open_classifier(load_bundle()) as classifier:
        answers = classifier.logits(images)[:, :10].argmax(axis=1)
    assert (answers == labels).mean() >= 0.98


def test_they_join_the_training_and_nothing_else() -> None:
    mnist = data.load("mnist")
    recipe = load_recipe(RECIPES / "digits.toml")
    few = replace(recipe, data=replace(recipe.data, fraction=0.02, hands=300, negatives=0, negatives_expected=0.0))
    with_them, without = (make_samples(each, mnist) for each in (few, replace(few, data=replace(few.data, hands=0))))
    assert len(with_them.train) == len(without.train) + 300
    for part in ("validation", "test"):
        assert np.array_equal(getattr(with_them, part).images, getattr(without, part).images)


def test_other_data_sets_have_none(tmp_path: Path) -> None:
    file = tmp_path / "clothes.toml"
    file.write_text('[data]\nname = "fashion-mnist"\nhands = 5\n[model]\nlayers = ["flatten"]\n[train]\nepochs = 1\n')
    with pytest.raises(UsageError, match="hands"):
        load_recipe(file)
