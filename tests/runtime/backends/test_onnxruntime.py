"""Sessions of ONNX Runtime: on the CPU with memory that is bound once, on a GPU as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

from edgeproof.backends.onnxruntime import PROVIDERS, _OnnxModel
from edgeproof.bundle import load_bundle
from edgeproof.classifier import encode

BUNDLE = load_bundle()
FLOAT = BUNDLE.manifest.artifact("fp32.onnx")


class Session:
    """A session on the CPU that may say it runs elsewhere, and notes how it was called."""

    def __init__(self, provider: str) -> None:
        self._real = onnxruntime.InferenceSession(BUNDLE.content(FLOAT), providers=[PROVIDERS["cpu"]])
        self._provider = provider
        self.calls: list[str] = []

    def get_providers(self) -> list[str]:
        return [self._provider]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("run"):
            self.calls.append(name)
        return getattr(self._real, name)


@pytest.mark.parametrize(
    ("device", "calls"), [("cpu", ["run", "run_with_iobinding", "run_with_iobinding"]), ("cuda", ["run"] * 3)]
)
def test_memory_is_bound_on_the_cpu_alone(device: str, calls: list[str]) -> None:
    assert FLOAT.input is not None
    images = encode(BUNDLE.golden.images[:3], FLOAT.input)
    session = Session(PROVIDERS[device])
    model = _OnnxModel(session, onnxruntime.__version__)
    first, again, other = model.run(images), model.run(images), model.run(images[::-1])
    assert session.calls == calls
    assert np.array_equal(first, again)
    assert np.array_equal(first, other[::-1])


def test_each_batch_size_has_memory_of_its_own() -> None:
    """With 1 image between 2 of 4, each is answered as by the session itself."""
    assert FLOAT.input is not None
    images = encode(BUNDLE.golden.images[:4], FLOAT.input)
    session = Session(PROVIDERS["cpu"])
    model = _OnnxModel(session, onnxruntime.__version__)
    for count in (4, 1, 4, 1, 2, 4, 1):
        (expected,) = session._real.run(None, {"image": images[:count]})
        assert np.array_equal(model.run(images[:count]), expected)
