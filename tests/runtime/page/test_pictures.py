"""Pictures: what a frame shows as a whole, in regions of it, in the cells of a grid."""

from __future__ import annotations

import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import SourceError, UsageError
from edgeproof.input_contract import in_bgr
from edgeproof.page.pictures import Regions
from edgeproof.page.reader import Reader, open_reader
from edgeproof.resize import make_input

NAMES = ("red", "green/lime", "sky blue", "grey")
ARTIFACTS = ("fp32.onnx", "int8.tflite")


def names(reading) -> list[str]:
    return [answer.name for answer in reading.digits]


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_a_whole_frame_is_one_answer_with_its_channels_in_the_right_order(colour, coloured, artifact):
    with open_reader(colour, artifact) as reader:
        assert not reader.input.ink
        for name in NAMES:
            frame = coloured(name)
            (answer,) = reader.read(frame).digits
            assert (answer.name, answer.box) == (name, (0, 0, 80, 60))
            assert answer.score > 0.9


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_frames_that_are_golden_images_get_the_golden_answers(colour, artifact):
    golden = load_bundle(colour).golden
    with open_reader(colour, artifact, conf=0.0) as reader:
        answers = [reader.read(in_bgr(image)).digits[0].label for image in golden.images]
    assert answers == golden.labels.tolist()


def test_regions_are_answered_in_their_order_and_in_one_call(colour, coloured):
    frame, calls = coloured("red", "sky blue", "grey"), []
    boxes = ((160, 0, 80, 60), (0, 0, 80, 60), (80, 0, 80, 60))
    with open_classifier(load_bundle(colour)) as classifier:
        run = classifier.logits
        classifier.logits = lambda images: calls.append(len(images)) or run(images)
        reading = Reader(classifier, regions=Regions(boxes)).read(frame)
    assert names(reading) == ["grey", "red", "sky blue"]
    assert tuple(region.box for region in reading.regions) == boxes
    assert (reading.numbers, reading.rejected, reading.table, calls) == ((), 0, None, [3])


def test_what_the_model_saw_is_the_region_in_its_input(colour, coloured):
    frame = coloured("red", "sky blue")
    with open_reader(colour, regions=Regions(((80, 0, 80, 60),))) as reader:
        examination = reader.examine(frame)
        contract = reader.input
    expected = make_input(frame[:, 80:], contract)
    assert np.array_equal(examination.glyphs, expected[None])
    assert np.array_equal(examination.reading.regions[0].image, expected)
    assert np.array_equal(examination.reading.glyphs, expected[None])


@pytest.mark.parametrize("grid", [(1, 1), (2, 3), (3, 2), (7, 5)])
def test_the_cells_of_a_grid_cover_a_frame_row_by_row(grid):
    seen = np.zeros((61, 83), np.int64)
    cells = Regions(grid=grid).inside(*seen.shape)
    for x, y, width, height in cells:
        seen[y : y + height, x : x + width] += 1
    assert (seen == 1).all()
    assert len(cells) == grid[0] * grid[1]
    assert list(cells) == sorted(cells, key=lambda box: (box[1], box[0]))
    for side in (2, 3):
        assert np.ptp([cell[side] for cell in cells]) <= 1


def test_a_grid_is_answered_cell_by_cell(colour, coloured):
    frame = np.vstack([coloured("red", "grey"), coloured("sky blue", "green/lime")])
    with open_reader(colour, regions=Regions(grid=(2, 2))) as reader:
        assert names(reader.read(frame)) == ["red", "grey", "sky blue", "green/lime"]


@pytest.mark.parametrize(
    "regions", [Regions(((0, 0, 81, 60),)), Regions(((70, 50, 10, 11),)), Regions(grid=(61, 1)), Regions(grid=(1, 81))]
)
def test_a_frame_that_is_too_small_is_an_error_of_that_frame(colour, coloured, regions):
    with open_reader(colour, regions=regions) as reader:
        with pytest.raises(SourceError, match="80×60 pixels"):
            reader.read(coloured("red"))
        assert reader.read(coloured("red", size=(61, 120))).regions


def test_an_unsure_answer_is_refused_with_its_reason_and_still_told(colour, coloured):
    with open_reader(colour, conf=1.0) as reader:
        examination = reader.examine(coloured("grey"))
    reading = examination.reading
    assert (reading.digits, reading.rejected) == ((), 1)
    (region,) = reading.regions
    assert region.answer is None
    assert region.top[0].name == "grey"
    assert examination.verdicts.reasons[0].startswith("grey at best, ")
    assert reading.glyphs.shape == (0, 16, 24, 3)


@pytest.mark.parametrize("top", [1, 2, 4])
def test_an_answer_tells_as_many_of_the_likeliest_classes_as_were_asked_for(colour, coloured, top):
    with open_reader(colour, top=top) as reader:
        (answer,) = reader.read(coloured("red")).digits
    assert len({guess.label for guess in answer.top}) == top
    assert [guess.score for guess in answer.top] == sorted((guess.score for guess in answer.top), reverse=True)
    assert (answer.top[0].label, answer.top[0].name, answer.top[0].score) == (0, "red", answer.score)
    assert sum(guess.score for guess in answer.top) == pytest.approx(1, abs=0.1)


def test_digits_of_a_page_tell_the_likeliest_by_the_model_alone(draw_scene):
    with open_reader(top=2) as reader, open_reader() as plain:
        frame = draw_scene(["40 71"]).frame
        digits, without = reader.read(frame).digits, plain.read(frame).digits
    assert [digit.top[0].name for digit in digits] == [digit.name for digit in digits]
    assert all(len(digit.top) == 2 for digit in digits)
    assert [(digit.label, digit.score, digit.box) for digit in digits] == [
        (digit.label, digit.score, digit.box) for digit in without
    ]
    assert all(digit.top == () for digit in without)


def test_what_does_not_fit_the_bundle_is_refused_before_anything_is_read(colour):
    with pytest.raises(UsageError, match=r"--region, --grid: expected a bundle of pictures"):
        open_reader(regions=Regions(grid=(2, 2)))
    for top in (5, -1):
        with pytest.raises(UsageError, match="--top: expected 1 to 4"):
            open_reader(colour, top=top)


@pytest.mark.parametrize(("regions", "met"), [(Regions(), [1]), (Regions(grid=(1, 3)), [1, 2, 4])])
def test_a_warm_up_brings_no_more_than_a_frame_does(colour, regions, met):
    with open_classifier(load_bundle(colour)) as classifier:
        calls, run = [], classifier.logits
        classifier.logits = lambda images: calls.append(len(images)) or run(images)
        Reader(classifier, regions=regions).warm_up()
    assert calls == met
