"""The contract on the shipped bundle: what fits is read, what does not is refused before any runtime opens a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeproof.bundle import Bundle, default_bundle, load_bundle, write_bundle
from edgeproof.errors import IntegrityError, UsageError
from edgeproof.manifest import Proof, checksum_of
from edgeproof.support.npz import npz_bytes
from edgeproof.support.tables import to_table


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle(), tmp_path / "digits"))


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and give it a right checksum again: what a careless tool, not a damaged disk, would do."""
    table = json.loads((folder / "manifest.json").read_bytes())
    table.pop("checksum")
    change(table)
    table["checksum"] = checksum_of(table)
    (folder / "manifest.json").write_text(json.dumps(table))


def test_shipped_bundle_is_whole() -> None:
    bundle = load_bundle()
    manifest = bundle.manifest
    assert manifest.classes[:10] == tuple("0123456789")
    assert manifest.glyph == "ink-1"
    assert {row.name for row in manifest.usable} >= {"fp32.onnx", "fp32.tflite", "int8.tflite"}
    assert manifest.ranking[0].artifact in {row.name for row in manifest.usable}
    assert sum(file.stat().st_size for file in bundle.path.rglob("*") if file.is_file()) < 2**20
    assert len(bundle.golden.labels) >= 64
    assert set(bundle.golden.labels) == set(range(len(manifest.classes)))


def test_every_file_is_checked_to_the_bit(copy: Path) -> None:
    for file in sorted(copy.iterdir()):
        content = file.read_bytes()
        for position in {0, len(content) // 2, len(content) - 1}:
            flipped = bytearray(content)
            flipped[position] ^= 1
            file.write_bytes(flipped)
            with pytest.raises(IntegrityError):
                load_bundle(copy)
        file.write_bytes(content[: len(content) // 2])
        with pytest.raises(IntegrityError):
            load_bundle(copy)
        file.unlink()
        with pytest.raises(IntegrityError, match="missing"):
            load_bundle(copy)
        file.write_bytes(content)
    load_bundle(copy)


def proof(artifact: str) -> dict[str, Any]:
    """A row of the manifest's proofs, of a perfect artifact."""
    whole = Proof(artifact, "litert", "1", 9, 9, 0.7, 1.0, 0, 0, 0.2, 1.0, 1.0, 0.0, 0.0, {"0": 1.0}, 0.0)
    table: dict[str, Any] = to_table(whole)
    return table


def first(table: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = next(row for row in table["artifacts"] if row["status"] == "✅")
    return row


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda table: table.update(schema=2), "schema"),
        (lambda table: table.update(glyph="ink-0"), "glyph"),
        (lambda table: table.update(classes=["only"]), "classes"),
        (lambda table: table.update(classes=["0"] * 11), "classes"),
        (lambda table: table.update(classes=["reject", *"0123456789"]), "classes"),
        (lambda table: table.update(classes=list("012")), r"output\.shape"),
        (lambda table: table.update(threshold=1.5), "threshold"),
        (lambda table: table.update(temperature=0), "temperature"),
        (lambda table: table.update(tresholds=1), "tresholds"),
        (lambda table: first(table).update(file="../evil.onnx"), "file"),
        (lambda table: first(table).update(sha256="0" * 64), "sha256"),
        (lambda table: first(table)["input"].update(shape=["N", 32, 32, 1]), r"input\.shape"),
        (lambda table: first(table)["input"].update(dtype="complex64"), r"input\.dtype"),
        (lambda table: table["ranking"][0].update(artifact="fp64.onnx"), "ranking"),
        (lambda table: table["ranking"][0].update(backend="tensorflow"), "backend"),
        (lambda table: table.update(golden_sha256="0" * 64), "golden_sha256"),
        (lambda table: table.update(attachments={"report.html": "0" * 64}), r"attachments\[report\.html\]"),
        (lambda table: table.update(attachments={"../secret": "0" * 64}), "attachments: expected plain file names"),
        (lambda table: table.update(proofs=[proof("fp64.onnx")]), "proofs"),
        (lambda table: table.update(proofs=[proof("fp32.onnx") | {"lost": "few"}]), r"proofs\[0\]\.lost"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(copy: Path, change: Callable[[dict[str, Any]], None], field: str) -> None:
    rewritten(copy, change)
    with pytest.raises(IntegrityError, match=field):
        load_bundle(copy)


def test_an_edit_without_the_checksum_is_noticed(copy: Path) -> None:
    manifest = copy / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"threshold"', '"threshold" ', 1).replace("✅", "❎", 1))
    with pytest.raises(IntegrityError, match="edited"):
        load_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'"text"'])
def test_a_manifest_that_is_none(copy: Path, content: bytes) -> None:
    (copy / "manifest.json").write_bytes(content)
    with pytest.raises(IntegrityError):
        load_bundle(copy)


def test_symbolic_link_in_place_of_a_model_is_refused(copy: Path) -> None:
    row = load_bundle(copy).manifest.usable[0]
    outside = copy.parent / "outside"
    (copy / str(row.file)).rename(outside)
    (copy / str(row.file)).symlink_to(outside)
    with pytest.raises(IntegrityError, match="regular file"):
        load_bundle(copy)


def test_missing_bundle_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="python -m convert run"):
        load_bundle(tmp_path / "none")


def models_of(bundle: Bundle) -> dict[str, bytes]:
    return {str(row.file): bundle.file(row).read_bytes() for row in bundle.manifest.artifacts if row.file}


def test_write_and_load_give_the_same(tmp_path: Path) -> None:
    bundle = load_bundle()
    report = (bundle.path / "report.html").read_bytes() if bundle.manifest.report_sha256 else None
    beside = {name: (bundle.path / name).read_bytes() for name in bundle.manifest.attachments}
    beside |= {"note.md": b"# read by people only"}
    written = write_bundle(
        tmp_path / "again", bundle.manifest, models_of(bundle), bundle.golden, report, attachments=beside
    )
    again = load_bundle(written).manifest
    assert set(again.attachments) == {*bundle.manifest.attachments, "note.md"}
    assert replace(again, attachments=bundle.manifest.attachments) == bundle.manifest
    (written / "note.md").write_bytes(b"# changed")
    with pytest.raises(IntegrityError, match=r"attachments\[note\.md\]"):
        load_bundle(written)
    with pytest.raises(UsageError, match="already exists"):
        write_bundle(tmp_path / "again", bundle.manifest, models_of(bundle), bundle.golden, report)


def test_what_cannot_be_read_back_is_not_published(tmp_path: Path) -> None:
    bundle = load_bundle()
    models = models_of(bundle)
    models.pop(str(bundle.manifest.usable[0].file))
    with pytest.raises((IntegrityError, KeyError)):
        write_bundle(tmp_path / "broken", bundle.manifest, models, bundle.golden)
    assert list(tmp_path.iterdir()) == []


def test_npz_bytes_are_reproducible() -> None:
    arrays = {"b": np.arange(5), "a": np.zeros((2, 2), np.uint8)}
    assert npz_bytes(arrays) == npz_bytes(dict(reversed(arrays.items())))
