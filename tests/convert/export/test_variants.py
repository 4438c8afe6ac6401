"""Which artifacts are offered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.export import variants
from convert.export.child import moved
from convert.export.variants import PRUNED, QAT, VARIANTS, offered
from convert.options import ConvertOptions


def test_what_takes_training_is_offered_where_it_is_asked_for() -> None:
    def names(**options: Any) -> set[str]:
        return {variant.name for variant in offered(ConvertOptions(**options))} - {variant.name for variant in VARIANTS}

    assert names() == set()
    assert names(qat=True) == names(artifacts=("int8-qat.onnx",)) == set(QAT)
    assert names(prune=0.5) == names(artifacts=("fp32.onnx", "pruned-int8.tflite")) == set(PRUNED)
    ratios = {variant.settings for variant in offered(ConvertOptions(prune=0.5)) if variant.name in PRUNED}
    assert ratios == {"ratio 0.5"}
    with pytest.raises(ValueError, match=r"prune: expected a share in 0\.05\.\.0\.9"):
        ConvertOptions(prune=25)


@pytest.mark.parametrize(
    ("maker", "options", "expected"),
    [("train_quantized", ConvertOptions(qat=True), QAT), ("prune", ConvertOptions(prune=0.5), PRUNED)],
)
def test_a_training_that_fails_is_not_tried_again_for_each_file(
    maker: str, options: ConvertOptions, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def failing(*_: Any, **__: Any) -> Any:
        calls.append(1)
        raise RuntimeError(f"attempt {len(calls)}")

    monkeypatch.setattr(variants, maker, failing)
    asked = [variant for variant in offered(options) if variant.name in expected]
    assert len(asked) == len(expected)
    for variant in asked:
        with pytest.raises(RuntimeError, match="attempt 1"):
            variant.export(None, np.zeros((1, 28, 28), np.uint8))  # type: ignore[arg-type]


def test_what_comes_in_at_the_edge_is_paper_for_ink_and_a_picture_s_own_edge() -> None:
    white = np.full((20, 16, 24, 3), 255, np.uint8)
    assert moved(white, np.random.default_rng(1), ink=True).min() == 0
    assert moved(white, np.random.default_rng(1), ink=False).min() == 255


@pytest.mark.parametrize("ink", [True, False])
@pytest.mark.parametrize(
    ("maker", "name", "options"),
    [("train_quantized", QAT[0], ConvertOptions(qat=True)), ("prune", PRUNED[0], ConvertOptions(prune=0.5))],
)
def test_a_training_is_told_whether_it_sees_ink(
    maker: str, name: str, options: ConvertOptions, ink: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []

    def failing(*_: Any, **given: Any) -> Any:
        told.append(given["ink"])
        raise RuntimeError("no need to train")

    monkeypatch.setattr(variants, maker, failing)
    (variant,) = (variant for variant in offered(options, ink=ink) if variant.name == name)
    with pytest.raises(RuntimeError, match="no need to train"):
        variant.export(None, np.zeros((1, 28, 28), np.uint8))  # type: ignore[arg-type]
    assert told == [ink]
