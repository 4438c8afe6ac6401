"""Fixtures of the tests that a device runs: the wheel, ONNX Runtime, LiteRT, OpenCV and pytest, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="session")
def samples() -> Path:
    return SAMPLES


@pytest.fixture(scope="session")
def photos() -> Path:
    """Real photos with labels, which are no part of the project; the tests that want them skip without."""
    folder = Path(os.environ.get("EDGEPROOF_PHOTOS", "/nonexistent"))
    if not folder.is_dir():
        pytest.skip("EDGEPROOF_PHOTOS does not point to labelled photos")
    return folder
