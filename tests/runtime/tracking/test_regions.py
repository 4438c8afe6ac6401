"""The answers of a source whose frames are pictures: steady where single frames flicker, and told when they change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from edgeproof.page.reading import Digit, Guess, Reading, Region
from edgeproof.tracking.regions import HISTORY_S, MOST_SPELLS, RegionTracker
from edgeproof.tracking.tracker import Tracked

NAMES = ["cat", "dog", "sea lion"]
IMAGE = np.zeros((8, 8, 3), np.uint8)
FPS = 10


def reading(*answers: str) -> Reading:
    """One region per answer; "" is one that was refused."""
    regions = []
    for i, name in enumerate(answers):
        box = (10 * i, 0, 10, 10)
        guess = Guess(NAMES.index(name), name, 0.9) if name else Guess(0, "cat", 0.4)
        answer = Digit(guess.label, name, 0.9, box) if name else None
        regions.append(Region(box, (guess,), answer, IMAGE))
    taken = tuple(region.answer for region in regions if region.answer)
    return Reading(
        taken, (), len(regions) - len(taken), 0, np.zeros((0, 8, 8, 3), np.uint8), {}, regions=tuple(regions)
    )


def played(tracker: RegionTracker, frames: Sequence[tuple[str, ...]], start_s: float = 0.0) -> list[Tracked]:
    return [tracker.update(start_s + i / FPS, reading(*answers)) for i, answers in enumerate(frames)]


def told(found: Sequence[Tracked]) -> list[tuple[str, int, str, str | None]]:
    return [(event.kind, event.id, event.text, event.before) for tracked in found for event in tracked.events]


def test_a_change_is_told_once_and_soon() -> None:
    found = played(RegionTracker(), [("cat",)] * 20 + [("dog",)] * 20)
    assert told(found) == [("appeared", 1, "cat", None), ("changed", 1, "dog", "cat")]
    (late,) = [i for i, tracked in enumerate(found) if tracked.events and i > 20]
    assert late <= 26  # within 0.6 s
    assert [digit.name for digit in found[-1].digits] == ["dog"]
    assert found[-1].digits[0].score > 0.9


def test_what_was_told_keeps_its_own_score_until_the_change_is_told() -> None:
    found = played(RegionTracker(), [("cat",)] * 20 + [("dog",)] * 20)
    between = [tracked.numbers[0] for tracked in found[20:] if tracked.numbers[0].text == "cat"]
    assert any(tracked.digits[0].name == "dog" for tracked in found[20 : 20 + len(between)])  # shown, and not yet told
    assert {number.score for number in between} == {found[19].numbers[0].score}
    (change,) = found[20 + len(between)].events
    assert change.score == found[20 + len(between)].numbers[0].score == found[20 + len(between)].digits[0].score


@pytest.mark.parametrize("mistake", ["dog", ""])
def test_a_mistake_of_a_moment_is_not_shown(mistake: str) -> None:
    frames = ([("cat",)] * 9 + [(mistake,)]) * 5
    found = played(RegionTracker(), frames)
    assert told(found) == [("appeared", 1, "cat", None)]
    assert {digit.name for tracked in found for digit in tracked.digits} == {"cat"}
    assert all(tracked.numbers for tracked in found[5:])


def test_what_is_not_sure_for_two_seconds_is_gone() -> None:
    found = played(RegionTracker(), [("cat",)] * 10 + [("",)] * 40 + [("cat",)] * 10)
    assert told(found) == [("appeared", 1, "cat", None), ("gone", 1, "cat", None), ("appeared", 1, "cat", None)]
    (gone,) = [i for i, tracked in enumerate(found) for event in tracked.events if event.kind == "gone"]
    assert 30 <= gone <= 36
    assert (found[18].digits, len(found[18].numbers)) == ((), 1)  # not shown any more, and not yet told
    assert found[45].digits == found[45].numbers == ()
    assert found[gone].events[0].score > 0.9  # when it was sure last


def test_after_a_pause_one_mistake_makes_nothing_gone() -> None:
    tracker = RegionTracker()
    played(tracker, [("cat",)] * 20)
    found = [tracker.update(start_s, reading(name)) for start_s, name in ((10.0, "cat"), (20.0, ""), (30.0, "cat"))]
    assert told(found) == []
    assert sum(spell.seconds for spell in found[-1].history) == pytest.approx(HISTORY_S), "the clock on the wall"
    assert told([tracker.update(40.0 + 10 * i, reading("")) for i in range(4)]) == [("gone", 1, "cat", None)]


def test_each_region_is_its_own_track_and_has_its_number_for_good() -> None:
    found = played(RegionTracker(), [("cat", "", "dog")] * 10 + [("", "sea lion", "cat")] * 40)
    assert sorted(told(found)) == [
        ("appeared", 1, "cat", None),
        ("appeared", 2, "sea lion", None),
        ("appeared", 3, "dog", None),
        ("changed", 3, "cat", "dog"),
        ("gone", 1, "cat", None),
    ]
    assert [number.id for number in found[-1].numbers] == [2, 3]
    assert [number.box for number in found[-1].numbers] == [(10, 0, 10, 10), (20, 0, 10, 10)]
    assert found[0].digit_tracks == (1, 3)
    assert found[-1].digit_tracks == (2, 3)


def test_the_history_of_a_picture_ends_now_and_goes_back_so_far() -> None:
    tracker = RegionTracker()
    short = played(tracker, [("cat",)] * 20 + [("dog",)] * 21)[-1].history
    assert [spell.text for spell in short] == ["", "cat", "dog"]  # of one frame nobody can be sure
    assert sum(spell.seconds for spell in short) == pytest.approx(4)
    long = played(tracker, [("dog",)] * 150 + [("sea lion",)] * 150, start_s=4.1)[-1].history
    assert [spell.text for spell in long] == ["dog", "sea lion"]
    assert sum(spell.seconds for spell in long) == pytest.approx(HISTORY_S)
    assert played(RegionTracker(), [("cat", "dog")])[0].history == ()


def test_it_remembers_little_however_long_it_runs() -> None:
    tracker = RegionTracker()
    for i in range(2000):  # a picture that is something else every second
        found = tracker.update(float(i), reading(NAMES[i % 3]))
    assert len(found.history) <= MOST_SPELLS
    assert sum(spell.seconds for spell in found.history) <= HISTORY_S + 1e-6


def test_a_clock_that_goes_back_harms_nothing() -> None:
    tracker = RegionTracker()
    played(tracker, [("cat",)] * 10, start_s=100.0)
    assert told(played(tracker, [("cat",)] * 10)) == []
