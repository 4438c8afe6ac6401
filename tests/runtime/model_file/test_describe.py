"""What a model file says of itself, read without a library: never more than is there, and damage is one kind of error.

That it agrees with the formats' own libraries, and what is refused, is tested beside convert, where those libraries are.
"""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError
from edgeproof.manifest import Artifact
from edgeproof.model_file import describe, tflite

BUNDLE = load_bundle()
SMALLEST = [
    min((row for row in BUNDLE.manifest.usable if row.format == format), key=lambda row: row.bytes)
    for format in ("onnx", "tflite")
]


@pytest.mark.parametrize("row", BUNDLE.manifest.usable, ids=lambda row: row.name)
def test_what_ships_is_described_as_the_manifest_states(row: Artifact) -> None:
    description = describe(BUNDLE.content(row), row.format)
    assert row.input is not None
    assert row.output is not None
    assert (description.precision, description.input.shape, description.output.shape) == (
        row.precision, row.input.shape, row.output.shape,
    )  # fmt: skip
    assert (description.input.scale, description.input.zero_point) == (row.input.scale, row.input.zero_point)


@pytest.mark.parametrize("row", SMALLEST, ids=lambda row: row.format)
@pytest.mark.target("T1", "T2")
def test_a_file_that_ends_early_is_none(row: Artifact) -> None:
    content = BUNDLE.content(row)
    for end in (0, 1, 7, 8, 20, len(content) // 3, len(content) // 2):
        with pytest.raises(IntegrityError, match=rf"expected a file in the format \.{row.format}, found"):
            describe(content[:end], row.format)


@pytest.mark.parametrize("row", SMALLEST, ids=lambda row: row.format)
@pytest.mark.target("T1", "T2")
def test_a_changed_byte_gives_an_answer_or_one_kind_of_error(row: Artifact) -> None:
    """Wherever an offset, a size or a name is hit: no other exception, no endless walk."""
    random = np.random.default_rng(0)
    content = np.frombuffer(BUNDLE.content(row), np.uint8)
    for place in random.choice(len(content), 400, replace=False):
        changed = content.copy()
        changed[place] = random.integers(256)
        with contextlib.suppress(IntegrityError):
            describe(changed.tobytes(), row.format)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"\xff" * 100, b"TFL3" * 30, b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"#" * 99],
)
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_bytes_that_are_no_model(content: bytes, format: str) -> None:
    with pytest.raises(IntegrityError, match="expected a file in the format"):
        describe(content, format)


def test_the_formats_are_not_mistaken_for_each_other() -> None:
    for row, other in zip(SMALLEST, ("tflite", "onnx"), strict=True):
        with pytest.raises(IntegrityError, match=rf"expected a file in the format \.{other}"):
            describe(BUNDLE.content(row), other)


def test_a_list_can_claim_no_more_tables_than_a_network_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "MAX_LIST", 3)
    with pytest.raises(IntegrityError, match="a list of more than 3 tables"):
        describe(BUNDLE.content(SMALLEST[1]), "tflite")
