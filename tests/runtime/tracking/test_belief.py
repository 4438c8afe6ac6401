"""What is believed after which readings, at any frame rate."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edgeproof.tracking.belief import STATES, SURE, Belief

REPEAT_S = 0.12


def watched(belief: Belief[str], readings: str, fps: float, sure: float = 0.95) -> list[str]:
    """The state after each reading."""
    states = []
    for reading in readings:
        belief.pass_time(1 / fps)
        belief.see(reading, sure, 1 / fps)
        states.append(belief.state)
    return states


@pytest.mark.parametrize("fps", [10, 15, 30, 60])
def test_a_change_is_believed_after_the_same_time_at_any_rate(fps: int) -> None:
    belief = Belief("-", REPEAT_S)
    assert set(watched(belief, "3" * 5 * fps, fps)[fps:]) == {"3"}
    after = watched(belief, "8" * fps, fps).index("8") + 1
    assert 0.15 < after / fps < 0.35


@pytest.mark.parametrize("readings", ["33333383333", "3338333833383338333", "33388333338833333"])
def test_what_is_misread_now_and_then_stays(readings: str) -> None:
    belief = Belief("-", REPEAT_S)
    watched(belief, "3" * 15, 15)
    assert set(watched(belief, readings, 15)) == {"3"}


def test_a_mistake_of_a_moment_stays_one_however_many_frames_show_it() -> None:
    belief = Belief("-", REPEAT_S)
    watched(belief, "3" * 60, 60)
    assert set(watched(belief, "8888" + "3" * 60, 60)) == {"3"}


def test_what_is_taken_for_another_again_and_again_stays_what_it_is() -> None:
    """Read in turn as it is for 0.33 s and as the other for 0.27 s."""
    belief = Belief("-", REPEAT_S)
    states = watched(belief, "333338888" * 50, 15)[150:]
    assert sum(before != after for before, after in pairwise(states)) <= 1


def test_one_unsure_reading_convinces_nobody() -> None:
    belief = Belief("-", REPEAT_S)
    belief.see("3", 0.6)
    assert belief.state == "-"
    assert 0.2 < belief.probability("3") < SURE


def test_a_frame_at_the_same_time_is_no_news() -> None:
    belief = Belief("-", REPEAT_S)
    belief.see("3", 0.95)
    before = belief.probability("3")
    for _ in range(100):
        belief.see("8", 0.95, 0.0)
    assert belief.probability("3") == pytest.approx(before)


def test_after_a_long_time_everything_is_possible() -> None:
    belief = Belief("3", REPEAT_S)
    watched(belief, "3" * 15, 15)
    belief.pass_time(1e9)
    assert belief.probability("3") == pytest.approx(1 / STATES)
    assert belief.state == "3"


def test_it_never_keeps_more_states_than_it_may() -> None:
    belief = Belief("-", REPEAT_S)
    for i in range(1000):
        belief.pass_time(0.1)
        belief.see(str(i), 0.95, 0.1)
        assert len(belief._known) <= STATES
        assert sum(belief._known.values()) <= 1 + 1e-9
        assert belief.state in belief._known
