"""The answer to each thing on a page: as the bundle's scorer says, or, without one, as the model does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.manifest import HeldOut, Share
from edgeproof.page.context import features, rescore
from edgeproof.page.context.features import Page
from edgeproof.page.context.rescore import Verdicts, judge
from edgeproof.scorer import VERSION, Scorer, Tree

CLASSES = (*"0123456789", "reject")
NO_SHARE = Share(0, 0, 0, 1)


def scored(of: Page, conf: float = 0.5, scorer: Scorer | None = None) -> Verdicts:
    """By the shipped scorer, unless another is given."""
    return judge(of, CLASSES, threshold=0.7, conf=conf, scorer=scorer or load_bundle().scorer)


def split(feature: str, above: float, low: float, high: float) -> Tree:
    return Tree((features.NAMES.index(feature),), (above,), (0b10,), (low, high))


def own(tree: Tree) -> Scorer:
    """A scorer of one tree, to which everything is usually 1."""
    usual = (1.0,) * len(features.NAMES)
    return Scorer(VERSION, features.NAMES, "0" * 64, usual, 0.0, (tree,), HeldOut(0, NO_SHARE, NO_SHARE))


def read(verdicts: Verdicts) -> str:
    return "".join("-" if label < 0 else str(label) for label in verdicts.labels)


def test_every_number_has_its_words() -> None:
    said = [name for names in rescore._SAYS.values() for name in names]
    assert sorted(said) == sorted(features.NAMES)


def test_the_label_is_the_models_and_the_score_is_the_scorers(page) -> None:
    verdicts = scored(page(("3", 0), ("8", 0)), scorer=own(split("is_3", 0.5, -3, 2)))
    assert read(verdicts) == "3-"
    assert verdicts.scores.tolist() == pytest.approx([0.881, 0.047], abs=0.001)


def test_conf_is_what_every_score_has_to_reach(page) -> None:
    row, scorer = page(("3", 0)), own(split("digit", 0, -3, 1))
    assert [read(scored(row, conf, scorer)) for conf in (0.0, 0.7, 0.75)] == ["3", "3", "-"]


def test_a_refusal_names_what_spoke(page) -> None:
    """Of a thing that leans 0 where all usually lean by 1; the gap, of which as much was said, speaks for nothing."""
    verdicts = scored(page(("3", 0)), scorer=own(split("leaning", 0.5, -2, 3)))
    assert verdicts.reasons == ("a 3 at 12%: leans (-5.0)",)
    assert scored(page(("3", 0)), scorer=own(split("leaning", 0.5, 2, 3))).reasons == ("",)


def test_the_answers_stand_in_the_order_of_the_boxes(page) -> None:
    row = page(("1", 0), ("-", 0), ("8", 0), ("3", 0))
    turned = replace(row, boxes=row.boxes[::-1], probabilities=row.probabilities[::-1])
    assert read(scored(turned)) == read(scored(row))[::-1]
    assert scored(turned).reasons == scored(row).reasons[::-1]


# ---- what the shipped scorer was fitted to ------------------------------------------------------------------------------


def test_digits_in_a_row_are_read(page, stroke) -> None:
    glyphs = [page(("0", 0)).glyphs[0]] * 4 + [stroke(), stroke(lean=12), stroke(hook=True)]
    row = page(*[("0", 0)] * 4, *[("1", 0)] * 3, glyphs=glyphs)
    assert read(scored(row)) == "0000111"


@pytest.mark.parametrize("shape", [{"bow": 0.22}, {"bow": -0.22}, {"lean": 50}])
def test_rows_of_brackets_and_slashes_are_none(page, stroke, shape) -> None:
    glyphs = [page(("0", 0)).glyphs[0]] * 3 + [stroke(**shape)] * 6
    assert read(scored(page(*[("0", 0)] * 3, *[("1", 0)] * 6, glyphs=glyphs))) == "000------"
    assert read(scored(page(*[("0", 0)] * 3, *[("1", 0)] * 6, glyphs=[*glyphs[:3], *[stroke()] * 6]))) == "000111111"


def test_what_passes_for_a_digit_is_one_among_digits_and_none_among_letters(page) -> None:
    """The same 9, of which the model is not quite sure: as an a is often written."""
    for others, expected in (("-", "--------"), ("5", "55559555")):
        row = page(*[(others, 0)] * 4, ("9", 0), *[(others, 0)] * 3, gap=6)
        row.probabilities[4] = 0.002
        row.probabilities[4, [9, 10]] = 0.9, 0.08
        assert read(scored(row)) == expected


# ---- without a scorer ---------------------------------------------------------------------------------------------------


def test_without_a_scorer_the_model_decides(page) -> None:
    row = page(("3", 0), ("-", 0), ("8", 0))
    row.probabilities[2] = np.full(11, 0.04)
    row.probabilities[2, 8] = 0.6
    verdicts = judge(row, CLASSES, threshold=0.7)
    assert read(verdicts) == "3--"
    assert verdicts.reasons == ("", "no digit to the model, 1.00", "a 8 at best, 0.60 is not 0.70")
    assert read(judge(row, CLASSES, threshold=0.5)) == "3-8"
    assert read(judge(row, CLASSES, threshold=0.5, conf=0.7)) == "3--"


def test_a_model_without_reject_keeps_its_scores(page) -> None:
    row = page(("3", 0))
    row = replace(row, probabilities=np.eye(10, dtype=np.float32)[[3]] * 0.8 + np.float32(0.02))
    verdicts = judge(row, CLASSES[:-1], threshold=0.5)
    assert (verdicts.labels.tolist(), verdicts.scores.tolist()) == ([3], pytest.approx([0.82]))


@pytest.mark.parametrize("with_scorer", [True, False])
def test_nothing_to_judge(page, with_scorer: bool) -> None:
    none = page()
    verdicts = judge(none, CLASSES, threshold=0.5, scorer=load_bundle().scorer if with_scorer else None)
    assert (len(verdicts.labels), len(verdicts.scores), verdicts.reasons) == (0, 0, ())
