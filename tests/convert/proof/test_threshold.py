"""From which score on an answer is taken: the rule at its borders, and what it keeps on digits that had no say in it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.options import ConvertOptions, Options
from convert.proof.evidence import Questions, prove
from convert.proof.threshold import artifact_threshold, decided, find_threshold, fit_reject_bias
from convert.report.tables import THRESHOLD_HEADERS, threshold_rows
from convert.run_folder import Run
from edgeproof.bundle import load_bundle
from edgeproof.manifest import Artifact, Share
from edgeproof.run_folder import Answered, Images, Record
from edgeproof.scores import REJECTED, decide

CLASSES = ("0", "1", "reject")


def drawn(scores: list[float], wrong: set[int] = frozenset()) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:  # type: ignore[assignment]
    """Scores with the rightness of each answer; `wrong`: places."""
    right = np.array([i not in wrong for i in range(len(scores))])
    return np.array(scores, np.float32), right


def evenly(count: int) -> list[float]:
    return [(i + 1) / (count + 1) for i in range(count)]


def test_99_percent_are_taken_when_mistakes_are_many() -> None:
    best, right = drawn(evenly(999), wrong=set(range(0, 999, 3)))
    threshold, reason = find_threshold(best, right)  # type: ignore[misc]
    assert threshold == pytest.approx(0.01, abs=1e-4)  # the tenth lowest of 999 scores: ⌊1000 · 0.01⌋
    assert (best >= threshold).sum() == 990
    assert "99% of the images are taken; 0.1% of wrong answers would take more" in reason


def test_the_threshold_is_the_lowest_that_leaves_few_enough_mistakes() -> None:
    # 4999 digits: (wrong + 1) / 5000 ≤ 0.001 leaves 4 of them; the fifth surest mistake is at 0.7.
    mistakes = [0.99, 0.95, 0.9, 0.8, 0.7, 0.6]
    best, right = drawn([*[0.999] * 4993, *mistakes], wrong=set(range(4993, 4999)))
    threshold, reason = find_threshold(best, right)  # type: ignore[misc]
    assert 0.7 < threshold <= 0.7002
    assert ((best >= threshold) & ~right).sum() == 4
    assert reason.startswith("so low that 0.1% of the images are taken and wrong")


def test_without_mistakes_what_is_more_likely_than_all_else_is_taken() -> None:
    best, right = drawn([0.999] * 4999)
    assert find_threshold(best, right)[0] == 0.5  # type: ignore[index]


def test_what_reject_wins_is_no_mistake_but_is_not_taken() -> None:
    best, right = drawn([*[0.0] * 60, *[0.999] * 4939], wrong=set(range(60)))
    threshold, reason = find_threshold(best, right)  # type: ignore[misc]
    assert (threshold, reason[:4]) == (0.0, "none")
    best, right = drawn([*[0.0] * 40, *[0.999] * 4959], wrong=set(range(40)))
    assert find_threshold(best, right)[0] == 0.5  # type: ignore[index]


def test_too_few_images_tell_nothing() -> None:
    assert find_threshold(*drawn(evenly(98))) is None
    found = find_threshold(*drawn(evenly(99), wrong={98}))
    assert found is not None
    assert found[0] == pytest.approx(0.01, abs=1e-4)
    assert "too few images to promise fewer mistakes" in found[1]


def answers(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits of an imagined model of two classes and "reject", and labels: 9 of 11 images are of a class."""
    random = np.random.default_rng(seed)
    labels = random.choice(3, count, p=[0.41, 0.41, 0.18])
    logits = random.normal(0, 1, (count, 3))
    logits[np.arange(count), labels] += 6
    return logits.astype(np.float32), labels.astype(np.int64)


def test_the_rule_holds_on_average_for_digits_that_had_no_say() -> None:
    """The promise is for the average over such samples; 40 of 2,000 validation and 20,000 other images each."""
    taken, wrong, promised = [], [], []
    for seed in range(40):
        found = artifact_threshold(answers(2_000, seed), answers(20_000, 1000 + seed), CLASSES, 1.0)
        assert found is not None
        digits = found.test.accepted.of
        taken.append(found.test.accepted.count / digits)
        wrong.append(found.test.wrong.count / digits)
        promised.append(found.reason.startswith("so low"))
    assert np.mean(taken) >= 0.99 - 0.0005  # standard error of the mean of 40: 0.0003
    assert np.mean(np.array(wrong)[promised]) <= 0.001 + 0.0002
    assert 5 <= sum(promised) <= 40  # the model is such that both parts of the rule are met


