"""Frames to digits and numbers, with the bundle that the wheel carries."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from edgeproof import scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import UsageError
from edgeproof.input_contract import GLYPHS
from edgeproof.page import looking
from edgeproof.page.context import stroke_shape
from edgeproof.page.reader import Reader, open_reader

BACKENDS = ["onnxruntime", "litert"]


@pytest.fixture(scope="module", params=BACKENDS)
def opened(request):
    with open_reader(backend=request.param) as reader:
        yield reader


ROWS = ["2026 31", "4751 908", "36 1729"]


def test_a_drawn_page_is_read_number_by_number(opened, draw_scene):
    scene = draw_scene(ROWS, noise=4, gradient=0.4)
    reading = opened.read(scene.frame)
    assert [number.text for number in reading.numbers] == ["2026", "31", "4751", "908", "36", "1729"]
    assert len(reading.digits) == len(scene.boxes)
    assert all(digit.name == str(digit.label) and 0.5 <= digit.score <= 1 for digit in reading.digits)
    assert reading.glyphs.shape == (len(reading.digits), 28, 28)


@pytest.mark.parametrize("scale", [0.5, 2, 3])
def test_the_same_page_at_another_scale_reads_the_same(opened, draw_scene, scale):
    frame = draw_scene(ROWS, noise=2).frame
    resized = cv2.resize(
        frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    assert texts(opened.read(resized)) == texts(opened.read(frame))


def texts(reading) -> list[str]:
    return [number.text for number in reading.numbers]


def test_the_same_page_inverted_or_compressed_reads_the_same(opened, draw_scene):
    frame = draw_scene(ROWS, noise=2).frame
    squeezed = cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    assert texts(opened.read(255 - frame)) == texts(opened.read(squeezed)) == texts(opened.read(frame))


def test_the_numbers_index_the_digits(opened, draw_scene):
    reading = opened.read(draw_scene(["40 71"]).frame)
    for number in reading.numbers:
        assert "".join(reading.digits[i].name for i in number.digits) == number.text
        assert number.score == min(reading.digits[i].score for i in number.digits)


def test_stage_times_are_parts_of_the_total(opened, draw_scene):
    ms = opened.read(draw_scene(ROWS).frame).ms
    assert set(ms) == {"segment", "classify", "total"}
    assert ms["segment"] > 0 < ms["classify"]
    assert ms["segment"] + ms["classify"] <= ms["total"]


def test_all_candidates_go_through_the_model_in_one_call(draw_scene):
    calls = []
    with open_classifier(load_bundle()) as classifier:
        run = classifier.logits
        classifier.logits = lambda glyphs: calls.append(len(glyphs)) or run(glyphs)
        Reader(classifier).read(draw_scene(ROWS).frame)
    assert calls == [19]


def test_an_empty_page_has_no_digits(opened):
    reading = opened.read(np.full((480, 640, 3), 230, np.uint8))
    assert (reading.digits, reading.numbers, reading.rejected) == ((), (), 0)


def test_conf_rejects_and_counts(draw_scene):
    frame = draw_scene(["2026"]).frame
    with open_reader(conf=1.0) as strict, open_reader(conf=0.0) as lax:
        assert lax.read(frame).rejected == 0
        reading = strict.read(frame)
        assert len(reading.digits) + reading.rejected == 4
        assert reading.rejected > 0


def test_the_artifacts_own_threshold_counts_unless_conf_is_given(draw_scene):
    """A digit alone on the page, at a temperature that makes scores modest: good enough for the bundle's threshold only."""
    from edgeproof.manifest import Decided, Deciding, Share

    bundle, frame = load_bundle(), draw_scene(["7"]).frame
    nothing = Decided(Share(0, 0, 0, 1), Share(0, 0, 0, 1), Share(0, 0, 0, 1))

    def found(threshold: float | None, conf: float | None) -> int:
        rule = None if threshold is None else Deciding("probability", threshold, "for this test", nothing, nothing)
        rows = tuple(replace(row, deciding=rule) for row in bundle.manifest.artifacts)
        manifest = replace(bundle.manifest, artifacts=rows, temperature=4.0)
        changed = replace(bundle, manifest=manifest, scorer=None)  # a scorer was fitted to more than the model's score
        with open_classifier(changed) as classifier:
            return len(Reader(classifier, conf).read(frame).digits)

    assert found(None, None) == found(0.99, 0.0) == 1
    assert found(0.99, None) == found(None, 0.99) == 0


@pytest.mark.parametrize("conf", [-0.1, 1.1, float("nan")])
def test_conf_must_be_a_probability(conf):
    with pytest.raises(UsageError, match="--conf"):
        open_reader(conf=conf)


def test_a_bundle_of_pictures_gets_the_whole_picture():
    """glyph "none": the picture itself is the one candidate, whatever is in it."""
    bundle = load_bundle()
    pictures = replace(bundle, manifest=replace(bundle.manifest, input=replace(GLYPHS, resize="stretch")))
    image = np.repeat(bundle.golden.images[0][..., None], 3, axis=2)
    with open_classifier(pictures) as classifier:
        (digit,) = Reader(classifier).read(image).digits
    assert digit.label == bundle.golden.labels[0]
    assert digit.box == (0, 0, 28, 28)


