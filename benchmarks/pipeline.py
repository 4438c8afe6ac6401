"""What reading a frame costs, beside two scripts that somebody might have written instead, in one run.

    python -m benchmarks pipeline

*bare*: the OpenCV and model calls that edgeproof makes for this frame, in a straight line, for nothing but this frame: no
hypotheses, no context, no numbers. *tutorial*: the usual one's way, with the same model. Then a photo of
12 megapixels beside its own decoding, and how the cost grows with pixels and with digits. What is compared takes turns, so
that a busy machine hits all of it alike.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import tutorial
from benchmarks.scenes import layout
from benchmarks.scenes.photograph.camera import Look, photograph
from benchmarks.scenes.writer import Writer, clear_digits
from edgeproof import glyph
from edgeproof.bench.timing import Subject, compare, measure_in_turns, summarize
from edgeproof.bundle import load_bundle
from edgeproof.classifier import Classifier, open_classifier
from edgeproof.page.reader import Reader
from edgeproof.support.machine import environment

Image = NDArray[np.uint8]

#: Ten digits on a frame of a common camera.
BOUND = 1.3  # times the bare script: what edgeproof may take
DECODING_BOUND = 2.5  # times its own decoding: what reading a 12-megapixel photo may take
PHOTO = (4000, 3000)  # pixels of such a photo
GROWTH = ((640, 480), (1280, 960), (2560, 1920))  # pictures of one page
CROWDS = (10, 40, 160)  # digits on a page


def run(args: argparse.Namespace) -> int:
    """Measure and print; 3 when edgeproof takes more than BOUND times the bare script or longer than the tutorial's, or
    more than DECODING_BOUND times the decoding of a large photo."""
    cv2.setNumThreads(1)
    machine = environment()
    print(f"{machine.cpu}: {', '.join(machine.isa)}")
    with open_classifier(load_bundle(args.bundle), threads=1) as classifier:
        reader, image = Reader(classifier), frame(classifier, args.seed)
        within = _beside_scripts(reader, classifier, image, args.seconds)
        within &= _beside_decoding(reader, image, args.seconds)
        _print_growths(reader, classifier, image, args)
    return 0 if within else 3


def _beside_scripts(reader: Reader, classifier: Classifier, image: Image, seconds: float) -> bool:
    """Whether reading a frame takes no longer than BOUND times the bare script, nor than the tutorial's."""
    read: dict[str, Callable[[Any], object]] = {
        "edgeproof": reader.read,
        "bare": lambda picture: bare(picture, classifier),
        "tutorial": lambda picture: tutorial.read(picture, classifier, tutorial.QUICK),
    }
    digits = len(reader.read(image).digits)
    print(f"640×480, {digits} digits read, {classifier.facts.artifact} on {classifier.facts.backend}, one thread")
    rounds = _in_turns({name: (call, image) for name, call in read.items()}, seconds)
    _print_beside(rounds)
    quick = compare(rounds["edgeproof"], rounds["bare"]).value <= BOUND
    return quick and compare(rounds["edgeproof"], rounds["tutorial"]).value <= 1


def _beside_decoding(reader: Reader, image: Image, seconds: float) -> bool:
    """Whether reading a photo takes no longer than DECODING_BOUND times its own decoding."""
    photo: Any = cv2.resize(image, PHOTO, interpolation=cv2.INTER_CUBIC)
    encoded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 90])[1]
    digits = len(reader.read(photo).digits)
    print(f"\n{PHOTO[0]}×{PHOTO[1]}, {digits} digits read, {len(encoded) / 1e6:.1f} MB as JPEG")
    rounds = _in_turns(
        {"edgeproof": (reader.read, photo), "cv2.imdecode": (lambda data: cv2.imdecode(data, 1), encoded)}, seconds
    )
    _print_beside(rounds)
    return compare(rounds["edgeproof"], rounds["cv2.imdecode"]).value <= DECODING_BOUND


def _print_growths(reader: Reader, classifier: Classifier, image: Image, args: argparse.Namespace) -> None:
    print(f"\n{'growth':<28} {'p50 ms':>8} {'ms per more':>20}")
    pictures: dict[str, Any] = {f"{w}×{h}": cv2.resize(image, (w, h), interpolation=cv2.INTER_CUBIC) for w, h in GROWTH}
    _print_growth(reader, pictures, [w * h / 1e6 for w, h in GROWTH], "megapixel", args.seconds)
    pages = [crowd(classifier, digits, args.seed) for digits in CROWDS]
    found = [len(reader.read(page).digits) for page in pages]
    named = {f"{read} of {digits} digits read": page for read, digits, page in zip(found, CROWDS, pages, strict=True)}
    _print_growth(reader, named, list(CROWDS), "digit", args.seconds)


def _in_turns(calls: dict[str, tuple[Callable[[Any], object], Any]], seconds: float) -> dict[str, list[list[int]]]:
    """Nanoseconds of each call with its input, by rounds in which they take turns."""
    subjects = [Subject(call, repeat(given)) for call, given in calls.values()]
    measure_in_turns(subjects, seconds, lambda text: print(text, file=sys.stderr))
    return {name: subject.rounds for name, subject in zip(calls, subjects, strict=True)}


