"""A drawn picture for every peer."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import pictures


@pytest.fixture(scope="session")
def scene(run: Path, tmp_path_factory: pytest.TempPathFactory) -> pictures.LabelledPicture:
    return pictures.draw(run, tmp_path_factory.mktemp("scenes"), 1, seed=1)[0]