own_bundle = cache(load_bundle)


class _Upright:
    """A classifier that takes whatever stands upright for a 7, with a probability of `sure`, and refuses all else: what a
    page without rows shows it turned."""

    def __init__(self, sure=1.0):
        bundle = own_bundle()
        rows = tuple(replace(row, deciding=None) for row in bundle.manifest.artifacts)
        classes = (*"0123456789", scores.REJECT)
        self.bundle = replace(
            bundle, manifest=replace(bundle.manifest, artifacts=rows, classes=classes, temperature=1.0), scorer=None
        )
        self.artifact = rows[0]
        self._taken, self._refused = np.full((2, len(classes)), -20, np.float32)
        self._taken[[7, -1]] = np.log([sure, 1 - sure + 1e-9])
        self._refused[-1] = 0

    def logits(self, glyphs):
        return np.where(np.abs(stroke_shape.lean(glyphs))[:, None] < 5, self._taken, self._refused)


@pytest.mark.parametrize("turn", [0, 15, -15])
def test_a_turned_page_without_rows_is_looked_at_upright(turn):
    """One bar in seven leans by itself, and looks upright on the turned page: one sure digit, as on any page with few."""
    page = np.full((700, 700, 3), 225, np.uint8)
    places = [(180, 130), (410, 120), (300, 270), (520, 230), (420, 320), (340, 380), (510, 390)]  # in no row, turned
    for i, (x, y) in enumerate(places):
        lean = -9 * np.sign(turn) if i == 0 else 0
        cv2.line(page, (x + lean, y), (x - lean, y + 70), (40, 40, 40), 7)
    page = cv2.warpAffine(page, cv2.getRotationMatrix2D((350, 350), -turn, 1), (700, 700), borderValue=(225,) * 3)
    reader = Reader(_Upright())
    assert [digit.label for digit in reader.read(page).digits] == [7] * (7 if turn == 0 else 6)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_on_its_side_or_head_is_read(opened, draw_scene, turn):
    """Boxes are in the frame as it came, numbers in the order of the page."""
    scene = draw_scene(["2347 31", "4751 947"], noise=2)
    upright = opened.read(scene.frame)
    quarters = turn // 90
    frame = np.ascontiguousarray(
        np.rot90(scene.frame, quarters)
    )  # counter-clockwise, so that `turn` clockwise sets it upright
    reading = opened.read(frame)
    assert (upright.turn, reading.turn) == (0, turn)
    assert texts(reading) == texts(upright) == ["2347", "31", "4751", "947"]
    for one, other in zip(upright.digits, reading.digits, strict=True):
        assert one.name == other.name
        assert within(one.box, marked(one.box, scene.frame.shape, quarters), other.box)


def marked(box, shape, quarters):
    """Where a box is after so many quarter turns, counter-clockwise, of a picture of this shape."""
    x, y, width, height = box
    picture = np.zeros(shape[:2], np.uint8)
    picture[y : y + height, x : x + width] = 255
    return cv2.boundingRect(np.ascontiguousarray(np.rot90(picture, quarters)))


def within(box, expected, found) -> bool:
    return all(abs(a - b) <= 0.1 * max(box[2:]) for a, b in zip(expected, found, strict=True))


def told(reading) -> tuple[object, ...]:
    return reading.digits, reading.numbers, reading.rejected, reading.turn, reading.table


def looks(reader, monkeypatch, frame, turn: int = 0) -> tuple[object, int]:
    """What is told of a frame, and how many pictures were segmented for it."""
    seen: list[object] = []
    segment = looking.segment.segment
    with monkeypatch.context() as patch:
        patch.setattr(looking.segment, "segment", lambda *given: seen.append(given) or segment(*given))
        return told(reader.read(frame, turn)), len(seen)


