"""Versions of the bundle of colours that differ in a note, and a slots folder that has one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from edgeproof.bundle import load_bundle, publish_bundle
from edgeproof.manifest import Choice
from edgeproof.page.reader import open_reader
from edgeproof.slots.folder import Slots
from edgeproof.slots.update import Open

Version = Callable[[str], Path]


@pytest.fixture
def version(tmp_path: Path, colour: Path) -> Version:
    """`version(note)`: a bundle that takes pictures of 16×24 pixels, read with ONNX Runtime."""
    base = load_bundle(colour)
    manifest = replace(base.manifest, ranking=(Choice("fp32.onnx", "onnxruntime", 0.1, "as the test says"),))

    def make(note: str) -> Path:
        target = tmp_path / "versions" / note
        if not target.exists():
            publish_bundle(target, manifest, base.models, base.golden, attachments={"note.txt": note.encode()})
        return target

    return make


@pytest.fixture
def opening() -> Open:
    return partial(open_reader)


@pytest.fixture
def slots(tmp_path: Path, version: Version) -> Slots:
    """With version "a" as current."""
    made = Slots(tmp_path / "slots")
    made.folder.mkdir()
    stored = made.store(version("a"), load_bundle)
    made.stage(stored)
    made.commit(stored, None, running=False)
    return made
