"""Which artifacts are offered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert.export import variants
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
