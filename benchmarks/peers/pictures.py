"""The pictures that the peers read: drawn scenes, made anew each time, and labelled photographs where there are some."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from benchmarks.scenes import conditions
from benchmarks.scenes.conditions import BASE, CHANGES, Condition
from benchmarks.scoring import Labelled
from edgeproof.errors import IntegrityError, SourceError
from edgeproof.run_folder import read_test

LABELS = "labels.jsonl"
VARIABLE = "EDGEPROOF_PHOTOS"


@dataclass(frozen=True)
class LabelledPicture:
    """A picture file, and the digits in it with their boxes."""

    path: Path
    digits: tuple[Labelled, ...]


def named_folders() -> list[Path]:
    """The folders of labelled photographs that the environment names, as it names those of programs; none when it does not."""
    return [Path(folder) for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]


def load_groups(folders: Sequence[Path]) -> dict[str, list[LabelledPicture]]:
    """The pictures of each folder, a group of its own, by a name to show. Raises what `load` raises."""
    return {f"photographs, set {n}" if n > 1 else "photographs": load(one) for n, one in enumerate(folders, start=1)}


def load(folder: Path, *, empty: bool = False) -> list[LabelledPicture]:
    """Pictures of a folder with a labels.jsonl: one object per line, {"image", "boxes": [{"digit", "bbox": [x, y, w, h]}]}.

    Lines without boxes are left out: they say what is written, and not where; with `empty`, those with {"digits": ""} are not:
    there is nothing to read. Raises SourceError when no picture is left.
    """
    file = folder / LABELS
    if not file.is_file():
        raise SourceError(f"{folder}: expected pictures with a {LABELS}, found none")
    found = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            digits = tuple((int(box["digit"]), tuple(box["bbox"])) for box in row.get("boxes") or ())
            path = folder / row["image"]
        except (ValueError, KeyError, TypeError) as problem:
            raise IntegrityError(f"{file}, line {number}: expected image and boxes, found {problem!r}") from None
        if digits or (empty and row.get("digits") == ""):
            if not path.is_file():
                raise SourceError(f"{file}, line {number}: {row['image']} is missing")
            found.append(LabelledPicture(path, digits))
    if not found:
        raise SourceError(f"{file}: expected boxes of digits on some line, found none")
    return found


def draw(run: Path, folder: Path, count: int, seed: int) -> list[LabelledPicture]:
    """`count` drawn scenes with digits, each under another condition of the robustness table, as PNG in `folder`."""
    test = read_test(run)
    bases = conditions.bases((test.images, test.labels), count, seed)
    found = []
    for number, (base, condition) in enumerate(zip(bases, _in_turn(count), strict=True)):
        scene, _ = condition.make(base)
        path = folder / f"scene-{number:02d}.png"
        cv2.imwrite(str(path), scene.picture)
        found.append(LabelledPicture(path, tuple((int(mark.text), mark.box) for mark in scene.digits)))
    return found


def _in_turn(count: int) -> Iterator[Condition]:
    """The undisturbed condition, then others at equal steps through the table."""
    yield BASE
    for i in range(count - 1):
        yield CHANGES[i * len(CHANGES) // max(1, count - 1)]
