"""The JSON records of `--json`; docs/json.md has their fields."""

from __future__ import annotations

import json
from typing import Any

from edgeproof.output.shot import Shot, stage_ms
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit
from edgeproof.tracking.numbers import Event

SCHEMA = 1


def frame_record(shot: Shot) -> dict[str, Any]:
    """One frame."""
    frame, reading, facts = shot.frame, shot.reading, shot.facts
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "type": "frame",
        "source": frame.source,
        "frame": frame.index,
        "time_s": round(frame.time_s, 4),
        "width": int(frame.image.shape[1]),
        "height": int(frame.image.shape[0]),
        "turn": reading.turn,
        "digits": [_digit_record(digit) for digit in reading.digits],
        "numbers": [_number_record(number) for number in reading.numbers],
        "rejected": reading.rejected,
        "artifact": facts.artifact,
        "backend": facts.backend,
        "provider": facts.provider,
        "requested": facts.requested,
        "chosen_by": facts.chosen_by,
    }
    if shot.source.kind != "replay":  # whose records are the same each time
        record["ms"] = {stage: round(ms, 3) for stage, ms in stage_ms(shot).items()}
    if shot.tracked is not None:
        for digit, track in zip(record["digits"], shot.tracked.digit_tracks, strict=True):
            digit["track"] = track
    if facts.degraded:
        record["degraded"] = facts.degraded
    if reading.table is not None:
        record["table"] = [list(row) for row in reading.table]
    if (age_ms := frame.age_ms) is not None:
        record["age_ms"] = round(age_ms, 1)
        record["dropped"] = frame.dropped
    return record


def _digit_record(digit: Digit) -> dict[str, Any]:
    record: dict[str, Any] = {
        "label": digit.label,
        "name": digit.name,
        "score": round(digit.score, 4),
        "box": list(digit.box),
    }
    if digit.top:
        record["top"] = [
            {"label": guess.label, "name": guess.name, "score": round(guess.score, 4)} for guess in digit.top
        ]
    return record


def _number_record(number: Number) -> dict[str, Any]:
    record: dict[str, Any] = {
        "text": number.text,
        "score": round(number.score, 4),
        "box": list(number.box),
        "digits": list(number.digits),
    }
    if number.cell is not None:
        record["cell"] = list(number.cell)
    return record


def error_record(source: str, error: str, exit_code: int) -> dict[str, Any]:
    """Something that failed."""
    return {"schema": SCHEMA, "type": "error", "source": source, "error": error, "exit_code": exit_code}


def event_record(source: str, event: Event) -> dict[str, Any]:
    """A number of a moving source that appeared, changed, or is gone."""
    record = {
        "schema": SCHEMA,
        "type": "event",
        "event": event.kind,
        "source": source,
        "time_s": round(event.time_s, 4),
        "id": event.id,
        "text": event.text,
        "score": round(event.score, 4),
        "box": list(event.box),
    }
    if event.before is not None:
        record["before"] = event.before
    return record


def state_record(source: str, state: str, reason: str) -> dict[str, Any]:
    """What has become of a live source, or of the device that the model runs on."""
    return {"schema": SCHEMA, "type": "event", "event": state, "source": source, "reason": reason}


def line(record: dict[str, Any]) -> bytes:
    r"""A record as a line of a file. A byte of a name that is no UTF-8, for Python a lone surrogate, is there as `\udcXX`."""
    return (json.dumps(record, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
