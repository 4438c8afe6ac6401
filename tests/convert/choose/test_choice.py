"""What to deploy, decided on times and counts that are made up, so that every rule is met at its border."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from convert.choose.choice import Verdict, Wishes, choose_default, faster, more_accurate, ratio_text, smaller
from convert.choose.latency import TimedArtifact
from edgeproof.bench.timing import ROUNDS
from edgeproof.errors import GateError
from edgeproof.manifest import Artifact, Proof


def candidate(
    name: str, micros: float, bytes: int = 100_000, *, lost: int = 0, backend: str = "", noise: float = 0.01
) -> TimedArtifact:
    """An artifact with so many microseconds a glyph, ± noise per round, that lost so many of Keras' 9,950 answers."""
    format: Any = name.rsplit(".", 1)[1]
    precision: Any = name.rsplit(".", 1)[0]
    where: Any = backend or {"onnx": "onnxruntime", "tflite": "litert"}[format]
    random = np.random.default_rng(zlib.crc32(f"{name} {backend}".encode()))
    rounds = tuple(
        np.full(3, round(1000 * micros * factor), np.int64) for factor in 1 + noise * random.uniform(-1, 1, ROUNDS)
    )
    row = Artifact(name, format, precision, "✅", "", bytes=bytes)
    proof = Proof(name, where, "1", 9950 - lost, 10_000, 0.99, 1.0, lost, 0, 0.0, 1.0, 1.0, 0.0, 0.0, {}, 0.0)
    return TimedArtifact(row, proof, rounds)


def names(verdicts: tuple[Verdict, ...]) -> list[str]:
    return [verdict.artifact.row.name for verdict in verdicts]


def test_int8_is_chosen_where_it_is_faster_and_refused_where_it_is_slower() -> None:
    """Today's usual picture for a small net: 8 bits cost time in ONNX Runtime and save it in LiteRT."""
    measured = [
        candidate("fp32.onnx", 58, 190_000),
        candidate("int8.onnx", 93, 62_000),
        candidate("fp32.tflite", 36, 190_000),
        candidate("int8.tflite", 31, 57_000),
    ]
    verdicts = choose_default(measured, Wishes())
    assert names(verdicts) == ["int8.tflite", "fp32.tflite", "fp32.onnx", "int8.onnx"]
    assert verdicts[0].reason.startswith("fastest: 0.03")
    to_float = {verdict.artifact.row.name: verdict.to_float for verdict in verdicts}
    assert to_float["int8.onnx"] is not None
    assert to_float["int8.onnx"].low > 1
    assert to_float["int8.tflite"] is not None
    assert to_float["int8.tflite"].high < 1
    assert to_float["fp32.onnx"] is None
    only = choose_default(measured, Wishes(backend="onnxruntime"))
    assert names(only)[0] == "fp32.onnx", "smaller, but slower: not for the goal latency"
    assert names(choose_default(measured, Wishes(backend="onnxruntime", goal="size")))[0] == "int8.onnx"
    assert [verdict.fits for verdict in only] == [True, True, False, False]
    assert only[-1].reason == "runs on litert, wanted onnxruntime"


def test_what_cannot_be_told_apart_is_a_tie_and_the_next_criterion_decides() -> None:
    large = candidate("fp32.onnx", 50.0, 200_000, noise=0.1)
    small = candidate("int8.onnx", 50.5, 60_000, noise=0.1)
    assert faster(large, small) == 0
    verdicts = choose_default([large, small], Wishes())
    assert names(verdicts) == ["int8.onnx", "fp32.onnx"]
    assert "≈ fp32.onnx on onnxruntime" in verdicts[0].reason
    assert verdicts[1].reason == "beside int8.onnx on onnxruntime: 3.33 × the bytes; ≈ as fast; ≈ as accurate"
    assert [verdict.front for verdict in verdicts] == [True, False]
    assert verdicts[1].to_float is None
    assert verdicts[0].to_float is not None
    assert ratio_text(verdicts[0].to_float).startswith("≈ 1 × [")