def _print_beside(rounds: dict[str, list[list[int]]]) -> None:
    """The time of each, and how many times that edgeproof takes."""
    print(f"{'':<12} {'p50 ms':>8} {'median':>18} {'edgeproof takes':>24}")
    for name, taken in rounds.items():
        timing, ratio = summarize(taken), compare(rounds["edgeproof"], taken)
        note = "" if name == "edgeproof" else f"{ratio.value:.2f} × ({ratio.low:.2f}–{ratio.high:.2f})"
        print(f"{name:<12} {timing.p50_ms:>8.2f} {timing.p50_low_ms:>8.2f}–{timing.p50_high_ms:<8.2f} {note:>24}")


def _print_growth(reader: Reader, pictures: dict[str, Image], sizes: list[float], unit: str, seconds: float) -> None:
    """The time of each picture, and what each `unit` more than in the picture before cost: linear means always the same."""
    rounds = _in_turns({name: (reader.read, picture) for name, picture in pictures.items()}, seconds)
    p50 = [summarize(taken).p50_ms for taken in rounds.values()]
    for i, name in enumerate(pictures):
        more = f"{(p50[i] - p50[i - 1]) / (sizes[i] - sizes[i - 1]):.3f} per {unit}" if i else ""
        print(f"{name:<28} {p50[i]:>8.2f} {more:>20}")


def frame(classifier: Classifier, seed: int) -> Image:
    """A photographed page, uint8 BGR (480, 640, 3), written with the clear ones of the bundle's golden digits."""
    size, digit = (640, 480), 62
    writer = _writer(classifier, seed)
    written = layout.compose_rows(("2026 71", "4398"), size, digit, writer, corner=(0.15, 0.2), pitch=1.95)
    return photograph(written, size, digit, Look(), seed).picture


def crowd(classifier: Classifier, digits: int, seed: int) -> Image:
    """A photographed page, uint8 BGR (960, 1280, 3), with so many of these digits on a grid of 160 places."""
    size, digit = (1280, 960), 46
    writer = _writer(classifier, seed)
    page = layout.PageWriter(size, digit, writer)
    for place in writer.rng.permutation(160)[:digits].tolist():
        row, column = divmod(place, 16)
        page.new_line()
        page.write(str(writer.rng.integers(10)), 36 + 77 * column, 76 + 92 * row)
    return photograph(page.written, size, digit, Look(), seed).picture


def _writer(classifier: Classifier, seed: int) -> Writer:
    golden = classifier.bundle.golden
    digits = clear_digits(golden.images, golden.labels, golden.logits[classifier.artifact.name])
    return Writer(*digits, np.random.default_rng([seed, 0]))


def bare(picture: Image, classifier: Classifier) -> Any:
    """Logits of everything that could be a digit, by the calls that edgeproof makes; any frame but this one may break it."""
    grey: Any = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (320, 240), interpolation=cv2.INTER_AREA)
    small = cv2.resize(small, (160, 120), interpolation=cv2.INTER_AREA)
    cv2.medianBlur(cv2.resize(small, (80, 60), interpolation=cv2.INTER_AREA), 27)
    closed = cv2.blur(cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((31, 31), np.uint8)), (15, 15))
    paper = cv2.resize(closed, (640, 480), interpolation=cv2.INTER_LINEAR)
    for y, x in ((0, 0), (0, -4), (-4, 0), (-4, -4)):
        cv2.minMaxLoc(grey[y : y + 4 or None, x : x + 4 or None])
    light: Any = cv2.divide(grey, paper, paper, scale=224)
    cv2.calcHist([light[::2].view("<u2").astype(np.uint8)], [0], None, [256], [0, 256])
    white: Any = 224.0
    ink: Any = cv2.subtract(white, light, light)
    contrast, sample = _contrast(ink), ink[::2].view("<u2").astype(np.uint8)
    edge = cv2.sumElems(np.multiply(contrast, sample, dtype=np.uint16))[0] / cv2.sumElems(contrast)[0]
    weak, faint = (cv2.threshold(ink, share * edge, 255, cv2.THRESH_BINARY)[1] for share in (0.6, 0.35))
    mask = cv2.bitwise_and(cv2.morphologyEx(weak, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8), weak), faint, weak)
    cv2.countNonZero(mask)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    inks = []
    for contour, (x, y, width, height) in _tall(contours):
        own: Any = np.zeros((height, width), np.uint8)
        cv2.drawContours(own, [contour], -1, 255, cv2.FILLED, offset=(-x, -y))
        own = cv2.dilate(own, np.ones((3, 3), np.uint8))
        part: Any = cv2.bitwise_and(ink[y : y + height, x : x + width], own)
        inks.append(cv2.convertScaleAbs(part, alpha=255 / int(part.max())))
    return classifier.logits(glyph.make_glyphs(inks))


def _contrast(ink: Any) -> Any:
    """By how much ink (480, 640) changes around every second pixel of every second row."""
    most, least, between = ink[::2].copy(), ink[::2].copy(), ink[1::2]
    for rows, others in ((slice(None), between), (slice(1, None), between[:-1])):
        cv2.max(most[rows], others, most[rows])
        cv2.min(least[rows], others, least[rows])
    across = np.ones((1, 3), np.uint8)
    contrast: Any = cv2.subtract(cv2.dilate(most, across), cv2.erode(least, across))
    return contrast.view("<u2").astype(np.uint8)


def _tall(contours: Any) -> Iterator[tuple[Any, Any]]:
    """Contours that are at least 20 pixels high, with their boxes (x, y, width, height)."""
    boxed = ((contour, cv2.boundingRect(contour)) for contour in contours)
    return ((contour, box) for contour, box in boxed if box[3] >= 20)
