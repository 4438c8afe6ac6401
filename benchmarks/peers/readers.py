"""Each peer as a function from a picture (uint8 BGR, H×W×3) to the digits that it reads, with a box for each.

A peer gets what suits it best within what its manual offers:

- edgeproof: as shipped, no flags.
- Tesseract: its command on a PNG file, the LSTM engine, white list 0123456789, its automatic page layout (`--psm 3`: of 3, 6,
  11 and 12 the best on photographs), and the box that it states per character (`makebox`). Its time is that of the command,
  start included: it has no other interface.
- RapidOCR: its own models and settings, one thread, `return_word_box`, which is a box per character. It has no white list:
  what it takes for a letter is dropped.
- tutorial: Gaussian blur, adaptive threshold, external contours, 20×20 pixels centred by mass in 28×28, then edgeproof's own
  model, or the one of a tutorial (`--tutorial-bundle`). A class for what is no digit is respected where the model has one.
- HOG + SVM: as in OpenCV's digits sample, see `hog_svm`.

Tesseract's and RapidOCR's boxes are as high as the line and as wide as their guess: an upright 1 would fail the overlap that is
asked for. They are shrunk to the ink inside, outside of the measured time.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import tutorial
from benchmarks.scoring import Labelled
from edgeproof.backends import BACKENDS
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import UnavailableError

Picture = NDArray[np.uint8]
Options = Mapping[str, str]
DIGITS = "0123456789"


@dataclass(frozen=True)
class Peer:
    """A peer that works here. read: what is timed. finish: what turns its answer into digits, not timed.

    version: of the program. packages: Python distributions that it cannot do without. files: what else it needs on the disk.
    command: whether the work is done by another program, whose memory is then the one that counts.
    """

    read: Callable[[Picture], Any]
    finish: Callable[[Picture, Any], list[Labelled]]
    version: str
    packages: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    command: bool = False


def as_read(_: Picture, digits: Any) -> list[Labelled]:
    return list(digits)


def edgeproof(options: Options) -> Peer:
    from edgeproof.page.reader import open_reader

    reader = open_reader(options.get("bundle"))
    return Peer(
        lambda picture: [(digit.label, digit.box) for digit in reader.read(picture).digits],
        as_read,
        f"{metadata.version('edgeproof')} ({reader.facts.artifact} on {reader.facts.backend})",
        ("edgeproof", *packages_of(reader.facts.backend)),
    )


def packages_of(backend: str) -> tuple[str, ...]:
    """What reading with a backend needs; OpenCV reads pictures for all."""
    return tuple(dict.fromkeys(("numpy", "opencv-python-headless", BACKENDS[backend].packages[0])))


def tutorial_same_model(options: Options) -> Peer:
    return _tutorial(options.get("bundle"))


def tutorial_own_model(options: Options) -> Peer:
    if "tutorial_bundle" not in options:
        raise UnavailableError("no model of a tutorial: --tutorial-bundle names a bundle of one, for example of cnn-32")
    return _tutorial(options["tutorial_bundle"])


def _tutorial(bundle: str | None) -> Peer:
    classifier = open_classifier(load_bundle(bundle))
    return Peer(
        lambda picture: tutorial.read(picture, classifier),
        as_read,
        f"OpenCV {metadata.version('opencv-python-headless')}, model {classifier.bundle.manifest.name}",
        packages_of(classifier.facts.backend),
        (classifier.bundle.path / str(classifier.artifact.file),),
    )


def tesseract(options: Options) -> Peer:
    del options
    program = shutil.which("tesseract")
    if program is None:
        raise UnavailableError(
            "no program `tesseract`: install it from the system's packages (tesseract-ocr on Debian)"
        )
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    folder = tempfile.TemporaryDirectory(prefix="peer-tesseract-")  # lives as long as `read`, which names it
    page = Path(folder.name) / "page.png"
    words = [program, str(page), "stdout", "--psm", "3", "--oem", "1", "-c", f"tessedit_char_whitelist={DIGITS}"]
    # One thread, as every other peer.
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}

    def read(picture: Picture) -> str:
        # Uncompressed PNG: the price of handing the picture over is not held against it more than needed.
        cv2.imwrite(f"{folder.name}/{page.name}", picture, [cv2.IMWRITE_PNG_COMPRESSION, 0])
        return subprocess.run([*words, "makebox"], capture_output=True, text=True, check=True, env=environment).stdout

    return Peer(read, _boxes_of, said.stdout.split()[1], command=True)


def _boxes_of(picture: Picture, boxes: str) -> list[Labelled]:
    """`makebox` lines: character, left, bottom, right, top, page; y counts from the lower edge."""
    height = picture.shape[0]
    found: list[Labelled] = []
    for row in csv.reader(boxes.splitlines(), delimiter=" ", quoting=csv.QUOTE_NONE):
        if len(row) == 6 and row[0] in DIGITS and row[0]:
            left, bottom, right, top = map(int, row[1:5])
            found.append((int(row[0]), shrunk(picture, (left, height - top, right - left, top - bottom))))
    return found


def rapidocr(options: Options) -> Peer:
    del options
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ImportError as missing:
        raise UnavailableError(f"the package rapidocr-onnxruntime does not import ({missing})") from None
    engine = RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)
    return Peer(
        lambda picture: engine(picture, return_word_box=True)[0],
        _characters_of,
        metadata.version("rapidocr-onnxruntime"),
        ("rapidocr-onnxruntime", "opencv-python-headless"),
    )


def _characters_of(picture: Picture, lines: Any) -> list[Labelled]:
    """Lines of (quadrangle, text, score, quadrangle per character, characters, scores)."""
    found: list[Labelled] = []
    for line in lines or ():
        for corners, character in zip(line[3], line[4], strict=False):
            if character in DIGITS:
                points = np.asarray(corners, np.float32)
                (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
                found.append((int(character), shrunk(picture, (int(x0), int(y0), int(x1 - x0), int(y1 - y0)))))
    return found


def shrunk(picture: Picture, box: Sequence[int]) -> tuple[int, int, int, int]:
    """`box` (x, y, width, height) around the ink inside it: what Otsu's threshold parts as the smaller share."""
    x, y = max(0, box[0]), max(0, box[1])
    part = picture[y : y + max(1, box[3]), x : x + max(1, box[2])]
    if min(part.shape[:2]) < 3:
        return x, y, max(1, box[2]), max(1, box[3])
    grey = cv2.GaussianBlur(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), (3, 3), 0)
    _, dark = cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    ink = dark if (dark > 0).mean() <= 0.5 else 255 - dark
    # The neighbours' strokes reach into the cell: the largest piece is the character's.
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(ink, np.uint8), connectivity=8)
    if len(stats) < 2:
        return x, y, max(1, box[2]), max(1, box[3])
    left, top, width, height, _ = (int(value) for value in stats[1:][stats[1:, cv2.CC_STAT_AREA].argmax()])
    return x + left, y + top, width, height
