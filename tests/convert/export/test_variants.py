"""Which artifacts are offered."""

from __future__ import annotations

from typing import Any

import pytest

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