def test_who_is_faster_in_every_round_is_first_whatever_the_median_of_all_calls_says() -> None:
    """On a machine that others slow at times: one was called more often while it was quick, the other while it was slow."""

    def called(name: str, micros: float, quick: int, slow: int) -> TimedArtifact:
        made = candidate(name, micros)
        counts = [quick if i % 2 else slow for i in range(ROUNDS)]
        rounds = [np.full(n, round(1000 * micros * (1 if i % 2 else 3)), np.int64) for i, n in enumerate(counts)]
        return replace(made, rounds=tuple(rounds))

    lucky, fast = called("fp32.onnx", 50, quick=9, slow=3), called("int8.onnx", 40, quick=3, slow=9)
    assert lucky.timing.p50_ms < fast.timing.p50_ms
    assert faster(fast, lucky) == 1
    verdicts = choose_default([lucky, fast], Wishes())
    assert names(verdicts) == ["int8.onnx", "fp32.onnx"]
    assert "though" not in verdicts[1].reason


def test_accuracy_counts_only_where_it_was_shown() -> None:
    exact, close, poor = (
        candidate("fp32.onnx", 50),
        candidate("fp16.onnx", 40, lost=5),
        candidate("int8.onnx", 30, lost=6),
    )
    assert more_accurate(exact, close) == 0, "5 to 0: p = 0.06"
    assert more_accurate(exact, poor) == 1, "6 to 0: p = 0.03"
    assert more_accurate(poor, exact) == -1
    assert more_accurate(close, poor) == 0, "5 and 6 lost may be 11 different images"
    assert names(choose_default([exact, close, poor], Wishes(goal="accuracy")))[0] == "fp16.onnx"
    fastest = choose_default([exact, close, poor], Wishes())
    assert names(fastest)[0] == "int8.onnx"
    assert "though more accurate by 0.06 points" in next(v.reason for v in fastest if v.artifact is exact)


def test_sizes_that_differ_by_a_header_are_the_same() -> None:
    assert smaller(candidate("fp32.onnx", 50, 192_000), candidate("fp32.tflite", 50, 193_000)) == 0
    assert smaller(candidate("fp32.onnx", 50, 192_000), candidate("fp32.tflite", 50, 200_000)) == 1


@pytest.mark.parametrize(
    ("wishes", "reason"),
    [
        (Wishes(max_bytes=99_999), "100,000 bytes, permitted 99,999"),
        (Wishes(min_accuracy=0.9951), "accuracy 0.9950, required 0.9951"),
        (Wishes(max_ms=0.0501), r"permitted 0.0501 ms"),
        (Wishes(backend="litert"), "runs on onnxruntime, wanted litert"),
    ],
)
def test_when_nothing_fits_the_reason_is_given_for_each(wishes: Wishes, reason: str) -> None:
    """max_ms is judged by the upper end of the interval: a median that may lie above is not promised."""
    with pytest.raises(GateError, match=r"no artifact fits: fp32\.onnx on onnxruntime: ") as caught:
        choose_default([candidate("fp32.onnx", 50)], wishes)
    assert reason in str(caught.value)
    with pytest.raises(GateError, match="no artifact fits: none works here"):
        choose_default([], Wishes())


def test_the_front_holds_what_is_best_in_some_respect() -> None:
    verdicts = choose_default(
        [
            candidate("fp32.onnx", 50, 190_000),
            candidate("int8.onnx", 80, 60_000, lost=30),
            candidate("fp16.onnx", 90, 190_000),
            candidate("int8.tflite", 30, 57_000, lost=30),
        ],
        Wishes(),
    )
    assert {verdict.artifact.row.name for verdict in verdicts if verdict.front} == {"fp32.onnx", "int8.tflite"}
