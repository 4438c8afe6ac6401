"""manifest.json: written, read, and checked as a whole.

It carries a checksum of itself, but a checksum says only that nothing was damaged: whoever edits a manifest can compute it
anew. So each field is held against its range, and against the others that speak of the same. Everything that does not fit is an
IntegrityError that names the field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeproof import scores
from edgeproof.errors import IntegrityError
from edgeproof.input_contract import axes, upgraded
from edgeproof.manifest import SCHEMA, Artifact, FileName, Manifest, Proof, check_classes
from edgeproof.support import files, tables

MANIFEST, GOLDEN, REPORT, PAGE = "manifest.json", "golden.npz", "report.html", "page.json"
SIGNATURE = "manifest.sig"  # over the bytes of the manifest, which cannot list it
MAX_MANIFEST_BYTES = 4 * 2**20  # a manifest is tens of kilobytes


def has_digits(classes: tuple[str, ...]) -> bool:
    """Whether they are what a page scorer judges: the ten digits, and at most what is none."""
    return classes[:10] == tuple("0123456789") and classes[10:] in {(), (scores.REJECT,)}


def manifest_bytes(manifest: Manifest) -> bytes:
    """The manifest as JSON with its own checksum in the last key."""
    table = tables.to_table(manifest)
    table["checksum"] = checksum_of(table)
    return (json.dumps(table, indent=1, ensure_ascii=False) + "\n").encode()


def checksum_of(table: Mapping[str, Any]) -> str:
    """What the manifest `table`, without its last key, has to state in it. Raises ValueError for text that is none."""
    return files.sha256(json.dumps(table, sort_keys=True, ensure_ascii=False).encode())


def read_manifest(path: Path) -> bytes:
    """The content of the manifest in the bundle folder at `path`. Raises IntegrityError when it is missing or too large."""
    file = path / MANIFEST
    if not file.exists():
        raise IntegrityError(f"{file}: missing: this folder is no bundle, or an incomplete copy of one")
    return files.read_bounded(file, MAX_MANIFEST_BYTES)


def manifest_of(content: bytes, where: str) -> Manifest:
    """The manifest in the content of a manifest.json, which `where` names. Raises IntegrityError when it is damaged or does not
    fit."""
    table = parsed(content, where)
    schema = table.get("schema")
    if schema not in (1, SCHEMA):
        raise IntegrityError(f"{where}: schema: expected {SCHEMA}, found {schema!r}: convert the run again")
    stated = table.pop("checksum", None)
    if stated != checksum_of(table):
        raise IntegrityError(f"{where}: checksum: the manifest was edited or damaged: copy or convert the bundle again")
    table = upgraded(table) if schema == 1 else table
    manifest = tables.from_table(Manifest, table, where, IntegrityError)
    try:
        _check_manifest(manifest)
    except ValueError as error:
        raise IntegrityError(f"{where}: {error}") from None
    return manifest


def parsed(content: bytes, where: str) -> dict[str, Any]:
    """The JSON table in `content`: text that is text, numbers that are finite, each key once. Raises IntegrityError, which names
    the file as `where`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise ValueError("a key twice")
        return table

    def number(text: str) -> Any:
        raise ValueError(f"the number {text}")

    try:
        table = json.loads(content, object_pairs_hook=once, parse_constant=number)
        if not isinstance(table, dict):
            raise ValueError(f"a {type(table).__name__}")
        checksum_of(table)  # a lone surrogate cannot be encoded
    except (ValueError, RecursionError) as error:  # also UnicodeError
        raise IntegrityError(
            f"{where}: expected one JSON table, found {_reason(error)}: copy the bundle again"
        ) from None
    return table


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "brackets within brackets without end"
    return "bytes that are no text" if isinstance(error, UnicodeError) else str(error)


# ---- what the types cannot say ---------------------------------------------------------------------------------------


def _check_manifest(manifest: Manifest) -> None:
    """Names that are unique and refer to something, figures that fit each other. Raises ValueError."""
    check_classes(manifest.classes)
    names = [row.name for row in manifest.artifacts]
    tables.require(len(set(names)) == len(names), "artifacts", "different names", names)
    own = {MANIFEST, GOLDEN, REPORT, PAGE, SIGNATURE}
    listed = [row.file for row in manifest.artifacts if row.file] + [*manifest.attachments]
    tables.require(len({*listed, *own}) == len(listed) + len(own), "artifacts, attachments", "different files", listed)
    for name in manifest.attachments:
        tables.check(name, FileName, "attachments")
    for row in manifest.artifacts:
        _check_row(row, manifest, f"artifacts[{row.name}]")
    if manifest.page is not None:
        tables.require(
            has_digits(manifest.classes), "page, classes", 'the ten digits, then "reject" or none', manifest.classes
        )
        tables.require(manifest.input.ink, "page, input.resize", "ink, which a page is of", manifest.input.resize)
    usable = {row.name for row in manifest.usable}
    for choice in manifest.ranking:
        tables.require(choice.artifact in usable, "ranking", f"one of {sorted(usable)}", choice.artifact)
    images = {row.images for row in manifest.usable}
    for proof in manifest.proofs:
        tables.require(proof.artifact in names, "proofs", f"one of {sorted(names)}", proof.artifact)
        _check_proof(proof, images, f"proofs[{proof.artifact} on {proof.backend}]")


def _check_row(row: Artifact, manifest: Manifest, field: str) -> None:
    tables.require(row.name.endswith(f".{row.format}"), f"{field}.format", f"that of the name {row.name}", row.format)
    if row.file is not None:
        tables.require(
            row.file.endswith(f".{row.format}"), f"{field}.file", f"a name that ends in .{row.format}", row.file
        )
    if row.status != "✅":
        return
    if row.file is None or row.sha256 is None or row.input is None or row.output is None:
        raise ValueError(f"{field}: a usable artifact needs file, sha256, input and output")
    sides = axes(manifest.input, row.input.layout)
    tables.require(row.input.shape == sides, f"{field}.input.shape", f"{sides} as input says", row.input.shape)
    outputs = ("N", len(manifest.classes))
    tables.require(
        row.output.shape == outputs, f"{field}.output.shape", f"{outputs} as there are classes", row.output.shape
    )
    if row.deciding is not None and manifest.classes[-1] != scores.REJECT:
        bias = row.deciding.reject_bias
        tables.require(bias == 0, f"{field}.deciding.reject_bias", f"0 without a class '{scores.REJECT}'", bias)
    tables.require(row.correct <= row.images, f"{field}.correct", f"at most {row.images}", row.correct)
    share = row.correct / max(1, row.images)
    tables.require(
        abs(row.accuracy - share) < 1e-6, f"{field}.accuracy", f"{row.correct} of {row.images}", row.accuracy
    )
    tables.require_between(row.accuracy_low, share, row.accuracy_high, f"{field}.accuracy_low, accuracy_high")
    through = row.accuracy_through_glyph
    glyphs = manifest.input.ink or through is None
    tables.require(glyphs, "input.resize", "what accuracy_through_glyph was measured with", manifest.input.resize)


def _check_proof(proof: Proof, images: set[int], field: str) -> None:
    tables.require(proof.images in images, f"{field}.images", f"one of {sorted(images)}", proof.images)
    tables.require(proof.correct <= proof.images, f"{field}.correct", f"at most {proof.images}", proof.correct)
    share = proof.correct / max(1, proof.images)
    tables.require_between(proof.accuracy_low, share, proof.accuracy_high, f"{field}.accuracy_low, accuracy_high")
