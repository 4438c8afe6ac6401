"""What the sinks take, made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeproof.classifier import Facts
from edgeproof.output.shot import Shot
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit, Reading
from edgeproof.sources.source import Frame, Source

FACTS = Facts("int8.onnx", "onnxruntime", "CPUExecutionProvider", "1.0", "auto")
PHOTO = Source("picture", "/a/photo.jpg", "a/photo.jpg")


@pytest.fixture(scope="session")
def shot() -> Callable[..., Shot]:
    """`shot(source, size=(height, width), index=…, text=…, …)`: a grey frame in which the digits of `text` were read."""

    def make(
        source: Source = PHOTO, size: tuple[int, int] = (480, 640), index: int = 0, text: str = "7", **frame: Any
    ) -> Shot:
        digits = tuple(Digit(int(c), c, 0.98768, (10 + 40 * i, 20, 30, 50)) for i, c in enumerate(text))
        whole = (10, 20, 40 * len(text), 50)
        numbers = (Number(text, 0.98768, whole, tuple(range(len(text)))),) if text else ()
        glyphs = np.zeros((len(text), 28, 28), np.uint8)
        reading = Reading(digits, numbers, 4, 0, glyphs, {"segment": 0.9, "classify": 0.2, "total": 1.2})
        image = np.full((*size, 3), 128, np.uint8)
        return Shot(source, Frame(source.name, index, index / 25, image, 1.1, **frame), reading, FACTS, 1.2)

    return make
