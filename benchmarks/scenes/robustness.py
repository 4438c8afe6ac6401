"""How reading holds up: one row per condition, on photographs of drawn pages with known answers.

    python -m benchmarks scenes --run runs/digits --write docs/results.md

The handwriting is MNIST *test* images from the run's `test.npz`, any of them, also the unclear ones. The upper rows
disturb the same scenes in one way each, so that beside the share of right answers stands the share of answers that stay
what they were undisturbed. Nothing here is chosen so that it is read well.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import scoring
from benchmarks.scenes import conditions, layout, publish
from benchmarks.scenes.conditions import BASE, CHANGES
from benchmarks.scenes.kinds.catalogue import KINDS
from benchmarks.scenes.report import EMPTY_GROUP, SCHEMA, SIZE_GROUP, ConditionRow, RobustnessReport
from benchmarks.scenes.scene import Box, Matrix, Scene
from benchmarks.scenes.writer import Digits
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.manifest_file import MANIFEST
from edgeproof.page.reader import Reader
from edgeproof.page.reading import Reading
from edgeproof.run_folder import read_test
from edgeproof.support import files
from edgeproof.support.machine import environment


def run(args: argparse.Namespace) -> int:
    """The verb: draw, read, count; print the table, write JSON and plot. Raises what `read_test` raises."""
    test = read_test(args.run)
    digits = test.images, test.labels
    bundle = load_bundle(args.bundle)
    with open_classifier(bundle) as classifier:
        reader = Reader(classifier)
        start = time.perf_counter()
        rows = measure(reader, digits, args.scenes, args.seed, args.keep)
        report = RobustnessReport(
            SCHEMA, datetime.now(UTC).isoformat(timespec="seconds"), bundle.manifest.name,
            files.sha256(bundle.path / MANIFEST), reader.facts.artifact, reader.facts.backend, args.seed, args.scenes,
            round(time.perf_counter() - start, 1), environment(), tuple(rows),
        )  # fmt: skip
        print(publish.markdown(report))
        print(*publish.save(report, args.out), sep="\n")
        if args.write:
            examples = publish.examples(reader, digits, args.seed)
            print(*publish.write(report, args.write, examples), sep="\n")
    return 0


def measure(reader: Reader, digits: Digits, count: int, seed: int, keep: Path | None = None) -> list[ConditionRow]:
    """Every condition on `count` scenes; with `keep`, each picture and a labels.jsonl land in that folder."""
    bases = conditions.bases(digits, count, seed)
    before = [reader.read(base.scene.picture) for base in bases]
    rows, labels = [], []
    for condition in (BASE, *CHANGES):
        print(f"{condition.group}: {condition.name}", file=sys.stderr)
        made = [condition.make(base) for base in bases]
        scenes = [scene for scene, _ in made]
        readings = before if condition is BASE else [reader.read(scene.picture) for scene in scenes]
        row = count_row(condition.group, condition.name, scenes, readings)
        if condition is not BASE:
            ways = (matrix for _, matrix in made)
            pairs = [same_answers(old, new, matrix) for old, new, matrix in zip(before, readings, ways, strict=True)]
            row = replace(row, same=sum(same for same, _ in pairs), answers=sum(every for _, every in pairs))
        rows.append(row)
        labels += _kept(keep, row, scenes)
    for group, name, scenes in _own_scenes(digits, count, seed):
        print(f"{group}: {name}", file=sys.stderr)
        rows.append(count_row(group, name, scenes, [reader.read(scene.picture) for scene in scenes]))
        labels += _kept(keep, rows[-1], scenes)
    if keep:
        text = "".join(json.dumps(label, ensure_ascii=False) + "\n" for label in labels)
        files.write_atomic(keep / "labels.jsonl", text.encode())
    return rows


def _own_scenes(digits: Digits, count: int, seed: int) -> Iterator[tuple[str, str, list[Scene]]]:
    """Scenes that are no disturbance of the common ones; those without digits come last."""
    for kind in KINDS:
        if kind.group != EMPTY_GROUP:
            yield kind.group, kind.name, kind.scenes(digits, count, seed)
    for height in conditions.SIZES:
        yield SIZE_GROUP, f"{height} pixels high", conditions.sized(digits, height, count, seed)
    yield SIZE_GROUP, conditions.SMALL_AND_LARGE, conditions.small_and_large(digits, count, seed)
    for style in layout.WITHOUT_DIGITS:
        yield EMPTY_GROUP, style, conditions.empty(style, digits, count, seed)
    for kind in KINDS:
        if kind.group == EMPTY_GROUP:
            yield kind.group, kind.name, kind.scenes(digits, count, seed)


def _kept(folder: Path | None, row: ConditionRow, scenes: Sequence[Scene]) -> list[dict[str, Any]]:
    """Write the pictures of one row as PNG; returns their labels. Nothing without a folder."""
    if folder is None:
        return []
    labels = []
    for i, scene in enumerate(scenes):
        plain = unicodedata.normalize("NFKC", f"{row.group} {row.name}".lower())  # ⅓ and ⅒ are other names too
        name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") + f"-{i}.png"
        files.write_atomic(folder / name, cv2.imencode(".png", scene.picture)[1].tobytes())
        labels.append(scene.labels(name, f"scenes: {row.group}"))
    return labels


def count_row(group: str, name: str, scenes: Sequence[Scene], readings: Sequence[Reading]) -> ConditionRow:
    """The figures of one condition."""
    tallies, numbers, right = [], 0, 0
    for scene, reading in zip(scenes, readings, strict=True):
        labelled = [(int(mark.text), mark.box) for mark in scene.digits]
        tallies.append(scoring.tally(labelled, [(digit.label, digit.box) for digit in reading.digits]))
        # A minus sign or a point in what was read belongs to the text, not to the group of digits that is asked for.
        read = Counter(re.sub(r"[^0-9]", "", number.text) for number in reading.numbers)
        numbers += len(scene.numbers)
        right += (Counter(scene.numbers) & read).total()
    return ConditionRow(group, name, scoring.total(tallies), numbers, right)


def same_answers(before: Reading, after: Reading, matrix: Matrix) -> tuple[int, int]:
    """How many digits were read again where `matrix` put them; of how many that were read in either picture."""
    left = [(digit.name, _centre(digit.box)) for digit in after.digits]
    same = 0
    for digit in before.digits:
        x, y, width, height = digit.box
        corners = np.array([[[x, y], [x + width, y], [x + width, y + height], [x, y + height]]], np.float64)
        seen = cv2.perspectiveTransform(corners, matrix)[0]
        middle, reach = seen.mean(axis=0), np.ptp(seen, axis=0).max() / 2
        near = (i for i, (name, at) in enumerate(left) if name == digit.name and np.hypot(*(at - middle)) < reach)
        if (match := next(near, None)) is not None:
            del left[match]
            same += 1
    return same, same + max(len(before.digits) - same, len(left))


def _centre(box: Box) -> NDArray[np.float64]:
    return np.array([box[0] + box[2] / 2, box[1] + box[3] / 2])
