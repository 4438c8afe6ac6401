"""10,000 malformed ONNX models and 5,000 malformed TFLite models: whoever opens them goes on, and says what is wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.target("T1", "T2")
CHUNK = 500  # in one process: what it leaks is seen to end
QUICK = 10
CASES = [("fp32.onnx", "onnxruntime", 6000), ("fp32.onnx", "opencv", 4000), ("int8.tflite", "litert", 5000)]


def ends(bundle: Path, artifact: str, backend: str, first: int, count: int) -> Counter[str]:
    """How so many ended. Fails when the process that opened them died."""
    ended = subprocess.run(
        [sys.executable, Path(__file__).with_name("malformed.py"), bundle, artifact, backend, str(first), str(count)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, f"{artifact} on {backend} ended with {ended.returncode}: {ended.stderr[-2000:]}"
    told = json.loads(ended.stdout.splitlines()[-1])
    assert sum(told["ends"].values()) == count
    return Counter(told["ends"])


def check(found: Counter[str]) -> None:
    """Every one is refused, exit code 6, or answers as the good one did; 4 is for what OpenCV does not run."""
    print(dict(found))
    assert {end.rpartition(", ")[2] for end in found} <= {"4", "6", "answers as before"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(("artifact", "backend", "count"), CASES)
def test_a_few(colour: Path, artifact: str, backend: str, count: int) -> None:
    check(ends(colour, artifact, backend, count, QUICK))


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("artifact", "backend", "count"), CASES)
def test_thousands_soak(colour: Path, artifact: str, backend: str, count: int) -> None:
    check(sum((ends(colour, artifact, backend, first, CHUNK) for first in range(0, count, CHUNK)), Counter()))