def test_counts_are_of_what_they_say() -> None:
    certain, doubtful = 9.0, 0.5
    logits = np.array(
        [
            [certain, 0, 0],  # a 0 that is taken
            [0, certain, 0],  # a 0 that is taken as a 1
            [doubtful, 0, 0],  # a 0 that is not sure enough
            [0, 0, certain],  # a 1 that "reject" wins
            [0, 0, certain],  # no digit, refused
            [certain, 0, 0],  # no digit, taken
            [doubtful, 0, 0],  # no digit, refused for its score
        ],
        np.float32,
    )
    labels = np.array([0, 0, 0, 1, 2, 2, 2])
    found = decided(logits, labels, CLASSES, 1.0, 0.9)
    assert (found.accepted.count, found.accepted.of) == (2, 4)
    assert (found.wrong.count, found.wrong.of) == (1, 2)
    assert (found.refused.count, found.refused.of) == (2, 3)
    assert 0 < found.accepted.low < 0.5 < found.accepted.high < 1
    without = decided(logits[:4, :2], labels[:4], CLASSES[:2], 1.0, 0.9)
    assert without.refused == Share(0, 0, 0.0, 1.0)


def test_the_recipes_own_threshold_is_kept_and_counted() -> None:
    found = artifact_threshold(answers(200, 1), answers(200, 2), CLASSES, 1.0, stated=0.77)
    assert found is not None
    assert (found.threshold, found.reason) == (0.77, "stated by the recipe")
    assert found.validation.accepted.of + found.validation.refused.of == 200


def test_the_table_has_two_lines_per_artifact_that_has_a_threshold() -> None:
    rule = artifact_threshold(answers(2000, 1), answers(2000, 2), CLASSES, 1.0)
    rows = threshold_rows([
        Artifact("a.onnx", "onnx", "fp32", "✅", "", deciding=rule), Artifact("b.onnx", "onnx", "fp32", "✅", "")
    ])  # fmt: skip
    assert [row[0] for row in rows] == ["a.onnx", ""]
    assert {len(row) for row in rows} == {len(THRESHOLD_HEADERS)}


def test_a_network_that_expects_no_rejects_is_told_how_frequent_they_are() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1, 2], [2000, 2000, 400])
    logits = rng.normal(0, 1, (len(labels), 3)).astype(np.float32) + 4 * np.eye(3, dtype=np.float32)[labels]
    even = fit_reject_bias(logits, labels, CLASSES, 1.0)
    shy = fit_reject_bias(logits - np.array([0, 0, 3], np.float32), labels, CLASSES, 1.0)
    assert shy == pytest.approx(even + 3, abs=0.02)  # the two are rounded to 0.01
    found = artifact_threshold((logits - np.array([0, 0, 3], np.float32), labels), (logits, labels), CLASSES, 1.0)
    assert found is not None
    assert found.reject_bias == shy
    assert found.validation.refused.count > 380  # of 400; without the bias about 350


def test_without_rejects_there_is_no_bias() -> None:
    logits = np.eye(3, dtype=np.float32)[np.tile([0, 1], 100)]
    assert fit_reject_bias(logits, np.tile([0, 1], 100), CLASSES, 1.0) == 0.0
    assert fit_reject_bias(logits[:, :2], np.tile([0, 1], 100), ("0", "1"), 1.0) == 0.0


def test_what_is_accepted_is_counted_with_the_bias_that_the_threshold_was_found_with() -> None:
    """Held-out images of which most are said to be no digit: with the bias of those, fewer digits are taken."""
    bundle = load_bundle()
    row, golden, manifest = bundle.manifest.artifact("fp32.onnx"), bundle.golden, bundle.manifest
    digits = golden.labels < len(manifest.classes) - 1
    test = Answered(golden.images[digits], golden.labels[digits], golden.logits[row.name][digits])
    held_out = Images(test.images, np.where(np.arange(len(test.labels)) % 10, len(manifest.classes) - 1, test.labels))
    record = Record(2, "biased", "", {"name": "biased"}, manifest.classes, manifest.input)
    options = Options(convert=ConvertOptions(threshold=0.99))
    run = Run(bundle.path, record, {}, b"", held_out, test, test, held_out, options)
    evidence = prove(row, bundle.content(row), run, Questions(None, {}, test.labels))
    rule = evidence.row.deciding
    assert rule is not None
    without, _ = decide(test.logits, manifest.classes, 1.0, 0.99)
    assert rule.test.accepted.count < (without != REJECTED).sum()
    assert evidence.accepted == rule.test.accepted.count / rule.test.accepted.of
