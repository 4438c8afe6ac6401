"""OpenCV has one door: what needs no pixels starts without it, and what needs them says what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

#: The command line on a machine without OpenCV.
WITHOUT = "import sys; sys.modules['cv2'] = None; from edgeproof.cli.main import main; sys.exit(main(sys.argv[1:]))"


def without_opencv(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", ["read", "explain"])
def test_reading_without_opencv_says_what_to_install(verb: str, samples: Path) -> None:
    result = without_opencv(verb, samples / "numbers.jpg")
    assert result.returncode == 4
    assert "OpenCV does not import" in result.stderr
    assert "install edgeproof[headless], or edgeproof[desktop]" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bundle_is_verified_without_opencv() -> None:
    result = without_opencv("verify")
    assert result.returncode == 0, result.stderr
    assert "✅ all" in result.stdout


def test_its_limits_are_set_before_it_loads() -> None:
    code = "import os; from edgeproof.support import opencv as o; print(os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'], o.MAX_PIXELS)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == said[1]
