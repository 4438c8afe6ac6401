"""Processes that the device's package begins with its own Python: none imports from the folder that a person happens to stand in.

`train`, `convert` and `benchmarks` are no packages that are installed: they are run in the project's folder, and so are theirs.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "runtime" / "edgeproof"
FLAG = re.compile(r'sys\.executable, "(-\w+)"')
BEGINNING = {path: flags for path in sorted(PACKAGE.rglob("*.py")) if (flags := FLAG.findall(path.read_text()))}


def test_there_are_some() -> None:
    assert len(BEGINNING) >= 8


@pytest.mark.parametrize("path", BEGINNING, ids=lambda path: path.name)
def test_a_child_is_safe_from_a_strangers_modules(path: Path) -> None:
    """-P: not from there. -I: nor from what the environment says."""
    assert set(BEGINNING[path]) <= {"-P", "-I"}
