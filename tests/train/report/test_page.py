"""What a run says of itself: calibration, pace, pictures, and one page that holds them."""

from __future__ import annotations

import base64
import json
import re
import time
from importlib.util import find_spec
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from edgeproof.errors import UnavailableError
from edgeproof.run_folder import Images
from train.fit.callbacks import tensorboard
from train.fit.temperature import fit_temperature, nll, reliability
from train.fit.throughput import ALONE_S, Waiting, images_per_s
from train.report.figures import calibration_curves, worst

RNG = np.random.default_rng(5)


def sure_answers(count: int, divisor: float) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Logits float32 (count, 10) and labels drawn from the softmax of logits / divisor: that is their temperature."""
    logits = RNG.normal(0, 3, (count, 10)).astype(np.float32)
    powers = np.exp(logits / divisor)
    odds = powers / powers.sum(axis=1, keepdims=True)
    return logits, np.array([RNG.choice(10, p=row / row.sum()) for row in odds.astype(np.float64)])


@pytest.mark.parametrize("divisor", [0.5, 1.0, 2.5])
def test_temperature_is_found_again_and_lowers_the_error(divisor: float) -> None:
    logits, labels = sure_answers(4000, divisor)
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(divisor, rel=0.08)  # of 4,000 drawn labels: about twice the standard error
    assert nll(logits, labels, found) <= nll(logits, labels)
    assert reliability(logits, labels, found).calibration_error < 0.03
    if divisor != 1.0:
        assert reliability(logits, labels).calibration_error > 0.08


def test_temperature_of_faultless_answers_is_one() -> None:
    logits = np.eye(10, dtype=np.float32) * 5
    assert fit_temperature(logits, np.arange(10)) == 1.0


def test_a_few_very_sure_mistakes_do_not_make_every_score_modest() -> None:
    """99 answers of score 0.99 are right, and one mistake was made with utter certainty: likelihood alone would say 2."""
    logits = np.tile(np.array([[np.log(99.0), 0.0]], np.float32), (100, 1))
    logits[0] = (0.0, 30.0)
    labels = np.zeros(100, int)
    assert nll(logits, labels, 2.0) < nll(logits, labels)
    assert fit_temperature(logits, labels) == 1.0


def test_calibration_error_by_hand() -> None:
    """Ten answers with score 0.9, of which six are right: 0.3 off."""
    logits = np.tile(np.array([[np.log(9.0), 0.0]], np.float32), (10, 1))
    found = reliability(logits, np.array([0] * 6 + [1] * 4))
    assert found.score == pytest.approx([0.9])
    assert found.accuracy == pytest.approx([0.6])
    assert found.share == pytest.approx([1.0])
    assert found.calibration_error == pytest.approx(0.3)


def test_likelihood_of_huge_logits_is_a_number() -> None:
    assert nll(np.array([[1e4, 0.0]], np.float32), np.array([1])) == pytest.approx(1e4)


# --- pace -------------------------------------------------------------------------------------------------------------


def slow_batches(seconds: float) -> tf.data.Dataset:
    def batch(number: int) -> np.int64:
        time.sleep(seconds)
        return np.int64(number)

    return tf.data.Dataset.counter().map(lambda number: tf.numpy_function(batch, [number], tf.int64))


def test_waiting_is_the_time_the_consumer_stands_still() -> None:
    waiting = Waiting()
    found = [int(number) for number in waiting.timed(slow_batches(0.02)).take(10)]
    assert found == list(range(10))  # the batches are handed on as they are
    assert waiting.seconds >= 0.2  # 10 × 20 ms, and what a busy machine adds
    prepared = Waiting()
    iterator = iter(prepared.timed(slow_batches(0.001).prefetch(10)))
    for _ in range(10):
        time.sleep(0.02)  # the step: meanwhile the next batches are made
        next(iterator)
    assert prepared.seconds < waiting.seconds / 2


def test_images_per_second_counts_images() -> None:
    # A sleep is never too short; on a busy machine it may be several times too long.
    assert 0.1 * 32 / 0.02 < images_per_s(slow_batches(0.02), batch=32) <= 32 / 0.02
    assert ALONE_S <= 1  # every run pays for it


# --- pictures ---------------------------------------------------------------------------------------------------------


def titles(figure: Figure) -> list[str]:
    plt.close(figure)
    return [title for axis in figure.axes if (title := axis.get_title())]


def test_worst_are_the_wrong_ones_with_the_least_likely_class_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.99, 0.01], [0.2, 0.8]], np.float32)
    test = Images(np.zeros((4, 28, 28), np.uint8), np.array([0, 1, 1, 1]))
    assert titles(worst(test, probabilities, ("a", "b"))) == ["is b\nsaid a\n0.99", "is b\nsaid a\n0.60"]
    assert titles(worst(test, probabilities, ("a", "b"), most=1)) == ["is b\nsaid a\n0.99"]
    faultless = Images(test.images, np.array([0, 0, 0, 1]))
    assert titles(worst(faultless, probabilities, ("a", "b"))) == []


def test_calibration_curves_say_both_errors() -> None:
    logits, labels = sure_answers(1000, 2.5)
    before, after = titles(calibration_curves(logits, labels, 2.5))
    assert f"{reliability(logits, labels).calibration_error:.2%}" in before
    assert (
        f"temperature 2.50: expected calibration error {reliability(logits, labels, 2.5).calibration_error:.2%}"
        in after
    )


@pytest.mark.slow
def test_the_page_holds_everything_and_asks_for_nothing(tiny_run: Path) -> None:
    text = (tiny_run / "report/report.html").read_text()
    facts = json.loads((tiny_run / "run.json").read_text())
    pictures = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', text)]
    assert {path.read_bytes() for path in (tiny_run / "report").glob("*.png")} == set(pictures)
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(pictures) >= 6
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert f"{facts['metrics']['test_accuracy']:.2%}" in text
    assert f"Temperature {facts['temperature']:.3f}" in text
    for name, count in zip("0123456789", (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009), strict=True):
        assert re.search(rf"<td>{name}</td>(<td>[01]\.\d{{4}}</td>){{3}}<td>{count}</td>", text)


@pytest.mark.slow
def test_run_json_says_how_well_and_how_fast(tiny_run: Path) -> None:
    facts = json.loads((tiny_run / "run.json").read_text())
    test = np.load(tiny_run / "test.npz")
    found = reliability(test["logits"], test["labels"], facts["temperature"])
    assert facts["metrics"]["test_ece"] == pytest.approx(found.calibration_error, abs=1e-4)  # run.json has four digits
    assert facts["metrics"]["test_ece_uncalibrated"] == pytest.approx(
        reliability(test["logits"], test["labels"]).calibration_error
    )
    assert facts["epochs"]["done"] == 3
    assert facts["pace"]["input_images_per_s"] > facts["pace"]["training_images_per_s"] > 0
    assert 0 <= facts["pace"]["waiting_share"] < 1


# --- TensorBoard ------------------------------------------------------------------------------------------------------


def test_tensorboard_logs_or_says_what_is_missing(tmp_path: Path) -> None:
    if find_spec("tensorboard") is None:
        with pytest.raises(UnavailableError, match="needs the package tensorboard, found none: pip install"):
            tensorboard(tmp_path)
        return
    image = keras.Input((4,))
    model = keras.Model(image, keras.layers.Dense(2)(image))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0, callbacks=[tensorboard(tmp_path)])
    assert list(tmp_path.rglob("events.out.tfevents.*"))
