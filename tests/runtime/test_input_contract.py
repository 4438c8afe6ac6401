"""What a model takes: sizes have one home, and what an older manifest said of them is still understood."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from edgeproof.errors import UsageError
from edgeproof.input_contract import GLYPHS, InputContract, as_seen, at_once, axes, laid_out, upgraded, with_channels
from edgeproof.support.tables import from_table

ROOT = Path(__file__).parents[2]
COLOUR = InputContract((4, 6), 3, "fit")
#: Where a glyph's 28 pixels are said.
HOMES = {"runtime/edgeproof/input_contract.py", "runtime/edgeproof/glyph.py"}
#: Not code of the product: benchmarks' peers, who build glyphs as tutorials do, and drawings that have sizes of their own.
OTHERS = (
    "benchmarks/",
    "train/data/pages/",
    "train/data/sources.py",
    "train/data/datasets.py",
    "train/data/synthetic/",
    "runtime/edgeproof/output/",
)


def test_shapes() -> None:
    assert (GLYPHS.shape, GLYPHS.tensor_shape, GLYPHS.ink) == ((28, 28), (28, 28, 1), True)
    assert (COLOUR.shape, COLOUR.tensor_shape, COLOUR.ink) == ((4, 6, 3), (4, 6, 3), False)
    assert axes(COLOUR, "NCHW") == ("N", 3, 4, 6)
    assert axes(COLOUR, "NHWC") == ("N", 4, 6, 3)
    assert str(COLOUR) == "4×6×3 fit"


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ({"size": [32, 32], "channels": 3, "resize": "ink-1"}, "28×28×1 for ink-1"),
        ({"size": [28, 28], "channels": 3, "resize": "ink-1"}, "28×28×1 for ink-1"),
        ({"size": [32], "channels": 3, "resize": "fit"}, "height and width"),
        ({"size": [0, 32], "channels": 3, "resize": "fit"}, "from 1 to 1024"),
        ({"size": [32, 1025], "channels": 3, "resize": "fit"}, "from 1 to 1024"),
        ({"size": [32, 32], "channels": 4, "resize": "fit"}, "one of 1, 3"),
        ({"size": [32, 32], "channels": 3, "resize": "none"}, "'ink-1', 'stretch', 'fit', 'crop'"),
    ],
)
def test_what_is_no_contract_is_named(table: dict[str, object], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        from_table(InputContract, table, "input")


def test_tensors_hold_the_same_pixels() -> None:
    grey, colour = np.arange(24, dtype=np.uint8).reshape(1, 4, 6), np.arange(72, dtype=np.uint8).reshape(1, 4, 6, 3)
    assert with_channels(grey).shape == (1, 4, 6, 1)
    assert with_channels(colour) is colour
    assert laid_out(colour, "NCHW")[0, 2].tolist() == colour[0, ..., 2].tolist()
    assert laid_out(colour, "NCHW").flags.c_contiguous
    assert laid_out(colour, "NHWC") is colour


def test_ink_is_seen_dark_on_paper_and_a_picture_as_it_is() -> None:
    ink = np.full((1, 28, 28), 255, np.uint8)
    assert as_seen(ink, GLYPHS).max() == 0
    assert as_seen(ink, InputContract((28, 28), 1, "stretch")) is ink


@pytest.mark.parametrize(("convention", "resize"), [("ink-1", "ink-1"), ("none", "stretch")])
def test_schema_1_said_only_the_convention(convention: str, resize: str) -> None:
    table = upgraded({"schema": 1, "name": "old", "glyph": convention})
    assert table["schema"] == 2
    assert table["name"] == "old"
    assert "glyph" not in table
    assert from_table(InputContract, table["input"], "input") == InputContract((28, 28), 1, resize)  # type: ignore[arg-type]


@pytest.mark.skipif(not (ROOT / "train").is_dir(), reason="no checkout: the wheel is tested alone")
def test_no_size_stands_elsewhere_in_the_code() -> None:
    found = []
    for file in sorted(
        path for part in ("train", "convert", "runtime/edgeproof") for path in (ROOT / part).rglob("*.py")
    ):
        name = file.relative_to(ROOT).as_posix()
        if name in HOMES or name.startswith(OTHERS):
            continue
        found += [
            f"{name}:{node.lineno}"
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and node.value in (28, 784) and not isinstance(node.value, bool)
        ]
    assert found == []


def test_as_many_images_at_once_as_there_is_room_for() -> None:
    assert at_once((28, 28), 500, 2**23) == 500
    assert at_once((1024, 1024, 3), 500, 2**23) == 2
    assert at_once((1024, 1024, 3), 500, 2**10) == 1
