"""Records as docs/json.md has them."""

from __future__ import annotations

import json
import time

from edgeproof.output import records
from edgeproof.sources.source import Source


def test_the_frame_record_is_the_documented_schema(shot):
    record = json.loads(json.dumps(records.frame_record(shot(text="26"))))
    assert record == {
        "schema": 1,
        "type": "frame",
        "source": "a/photo.jpg",
        "frame": 0,
        "time_s": 0.0,
        "width": 640,
        "height": 480,
        "turn": 0,
        "digits": [
            {"label": 2, "name": "2", "score": 0.9877, "box": [10, 20, 30, 50]},
            {"label": 6, "name": "6", "score": 0.9877, "box": [50, 20, 30, 50]},
        ],
        "numbers": [{"text": "26", "score": 0.9877, "box": [10, 20, 80, 50], "digits": [0, 1]}],
        "rejected": 4,
        "ms": {"capture": 1.1, "segment": 0.9, "classify": 0.2, "track": 0.0, "total": 2.3},
        "artifact": "int8.onnx",
        "backend": "onnxruntime",
        "provider": "CPUExecutionProvider",
        "requested": "auto",
        "chosen_by": "bundle",
    }


def test_a_live_frame_tells_its_age_and_its_capture_is_not_in_the_total(shot):
    live = shot(Source("camera", "0", "0"), taken_s=time.monotonic() - 0.02, dropped=3)
    record = records.frame_record(live)
    assert 20 <= record["age_ms"] < 5000
    assert record["ms"]["total"] == 1.2
    assert record["dropped"] == 3


def test_the_error_record():
    record = records.error_record("x.jpg", "x.jpg: damaged", 5)
    assert record == {"schema": 1, "type": "error", "source": "x.jpg", "error": "x.jpg: damaged", "exit_code": 5}


def test_a_record_is_one_line_of_valid_json_whatever_the_source_is_called():
    source = "caf\udce9\n\x1b[31m.jpg"
    coded = records.line(records.error_record(source, "x", 5))
    assert coded.endswith(b"\n")
    assert coded.count(b"\n") == 1
    assert json.loads(coded.decode("utf-8", "strict"))["source"] == source, "nothing of the name is lost"


def test_the_record_of_a_source_that_falls_silent():
    record = records.state_record("0", "stalled", "0: no frame for 2 s")
    assert record == {
        "schema": 1, "type": "event", "event": "stalled", "source": "0", "reason": "0: no frame for 2 s",
    }  # fmt: skip
