"""What is told of a source, frame by frame: of readings made by hand, and of a drawn page that moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeproof.page.reader import open_reader
from edgeproof.page.reading import Reading
from edgeproof.tracking.belief import STATES
from edgeproof.tracking.numbers import AWAY_S, Event
from edgeproof.tracking.tracker import Tracked, Tracker, befores

ROWS = ["631 73", "5627", "97 813"]
TEXTS = ["631", "73", "5627", "97", "813"]
NOTHING: dict[str, Any] = {"rows": []}


class Source:
    """A source that is tracked. tracked: what came of the last frame. events: all of them so far."""

    def __init__(self, fps: float = 15.0) -> None:
        self.tracker, self.fps, self.time_s = Tracker(), fps, 0.0
        self.events: list[Event] = []
        self.tracked = Tracked((), (), (), ())

    def show(self, *readings: Reading, seconds: float = 0.0) -> Source:
        """Each of the readings once, or all in turn for so many seconds."""
        count = max(len(readings), round(seconds * self.fps))
        for i in range(count):
            self.tracked = self.tracker.update(self.time_s, readings[i % len(readings)])
            self.events += self.tracked.events
            self.time_s += 1 / self.fps
        return self

    @property
    def texts(self) -> list[str]:
        return [number.text for number in self.tracked.numbers]

    def told(self) -> list[tuple[str, str]]:
        """Kinds and texts of the events since this was last asked."""
        told = [(event.kind, event.text) for event in self.events]
        self.events.clear()
        return told


def test_numbers_are_told_once_in_reading_order(page) -> None:
    source = Source().show(page(ROWS), seconds=3)
    assert source.texts == TEXTS
    assert sorted(event.text for event in source.events) == sorted(TEXTS)
    assert all(event.kind == "appeared" and event.before is None and event.time_s <= 0.3 for event in source.events)
    assert {number.id for number in source.tracked.numbers} == {event.id for event in source.events}
    assert all(0.9 < number.score <= 1 and number.since_s <= 0.3 for number in source.tracked.numbers)


def test_boxes_and_tracks_go_with_the_sheet(page) -> None:
    source, ids = Source(), set()
    for i in range(45):
        at = 60 + 30 * np.sin(i / 5), 60 + 0.7 * i
        source.show(page(ROWS, at=at, height=40 + 0.15 * i))
        ids.add(source.tracked.digit_tracks)
    assert len(ids) == 1
    reading = page(ROWS, at=at, height=40 + 0.15 * 44)
    assert [digit.box for digit in source.tracked.digits] == sorted(
        (digit.box for digit in reading.digits), key=lambda box: (box[1], box[0])
    )
    assert {number.box for number in source.tracked.numbers} == {number.box for number in reading.numbers}
    assert len(source.events) == len(TEXTS)


def test_what_flickers_is_steady(page) -> None:
    """A digit misread, one missing, a number split, nothing at all: each for a frame."""
    steady, split = page(ROWS), page(ROWS)
    parted = replace(split.numbers[2], text="56", digits=split.numbers[2].digits[:2])
    other = replace(split.numbers[2], text="27", digits=split.numbers[2].digits[2:])
    split = replace(split, numbers=(*split.numbers[:2], parted, other, *split.numbers[3:]))
    source = Source().show(steady, seconds=1)
    source.told()
    shown = set()
    for odd in (page(ROWS, misread={2: "7"}), page(ROWS, missing=[6, 7]), split, page(**NOTHING)):
        for reading in (odd, *[steady] * 4):
            source.show(reading)
            shown.add(tuple(digit.name for digit in source.tracked.digits))
            assert source.texts == TEXTS
    assert source.told() == []
    assert shown == {tuple("631735627" + "97813")}


def test_a_mistake_of_a_moment_is_not_shown(page) -> None:
    """Three frames of sixty a second with another digit; a third of a second in which a number is parted."""
    steady = page(ROWS)
    whole = steady.numbers[2]
    parts = [replace(whole, text=whole.text[part], digits=whole.digits[part]) for part in (slice(2), slice(2, None))]
    parted = replace(steady, numbers=(*steady.numbers[:2], *parts, *steady.numbers[3:]))
    source = Source(60).show(steady, seconds=2)
    source.told()
    for mistake in ([page(ROWS, misread={2: "7"})] * 3, [parted] * 20):
        for reading in (*mistake, *[steady] * 60):
            source.show(reading)
            assert source.texts == TEXTS
            assert "".join(digit.name for digit in source.tracked.digits) == "631735627" + "97813"
    assert source.told() == []


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_a_rewritten_digit_is_told_within_half_a_second(page, fps: int) -> None:
    source = Source(fps).show(page(ROWS), seconds=5)
    (id,) = (event.id for event in source.events if event.text == "5627")
    source.told()
    start_s = source.time_s
    source.show(page(["631 73", "5127", "97 813"]), seconds=2)
    ((kind, *_),) = {(event.kind, event.id) for event in source.events}
    (event,) = source.events
    assert (kind, event.id, event.before, event.text) == ("changed", id, "5627", "5127")
    assert event.time_s - start_s <= 0.5


@pytest.mark.parametrize("fps", [10, 15, 30])
def test_another_sheet_is_told_within_half_a_second(page, fps: int) -> None:
    source = Source(fps).show(page(ROWS), seconds=5)
    start_s = source.time_s
    source.show(page(["20 458", "4098", "30"], at=(90, 70), height=36), seconds=0.5)
    assert set(source.texts) >= {"20", "458", "4098", "30"}
    source.show(page(["20 458", "4098", "30"], at=(90, 70), height=36), seconds=AWAY_S + 0.5)
    assert source.texts == ["20", "458", "4098", "30"]
    assert all(event.time_s > start_s for event in source.events if event.text not in TEXTS)


def test_a_hand_on_a_number_for_a_second_is_not_told(page) -> None:
    source = Source().show(page(ROWS), seconds=1)
    source.told()
    source.show(page(ROWS, missing=range(9, 14)), seconds=1)
    assert source.texts == TEXTS
    assert "9" not in [digit.name for digit in source.tracked.digits], "what is hidden is not shown for long"
    source.show(page(ROWS), seconds=1)
    assert source.told() == []


def test_a_hand_on_the_first_digit_is_not_told(page) -> None:
    source = Source().show(page(ROWS), seconds=3)
    source.told()
    source.show(page(ROWS, missing=[11]), seconds=AWAY_S - 0.3).show(page(ROWS), seconds=1)
    assert (source.texts, source.told()) == (TEXTS, [])


def test_a_digit_that_is_gone_while_others_are_rewritten_is_not_waited_for(page) -> None:
    source = Source().show(page(ROWS), seconds=2).show(page(["631 73", "193", "97 813"]), seconds=0.6)
    assert source.texts == ["631", "73", "193", "97", "813"]


def test_frames_that_show_hardly_anything_say_little(page) -> None:
    """As while the sheet is moved fast."""
    source = Source().show(page(ROWS), seconds=1).show(page(ROWS, missing=range(2, 14)), seconds=0.5)
    assert len(source.tracked.digits) == 14


def test_without_time_there_is_no_news(page) -> None:
    """A source that stands still, or whose clock runs back."""
    source = Source().show(page(ROWS), seconds=1)
    source.told()
    for step in (0.0, -0.1):
        for _ in range(20):
            source.time_s += step - 1 / source.fps
            source.show(page(["631 73", "5127", "97 813"]))
    assert (source.texts, source.told()) == (TEXTS, [])


def test_what_stays_away_is_gone_and_comes_back_as_another(page) -> None:
    source = Source().show(page(["631"]), seconds=1)
    first = source.events[0].id
    source.told()
    source.show(page(**NOTHING), seconds=AWAY_S - 0.2)
    assert source.texts == ["631"]
    source.show(page(["631"]), seconds=0.5)
    assert (source.told(), source.tracked.numbers[0].id) == ([], first)
    source.show(page(**NOTHING), seconds=AWAY_S + 0.5)
    assert source.told() == [("gone", "631")]
    assert source.texts == []
    source.show(page(["631"]), seconds=0.5)
    assert source.told() == [("appeared", "631")]
    assert source.tracked.numbers[0].id != first


def test_a_sheet_that_comes_back_elsewhere_within_a_second_keeps_its_numbers(page) -> None:
    source = Source().show(page(ROWS), seconds=1)
    source.told()
    source.show(page(**NOTHING), seconds=1)
    source.show(page(ROWS, at=(220, 150)), seconds=1)
    assert source.told() == []
    assert source.texts == TEXTS


def test_a_number_that_grows_and_shrinks_keeps_its_id(page) -> None:
    source = Source().show(page(["563"]), seconds=1).show(page(["5634"]), seconds=2)
    source.show(page(["563"]), seconds=AWAY_S + 1)
    assert [(event.kind, event.text) for event in source.events] == [
        ("appeared", "563"),
        ("changed", "5634"),
        ("changed", "563"),
    ]
    assert len({event.id for event in source.events}) == 1


@pytest.mark.parametrize("fps", [1, 2, 5, 60])
def test_any_frame_rate_will_do(page, fps: int) -> None:
    source = Source(fps).show(page(ROWS), seconds=max(3, 4 / fps))
    assert source.texts == TEXTS
    source.show(page(["631 73", "5127", "97 813"]), seconds=max(1, 4 / fps))
    assert source.texts == ["631", "73", "5127", "97", "813"]
    assert len(source.events) == len(TEXTS) + 1


def test_frames_may_come_irregularly(page) -> None:
    source, rng = Source().show(page(ROWS), seconds=1), np.random.default_rng(1)
    source.told()
    for i in range(200):
        source.fps = 1 / rng.choice([0.001, 0.02, 0.1, 0.9])
        source.show(page(ROWS, missing=[int(rng.integers(14))] * (i % 2)))
    assert (source.texts, source.told()) == (TEXTS, [])


def test_a_source_that_begins_anew_goes_on(page) -> None:
    source = Source()
    source.time_s = 1e5
    source.show(page(ROWS), seconds=2)
    source.told()
    source.time_s = 0.0
    source.show(page(ROWS), seconds=2)
    assert (source.texts, source.told()) == (TEXTS, [])
    source.show(page(["631 73", "5127", "97 813"]), seconds=0.5)
    assert source.told() == [("changed", "5127")]


@pytest.mark.parametrize("pause_s", [2.05, 10.0, 1e9])
def test_what_is_there_after_a_pause_was_there_all_along(page, pause_s: float) -> None:
    source = Source().show(page(ROWS), seconds=1)
    source.told()
    for _ in range(5):
        source.time_s += pause_s
        source.show(page(ROWS))
    assert (source.texts, source.told()) == (TEXTS, [])
    source.time_s += pause_s
    source.show(page(["631 73", "5627"]), seconds=AWAY_S + 0.5)
    assert sorted(source.told()) == [("gone", "813"), ("gone", "97")]


def test_a_frame_every_ten_seconds_is_enough(page) -> None:
    source = Source(0.1).show(page(ROWS), seconds=40)
    assert (source.texts, len(source.told())) == (TEXTS, len(TEXTS))
    source.show(page(["631 73", "5127", "97 813"]), seconds=40)
    assert source.told() == [("changed", "5127")]
    source.show(page(**NOTHING), seconds=40)
    assert {kind for kind, _ in source.told()} == {"gone"}
    assert source.texts == []


def test_points_and_minus_signs_belong_to_the_text(page) -> None:
    point, minus = ("point", (85, 93, 6, 6)), ("minus", (36, 78, 16, 4))
    reading = page(["31"], marks=[point, minus])
    assert [number.text for number in reading.numbers] == ["-3.1"]
    source = Source().show(reading, seconds=1).show(page(["31"], marks=[minus]), reading, reading, seconds=1)
    assert source.told() == [("appeared", "-3.1")]


def test_befores_are_what_the_text_says(page) -> None:
    reading = page(["31", "4"], marks=[("point", (85, 93, 6, 6)), ("minus", (36, 78, 16, 4))])
    assert [number.text for number in reading.numbers] == ["-3.1", "4"]
    assert befores(reading, [7, 8, 9]) == {7: (None, "-"), 8: (7, "."), 9: (None, "")}


def test_order_is_that_of_the_turned_page(page) -> None:
    reading = page(ROWS)
    boxes = [digit.box for digit in reading.digits]
    turned = tuple(
        replace(digit, box=(640 - x - wide, 480 - y - tall, wide, tall))
        for digit, (x, y, wide, tall) in zip(reading.digits, boxes, strict=True)
    )
    source = Source().show(replace(reading, digits=turned, turn=180), seconds=2)
    assert source.texts == TEXTS


def test_clutter_leaves_nothing(page) -> None:
    """Three unsure digits at another place in each frame, beside a number."""
    source, rng = Source(), np.random.default_rng(1)
    steady, most = page(["563"], at=(100, 600)), 0
    for _ in range(600):
        clutter = page(["".join(rng.choice(list("0123456789"), 3))], at=rng.uniform(0, 500, 2).tolist(), height=25)
        numbers = [replace(one, digits=tuple(3 + i for i in one.digits)) for one in clutter.numbers]
        unsure = tuple(replace(digit, score=0.7) for digit in clutter.digits)
        both = replace(steady, digits=steady.digits + unsure, numbers=(*steady.numbers, *numbers))
        source.show(both)
        most = max(most, len(source.tracker._tracks))
    assert source.texts == ["563"]
    assert source.told() == [("appeared", "563")]
    assert most <= 3 + 10 * 3, "what was read once is forgotten within ten frames"
    assert all(len(track.before._known) <= STATES for track in source.tracker._tracks)
    assert len(source.tracker._numbers._known) <= 3


def test_the_same_readings_give_the_same(page) -> None:
    def every() -> list[Tracked]:
        source, rng = Source(), np.random.default_rng(2)
        return [
            source.show(page(ROWS, missing=rng.choice(14, 4, replace=False).tolist(), misread={})).tracked
            for _ in range(60)
        ]

    assert every() == every()


def test_nothing_is_made_of_nothing(page) -> None:
    assert Source().show(page(**NOTHING), seconds=1).tracked == Tracked((), (), (), ())


@pytest.fixture(scope="module")
def readings(draw_scene: Callable[..., Any]) -> list[Reading]:
    """Of a drawn page that sways, two seconds; three frames in the middle are dark, and a digit is rewritten after one second."""

    def frames() -> Iterable[np.ndarray]:
        for i in range(30):
            rows = ["2026 31", "4751"] if i < 15 else ["2026 31", "4791"]
            frame = draw_scene(rows, size=(360, 480), height=44, noise=5, seed=3).frame
            frame = np.roll(frame, (round(8 * np.sin(i / 4)), round(12 * np.cos(i / 5))), (0, 1))
            yield np.zeros_like(frame) if 7 <= i < 10 else frame

    def read() -> Iterator[Reading]:
        with open_reader() as reader:
            yield from map(reader.read, frames())

    return list(read())


def test_a_page_before_a_camera(readings: list[Reading]) -> None:
    source = Source().show(*readings)
    kinds = [event.kind for event in source.events]
    assert kinds == ["appeared"] * 3 + ["changed"]
    changed = source.events[-1]
    assert (changed.before, changed.text) == ("4751", "4791")
    assert changed.time_s - 1.0 <= 0.5
    assert source.texts == ["2026", "31", "4791"]