@pytest.mark.parametrize("turn", [180, 270])
def test_a_film_of_a_page_on_its_side_or_head_is_read_as_its_frames_are_in_one_look_each(draw_scene, monkeypatch, turn):
    """The page moves by a few pixels from frame to frame."""
    page = draw_scene(["2347 31", "4751 947"], noise=2).frame
    with open_reader() as reader:
        for before, moved in ((0, 0), (turn, 4), (turn, 9)):
            frame = np.ascontiguousarray(np.rot90(np.roll(page, (moved, 2 * moved), axis=(0, 1)), turn // 90))
            alone, many = looks(reader, monkeypatch, frame)
            after, few = looks(reader, monkeypatch, frame, before)
            assert after == alone
            assert few == (1 if before else many) < many + (not before)


def test_a_cut_to_another_picture_is_noticed_on_its_first_frame(draw_scene):
    page, other = (draw_scene(rows, noise=2).frame for rows in (["2347 31", "4751 947"], ["5 28", "361 74"]))
    pictures = {
        **{f"turned by {90 * quarters}": np.rot90(other, quarters) for quarters in range(4)},
        "light on dark, on its head": np.rot90(255 - other, 2),
        "on a table": cv2.copyMakeBorder(page[::2, ::2], 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(40, 50, 60)),
        "reads on its head too": np.rot90(draw_scene(["69 96", "8018"], noise=2).frame, 2),
        "empty": np.full_like(page, 220),
        "tiny": page[:3, :5],
    }
    with open_reader() as reader:
        for name, picture in pictures.items():
            frame = np.ascontiguousarray(picture)
            alone = told(reader.read(frame))
            assert [told(reader.read(frame, turn)) for turn in (90, 180, 270)] == [alone] * 3, name


def test_a_turn_is_one_of_four(opened):
    with pytest.raises(UsageError, match="turn: expected 0, 90, 180 or 270 degrees, as in a reading, found 45"):
        opened.read(np.zeros((30, 30, 3), np.uint8), 45)


@pytest.mark.parametrize("text", ["0810", "69 96", "1 1 1 1", "888", "252"])
def test_what_reads_on_its_head_too_stays_as_it_lies(opened, draw_scene, text):
    for seed in range(3):
        assert opened.read(draw_scene([text, text], noise=2, seed=seed).frame).turn == 0


def test_an_examination_has_its_boxes_where_things_are_in_the_frame(opened, draw_scene):
    scene = draw_scene(["2347 31", "4751 947"])
    frame = np.ascontiguousarray(np.rot90(scene.frame))
    examination = opened.examine(frame)
    assert [candidate.box for candidate in examination.candidates] == [
        digit.box for digit in examination.reading.digits
    ]
    assert {candidate.box for candidate in examination.segmentation.candidates} >= {
        digit.box for digit in examination.reading.digits
    }
    for x, y, width, height in (digit.box for digit in examination.reading.digits):
        assert frame[y : y + height, x : x + width].min() < 100


def test_the_sample_picture_is_read_right(opened, samples):
    from edgeproof.sources.frames import frames_of
    from edgeproof.sources.parse import parse

    labels = {row["image"]: row for row in map(json.loads, (samples / "labels.jsonl").read_text().splitlines())}
    (frame,) = frames_of(parse(str(samples / "numbers.jpg"))[0])
    assert texts(opened.read(frame.image)) == labels["numbers.jpg"]["numbers"]


ODD: dict[str, Any] = {
    "none": None,
    "a path": "photo.jpg",
    "a list": [[[0, 0, 0]]],
    "grey": np.zeros((48, 64), np.uint8),
    "grey with an axis": np.zeros((48, 64, 1), np.uint8),
    "with alpha": np.zeros((48, 64, 4), np.uint8),
    "channels first": np.zeros((3, 48, 64), np.uint8),
    "many": np.zeros((2, 48, 64, 3), np.uint8),
    "float": np.zeros((48, 64, 3)),
    "16 bits": np.zeros((48, 64, 3), np.uint16),
    "signed": np.zeros((48, 64, 3), np.int8),
    "bool": np.zeros((48, 64, 3), bool),
    "complex": np.zeros((48, 64, 3), complex),
    "objects": np.full((48, 64, 3), None),
    "no height": np.zeros((0, 64, 3), np.uint8),
    "no width": np.zeros((48, 0, 3), np.uint8),
    "a line": np.zeros(3, np.uint8),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_frame_is_one_kind_of_error(kind: str, opened: Reader) -> None:
    with pytest.raises(UsageError, match=r"frame: expected .*, found "):
        opened.read(ODD[kind])


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 2), (27, 27)])
def test_a_tiny_frame_holds_nothing(shape: tuple[int, int], opened: Reader) -> None:
    for level in (0, 255):
        assert opened.read(np.full((*shape, 3), level, np.uint8)).digits == ()


def test_a_frame_is_read_alike_however_it_lies_in_memory(draw_scene: Any, opened: Reader) -> None:
    frame = draw_scene(["2026", "31"]).frame
    expected = [number.text for number in opened.read(frame).numbers]
    locked = frame.copy()
    locked.flags.writeable = False
    wide = np.concatenate([frame, frame], axis=1)
    for view in (locked, np.asfortranarray(frame), wide[:, : frame.shape[1]], frame[::-1].copy()[::-1]):
        assert [number.text for number in opened.read(view).numbers] == expected


def test_one_reader_is_shared_by_threads(draw_scene: Any, opened: Reader) -> None:
    frames = [draw_scene([text], seed=seed).frame for seed, text in enumerate(["123", "4567", "89", "0", "2026"])]
    alone = [opened.read(frame).digits for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        for i, digits in enumerate(pool.map(lambda i: opened.read(frames[i % 5]).digits, range(40))):
            assert digits == alone[i % 5]


def test_a_closed_reader_says_so() -> None:
    opened = open_reader()
    opened.close()
    with pytest.raises(UsageError, match="was closed"):
        opened.read(np.zeros((48, 64, 3), np.uint8) + 255)
