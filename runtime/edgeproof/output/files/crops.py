"""Crops in a folder: what the model saw of each digit, and what a person is asked about."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edgeproof.input_contract import in_bgr
from edgeproof.output.files.places import Folder, safe_stem
from edgeproof.output.files.saved import encoded
from edgeproof.output.shot import Shot
from edgeproof.page.geometry import Box
from edgeproof.page.reading import Examination
from edgeproof.support.opencv import cv2

UNCERTAIN = (0.1, 0.9)  # scores from and below which a person is asked: less is mostly no digit, as everybody sees
MOST_UNCERTAIN = 1000  # crops in a folder: a person's hour
LONGEST_SIDE = 512  # of the crop of a region, pixels; models of pictures take less
MARGIN = 0.25  # around a crop, of its longer side
COUNT_S = 60.0  # between two counts of a full folder
MARK = 8  # pixels of the side that a mark is made to, to be compared
ALIKE = 10.0  # levels by which two that are the same differ in the mean, mostly by noise


class SavedCrops:
    """What the model saw of each digit or region: PNG files as small as that, named after source, frame, place and answer."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._stem: str | None = None  # of the source that is being read

    def take(self, shot: Shot) -> bool:
        self._stem = self._stem or self._folder.stem(safe_stem(Path(shot.source.name).stem))
        for i, (digit, glyph) in enumerate(zip(shot.reading.digits, shot.reading.glyphs, strict=True)):
            name = "".join(c for c in digit.name if c.isalnum())[:8] or str(digit.label)
            stem = f"{self._stem}-{shot.frame.index:05d}-{i:03d}-{name}"
            png = encoded(_as_drawn(glyph), ".png")
            self._folder.write(stem, ".png", png, lasting=False)  # dozens per frame of a camera
        return True

    def close(self) -> None:
        self._stem = None


class SavedUncertain:
    """Crops of what the reader was not sure of, as the frame shows them, for a person to label: PNG files named after source,
    frame, place, guess and score in percent.

    At most `MOST_UNCERTAIN` lie in the folder, those of earlier runs included; labelled ones lie elsewhere, and leave room.
    Of a moving source at most one frame per second is looked at, and what was there in the look before is the same again.
    """

    def __init__(self, folder: Folder, classes: Sequence[str]) -> None:
        self._folder, self._classes = folder, classes
        self._room, self._counted_s = 0, -math.inf  # when that was counted (monotonic clock)
        self._next_s = -math.inf  # the source's own time
        self._before: list[tuple[Box, Any]] = []  # in the look before: where, and what
        self._stem: str | None = None

    def take(self, shot: Shot) -> bool:
        """Raises OSError when a crop does not fit on the disk."""
        found = shot.examination
        if found is None or shot.frame.time_s < self._next_s or not self._has_room():
            return True
        scores, before, self._before = found.verdicts.scores, self._before, []
        for i in np.flatnonzero((scores >= UNCERTAIN[0]) & (scores < UNCERTAIN[1])).tolist():
            self._next_s = shot.frame.time_s + 1.0
            box = found.candidates[i].box
            mark = box, cv2.resize(_part(shot.frame.image, box), (MARK, MARK), interpolation=cv2.INTER_AREA)
            self._before.append(mark)
            if self._room <= 0 or any(_same(mark, other) for other in before):
                continue
            self._stem = self._stem or self._folder.stem(safe_stem(Path(shot.source.name).stem))
            name = "".join(c for c in self._guess(found, i) if c.isalnum())[:8] or "unknown"
            stem = f"{self._stem}-{shot.frame.index:06d}-{i:03d}-{name}-{round(100 * float(scores[i])):02d}"
            cut = _small if found.reading.regions else _with_margin
            crop = cut(shot.frame.image, box)
            self._folder.write(stem, ".png", encoded(crop, ".png"), lasting=False)
            self._room -= 1
        return True

    def close(self) -> None:
        self._stem, self._next_s, self._before = None, -math.inf, []

    def _has_room(self) -> bool:
        if self._room <= 0 and time.monotonic() - self._counted_s >= COUNT_S:
            self._counted_s = time.monotonic()
            self._room = MOST_UNCERTAIN - sum(1 for path in self._folder.path.iterdir() if path.suffix == ".png")
        return self._room > 0

    def _guess(self, found: Examination, i: int) -> str:
        """The likeliest class, also of what was refused."""
        if found.reading.regions:
            return found.reading.regions[i].top[0].name
        label = int(found.verdicts.labels[i])
        if label < 0 and found.judged is not None:
            label = int(found.judged.probabilities[i].argmax())
        return self._classes[label] if label >= 0 else "unknown"


def _as_drawn(glyph: Any) -> Any:
    """Grey as it is: bright ink on 0."""
    return glyph if glyph.ndim == 2 else in_bgr(glyph)


def _part(image: Any, box: Box) -> Any:
    x, y, width, height = box
    return image[y : y + height, x : x + width]


def _same(one: tuple[Box, Any], other: tuple[Box, Any]) -> bool:
    """Whether two marks stand in one place and look alike, but for noise."""
    (x, y, width, height), there = one[0], other[0]
    apart = abs(2 * (x - there[0]) + width - there[2]) / width, abs(2 * (y - there[1]) + height - there[3]) / height
    return max(apart) < 1 and float(cv2.absdiff(one[1], other[1]).mean()) < ALIKE


def _small(image: Any, box: Box) -> Any:
    """A region of the frame, of LONGEST_SIDE pixels at most: a thousand of them must not fill the disk."""
    _, _, width, height = box
    crop = _part(image, box)
    scale = LONGEST_SIDE / max(width, height)
    if scale >= 1:
        return crop
    return cv2.resize(crop, (max(1, round(scale * width)), max(1, round(scale * height))), interpolation=cv2.INTER_AREA)


def _with_margin(image: Any, box: Box) -> Any:
    """A part of the frame with some paper around it, by which a person, and training, tell what is ink."""
    x, y, width, height = box
    margin = round(MARGIN * max(width, height))
    return image[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin]
