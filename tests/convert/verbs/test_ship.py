"""ship: what goes into the wheel, and what does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.export.variants import VARIANTS
from convert.verbs.ship import MAX_BYTES, ship_bundle
from edgeproof.bundle import load_bundle, publish_bundle
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.input_contract import GLYPHS
from edgeproof.support import files

pytestmark = pytest.mark.slow

PICTURES = replace(GLYPHS, resize="stretch")


def test_ship_replaces_the_old_bundle_by_plain_files(target: Path, tmp_path: Path) -> None:
    destination = tmp_path / "bundles" / "digits"
    destination.mkdir(parents=True)
    (destination / "of the last release.onnx").write_bytes(b"old")
    size = ship_bundle(target, destination)
    shipped = load_bundle(destination)
    names = {variant.name for variant in VARIANTS} | {"manifest.json", "golden.npz", "report.html", "README.md"}
    assert {file.name for file in destination.iterdir()} == names
    assert not any(file.is_symlink() for file in destination.rglob("*"))
    assert [entry.name for entry in destination.parent.iterdir()] == ["digits"]
    assert size == sum(file.stat().st_size for file in destination.iterdir()) < MAX_BYTES
    assert shipped.manifest == load_bundle(target).manifest
    if os.name == "posix":
        assert destination.stat().st_mode & 0o555 == 0o555, "another user must be able to read it"


def test_ship_refuses_what_does_not_verify(copy: Path, tmp_path: Path) -> None:
    destination = tmp_path / "bundles" / "digits"
    (copy / "fp32.onnx").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"fp32\.onnx"):
        ship_bundle(copy, destination)
    assert not destination.exists()


def test_ship_refuses_what_is_too_large(copy: Path, rewrite: Callable[..., None], tmp_path: Path) -> None:
    (copy / "report.html").write_bytes(b" " * MAX_BYTES)
    rewrite(copy, lambda table: table.update(report_sha256=files.sha256(copy / "report.html")))
    with pytest.raises(GateError, match="expected less than 1,000,000 bytes for the wheel"):
        ship_bundle(copy, tmp_path / "bundles" / "digits")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": tuple("abcdefghij")}, "expected the classes 0 to 9, then reject or none, found a, b, c"),
        ({"classes": tuple("0123456798")}, "found 0, 1, 2, 3, 4, 5, 6, 7, 9, 8"),
        (
            {"input": PICTURES},
            r"expected a model of glyphs as the page reader cuts them \(28×28×1 ink-1\), found 28×28×1 stretch",
        ),
    ],
)
def test_ship_refuses_what_reads_no_digits(target: Path, tmp_path: Path, change: dict[str, Any], message: str) -> None:
    source = load_bundle(target)
    manifest = replace(source.manifest, proofs=(), **change)
    if not manifest.input.ink:
        rows = tuple(replace(row, accuracy_through_glyph=None) for row in manifest.artifacts)
        manifest = replace(manifest, artifacts=rows)
    other = publish_bundle(tmp_path / "other", manifest, source.models, source.golden)
    with pytest.raises(UsageError, match=message):
        ship_bundle(other, tmp_path / "bundles" / "digits")
    assert not (tmp_path / "bundles").exists()
