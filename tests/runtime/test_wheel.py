"""In the device's environment: the installed wheel is what is tested, and the workshop is out of reach."""

from __future__ import annotations

import importlib.util
import os

import pytest

import edgeproof

pytestmark = pytest.mark.skipif("EDGEPROOF_WHEEL" not in os.environ, reason="runs in .venv-runtime (make test-wheel)")


def test_edgeproof_comes_from_site_packages() -> None:
    assert "site-packages" in str(edgeproof.__file__)


@pytest.mark.parametrize("module", ["tensorflow", "keras", "onnx", "train", "convert", "benchmarks"])
def test_the_workshop_cannot_be_imported(module: str) -> None:
    assert importlib.util.find_spec(module) is None
