"""What the page knows: how the run is, and names that are only text."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from edgeproof.output.mqtt import messages
from edgeproof.sources.source import Health, Source
from edgeproof.web import state as module
from edgeproof.web.state import State


@pytest.fixture
def state(shots):
    return State(shots[0].facts)


def told(state, **options):
    return json.loads(state.message(0, **options))


def test_before_the_first_frame_it_is_stalled(state, shots):
    assert state.condition() == ("stalled", "no frame was read yet")
    assert told(state)["source_state"] == "waiting"
    state.take(shots[0])
    assert state.condition() == ("ok", "")


@pytest.mark.parametrize(("health", "condition"), [("live", "ok"), ("frozen", "degraded"), ("stalled", "stalled")])
def test_what_has_become_of_the_source_is_said_with_its_reason(state, shots, health, condition):
    state.take(shots[0])
    state.tell(Health("camera 0", health, "" if health == "live" else "no frame for 3 s", time.monotonic()))
    assert state.condition() == (condition, "" if health == "live" else "no frame for 3 s")
    assert told(state)["source_state"] == health


@pytest.mark.target("T11")
def test_a_reading_that_hangs_is_found_out_though_the_source_is_well(state, shots, monkeypatch):
    state.take(shots[0])
    state.tell(Health("camera 0", "live", "", time.monotonic()))
    monkeypatch.setattr(module, "SILENT_S", -1.0)
    assert state.condition()[0] == "stalled"
    assert state.condition()[1].startswith("no frame was read for")


def test_a_reading_that_has_nothing_to_read_does_not_hang(state, shots, monkeypatch):
    """As of a page that rests, read twice a minute."""
    state.take(shots[0])
    later = time.monotonic() + 15
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    assert state.condition()[0] == "stalled"
    state.alive()
    assert state.condition()[0] == "ok"


@pytest.mark.target("T16")
def test_a_second_choice_is_degraded_and_says_why(shots):
    facts = replace(shots[0].facts, skipped=("int8.onnx on onnxruntime: not installed",))
    state = State(facts)
    state.take(replace(shots[0], facts=facts))
    assert state.condition() == ("degraded", "not the best choice: int8.onnx on onnxruntime: not installed")


def test_frames_are_counted_over_all_sources(state, shots):
    other = Source("camera", "1", "camera 1")
    for shot in shots[:3]:
        state.take(shot)
    for shot in shots[:2]:
        state.take(replace(shot, source=other, frame=replace(shot.frame, source=other.name, dropped=5)))
    counts = state.counts()
    assert (counts["frames"], counts["dropped"]) == (5, 2 + 5)
    assert counts["age"] >= 0
    assert told(state)["fps"] > 0


@pytest.mark.target("T18")
def test_names_that_are_no_text_are_escaped(state, shots):
    hostile = Source("camera", "0", "caf\udce9\n\x1b[31m</script>")
    state.take(replace(shots[0], source=hostile, frame=replace(shots[0].frame, source=hostile.name)))
    state.tell(Health(hostile.name, "stalled", "caf\udce9\n", time.monotonic()))
    message = state.message(0)
    assert message.isascii()
    assert "\n" not in message
    assert json.loads(message)["name"] == "caf\\udce9\\n\\x1b[31m</script>"


def test_events_are_counted_so_that_none_is_shown_twice(state, shots, monkeypatch):
    monkeypatch.setattr(module, "announced", lambda _shot: ([], [{"kind": "appeared", "text": "7"}]))
    for _ in range(30):
        state.take(shots[0])
    assert [event["seq"] for event in told(state)["events"]] == list(range(11, 31))
    assert [event["seq"] for event in told(state, greeting=True)["events"]] == list(range(1, 31))


def test_of_pictures_the_answer_is_told_with_what_else_it_may_be_and_what_it_was(shown):
    state = State(shown[0].facts, pictures=True)
    for shot in shown:
        state.take(shot)
    said = told(state, greeting=True)
    assert (said["pictures"], said["regions"]) == (True, 1)
    assert [(number["id"], number["text"]) for number in said["numbers"]] == [(1, "sky blue")]
    assert said["likeliest"][0]["text"] == "sky blue"
    assert len(said["likeliest"]) == 3
    assert [text for text, _ in said["spells"]][-2:] == ["red", "sky blue"]
    assert sum(seconds for _, seconds in said["spells"]) == pytest.approx(3.9, abs=0.01)
    events = [(event["kind"], event["id"], event["before"], event["text"]) for event in said["events"]]
    assert events == [("appeared", 1, None, "red"), ("changed", 1, "red", "sky blue")]


def test_the_page_and_mqtt_announce_the_same(shown):
    for shot in shown:
        on_page = [(number["id"], number["text"], number["score"]) for number in module.announced(shot)[0]]
        assert on_page == [(number["id"], number["text"], number["score"]) for number in messages.numbers(shot)]


def test_a_still_picture_tells_its_answer_too(shown):
    state = State(shown[0].facts, pictures=True)
    state.take(replace(shown[0], tracked=None))
    said = told(state)
    assert [(number["id"], number["text"]) for number in said["numbers"]] == [(1, "red")]
    assert said["spells"] == said["events"] == []
