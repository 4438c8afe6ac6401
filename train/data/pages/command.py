"""`python -m train pages`: drawn pages as files, to be looked at."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edgeproof.errors import UsageError
from edgeproof.support.files import write_atomic
from edgeproof.support.tables import nearest
from train.data.datasets import load
from train.data.pages.draw import LAYOUTS, draw_page
from train.data.pages.truth import DrawnPage

SHEET_COLUMNS, TILE = 5, 420
_COLOURS = {
    "digit": (0, 170, 0), "letter": (200, 80, 0), "sign": (0, 140, 255), "print": (180, 0, 180), "line": (120, 120, 120),
    "edge": (0, 0, 220), "texture": (90, 60, 0), "scribble": (160, 160, 0),
}  # fmt: skip


def write_pages(folder: Path, count: int, seed: int, layout: str | None = None, data_dir: Path | None = None) -> Path:
    """Write `count` pages into `folder` as PNG, labels.jsonl (one row each) and contact-sheet.png, boxes on it by kind; its path.

    Raises UsageError for an unknown layout, a count below 1, or a folder that has pages.
    """
    if layout is not None and layout not in LAYOUTS:
        raise UsageError(f"unknown layout '{layout}'{nearest(layout, LAYOUTS)}")
    if count < 1:
        raise UsageError(f"--count: expected at least 1, found {count}")
    if (folder / "labels.jsonl").exists():
        raise UsageError(f"{folder}: has pages already; name another folder, or remove it")
    mnist = load("mnist", data_dir)
    folder.mkdir(parents=True, exist_ok=True)
    rows, tiles = [], []
    for i in range(count):
        page = draw_page(mnist.train_images, mnist.train_labels, seed + i, layout)
        name = f"page-{seed + i:06d}.png"
        write_atomic(folder / name, _png(page.picture))
        rows.append(json.dumps(page.labels(name), ensure_ascii=False))
        if i < 8 * SHEET_COLUMNS:
            tiles.append(_tile(page))
    write_atomic(folder / "labels.jsonl", "".join(f"{row}\n" for row in rows).encode())
    file = folder / "contact-sheet.png"
    write_atomic(file, _png(_sheet(tiles)))
    print(f"{file}: {count} pages, labels in labels.jsonl", flush=True)
    return file


def _png(picture: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def _tile(page: DrawnPage) -> NDArray[np.uint8]:
    """The page with its boxes, in a square."""
    picture = page.picture.copy()
    for thing in page.things:
        x, y, width, height = thing.box
        if thing.kind not in {"texture", "line", "edge"}:
            cv2.rectangle(picture, (x, y), (x + width, y + height), _COLOURS[thing.kind], 1 + max(picture.shape) // 900)
    scale = TILE / max(picture.shape)
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.full((TILE + 20, TILE, 3), 255, np.uint8)
    tile[20 : 20 + small.shape[0], : small.shape[1]] = small[:TILE, :TILE]
    cv2.putText(
        tile, f"{page.layout} {page.turn or ''}", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA
    )
    return tile


def _sheet(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    columns = min(SHEET_COLUMNS, len(tiles))
    tiles = tiles + [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)])
