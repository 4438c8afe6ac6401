"""docs/json.md, docs/record.schema.json and real records say the same; docs/architecture.png is drawn from this code."""

from __future__ import annotations

import copy
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import jsonschema
import numpy as np
import pytest

from edgeproof.bundle import load_bundle
from edgeproof.classifier import Facts
from edgeproof.cli.device import cameras
from edgeproof.output.records import event_record, frame_record, state_record
from edgeproof.output.shot import Shot
from edgeproof.page.numbers import Number
from edgeproof.page.reading import Digit, Guess, Reading
from edgeproof.sources.cameras import Camera, Mode
from edgeproof.sources.source import Frame, Source
from edgeproof.tracking.numbers import Event

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "json.md").read_text()
SCHEMA = json.loads((ROOT / "docs" / "record.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
Record = dict[str, Any]


class _MotionJpeg(http.server.BaseHTTPRequestHandler):
    """The sample picture again and again, as a network camera sends it."""

    def do_GET(self) -> None:
        picture = cv2.resize(cv2.imread(str(ROOT / "samples" / "numbers.jpg")), (640, 360))
        coded = cv2.imencode(".jpg", picture)[1].tobytes()
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + coded + b"\r\n")
        except OSError:
            pass  # the reader has seen enough

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture(scope="module")
def stream() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _MotionJpeg) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
        server.shutdown()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of a table of two rows and three columns, with a golden digit in the middle of the second row."""
    golden = load_bundle().golden
    digit = cv2.resize(golden.images[list(golden.labels).index(7)], (70, 70), interpolation=cv2.INTER_CUBIC)
    page = np.random.default_rng(1).integers(225, 235, (480, 640), np.uint8)
    for y in (100, 200, 300):
        cv2.line(page, (80, y), (530, y), 60, 3)
    for x in (80, 230, 380, 530):
        cv2.line(page, (x, 100), (x, 300), 60, 3)
    page[215:285, 270:340] -= (0.75 * digit).astype(np.uint8)
    path = tmp_path_factory.mktemp("docs") / "table.png"
    cv2.imwrite(str(path), page)
    return path


@pytest.fixture(scope="module")
def records(stream: str, table: Path) -> list[Record]:
    """Two pictures, two frames of a video, two of a stream, and a file that is missing, as `read --json -` writes them."""
    words = ["read", "samples/numbers.jpg", str(table), "samples/numbers.mp4", stream, "missing.jpg"]
    options = ["--json", "-", "--no-show", "--max-frames", "2"]
    command = [sys.executable, "-m", "edgeproof", *words, *options]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 5, result.stderr
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["type"] for record in found] == ["frame"] * 6 + ["error"]
    return found + rare_records()


def rare_records() -> list[Record]:
    """What needs a GPU that fails, a silent camera, a version that is gone back from, a number that changes, or --top."""
    image = np.zeros((9, 9, 3), np.uint8)
    facts = Facts("fp32.onnx", "onnxruntime", "CPUExecutionProvider", "1", "cuda", degraded="out of memory")
    digit = Digit(7, "7", 0.9, (0, 0, 5, 5), (Guess(7, "7", 0.9), Guess(1, "1", 0.1)))
    seven = Reading(
        (digit,), (Number("7", 0.9, digit.box, (0,)),), 0, 0, image[:0], {"segment": 1.0, "classify": 1.0, "total": 2.0}
    )
    shot = Shot(Source("camera", "0", "0"), Frame("0", 0, 0.0, image, 1.0, time.monotonic()), seven, facts, 1.0)
    made = [
        frame_record(shot),
        state_record("0", "stalled", "0: no frame for 2 s"),
        state_record("0", "rolled_back", "now with bundle-0123456789abcdef"),
        event_record("0", Event("changed", 1, "27", "21", 0.9, (0, 1, 2, 3), 0.5)),
    ]
    parsed: list[Record] = json.loads(json.dumps(made))
    return parsed


def fields(value: Any, path: str = "") -> set[str]:
    """The names of all fields in a record, `digits[].label` for one in a list of objects."""
    if isinstance(value, dict):
        below = {f"{path}.{key}".strip("."): inner for key, inner in value.items()}
        return below.keys() | {name for key, inner in below.items() for name in fields(inner, key)}
    if isinstance(value, list):
        return {name for inner in value for name in fields(inner, f"{path}[]") if isinstance(inner, dict)}
    return set()


def stated(schema: Record, path: str = "") -> set[str]:
    """The names of all fields in (a part of) the schema."""
    if "$ref" in schema:
        return stated(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    if "properties" in schema:
        below = {f"{path}.{key}".strip("."): inner for key, inner in schema["properties"].items()}
        return below.keys() | {name for key, inner in below.items() for name in stated(inner, key)}
    items = schema.get("items")
    return stated(items, f"{path}[]") if isinstance(items, dict) else set()


def of_kind(records: list[Record], kind: str) -> list[Record]:
    return [record for record in records if record["type"] == kind]


def test_real_records_are_valid(records: list[Record]) -> None:
    VALIDATOR.check_schema(SCHEMA)
    for record in records:
        VALIDATOR.validate(record)
    for record in of_kind(records, "frame"):
        assert sorted(i for number in record["numbers"] for i in number["digits"]) == list(range(len(record["digits"])))
        for x, y, width, height in [part["box"] for part in record["digits"] + record["numbers"]]:
            assert x + width <= record["width"]
            assert y + height <= record["height"]


@pytest.mark.parametrize("kind", ["frame", "event", "error"])
def test_page_schema_and_records_name_the_same_fields(records: list[Record], kind: str) -> None:
    section = PAGE.partition(f"## `{kind}`")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    written = {name for record in of_kind(records, kind) for name in fields(record)}
    assert set(documented) == written
    assert len(documented) == len(written)
    assert stated(SCHEMA["$defs"][kind]) == written


def sometimes(kind: str) -> set[str]:
    """The fields that the page does not say to be there always."""
    rows = PAGE.partition(f"## `{kind}`")[2].partition("\n## ")[0].splitlines()
    return {row.split("|")[1].strip(" `") for row in rows if row.startswith("| `") and "| always |" not in row}


def test_what_is_said_to_be_always_there_is_required(records: list[Record]) -> None:
    of_some = {"age_ms", "dropped", "degraded", "table", "numbers[].cell", "digits[].track"}
    of_some |= {"digits[].top", *(f"digits[].top[].{field}" for field in ("label", "name", "score"))}
    assert sometimes("frame") == of_some | {
        "ms",
        *(f"ms.{stage}" for stage in ("capture", "segment", "classify", "track", "total")),
    }
    read = of_kind(records, "frame")[:6]
    for key in ("age_ms", "dropped"):
        assert [key in record for record in read] == [False, False, False, False, True, True]
    assert [record.get("table") for record in read] == [None, [["", "", ""], ["", "7", ""]], *[None] * 4]
    assert [number["cell"] for number in read[1]["numbers"]] == [[1, 1]]
    assert not any("cell" in number for record in read[2:] for number in record["numbers"])
    assert ["track" in digit for record in (read[0], read[2]) for digit in record["digits"][:1]] == [False, True]
    for record in records:
        for key in record.keys() - sometimes(record["type"]):
            assert not VALIDATOR.is_valid({name: value for name, value in record.items() if name != key}), key
    frame = records[0]
    for part in ("digits", "numbers"):
        for key in frame[part][0]:
            broken = copy.deepcopy(frame)
            del broken[part][0][key]
            assert not VALIDATOR.is_valid(broken), (part, key)
    for key in frame["ms"]:
        broken = copy.deepcopy(frame)
        del broken["ms"][key]
        assert not VALIDATOR.is_valid(broken), key


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), 2), (("type",), "event"), (("frame",), -1), (("time_s",), "0"), (("width",), 0), (("age_ms",), -1),
        (("digits", 0, "score"), 1.5), (("digits", 0, "label"), 1.5), (("digits", 0, "box"), [1, 2, 3]),
        (("digits", 0, "box"), [1, 2, 3, 4, 5]), (("numbers", 0, "digits"), []), (("ms", "total"), None),
        (("requested",), "gpu"), (("table",), []), (("table",), ["7"]), (("numbers", 0, "cell"), [1]),
    ],
)  # fmt: skip
def test_a_value_out_of_its_range_is_not_valid(records: list[Record], path: tuple[Any, ...], value: Any) -> None:
    broken: Any = copy.deepcopy(records[0])
    place = broken
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(broken)


def documented(section: str) -> set[str]:
    """The names of all fields in a table of the page."""
    return set(
        re.findall(r"^\| `([^`]+)` \|", PAGE.partition(f"## `{section}`")[2].partition("\n## ")[0], re.MULTILINE)
    )


def test_the_doctor_says_what_the_page_says() -> None:
    command = [sys.executable, "-m", "edgeproof", "doctor", "--json"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    record = json.loads(result.stdout)
    assert result.stdout.count("\n") == 1
    versions = record.pop("versions")
    assert {"edgeproof", "numpy"} <= versions.keys()
    assert documented("edgeproof doctor --json") == fields(record) | {"versions", "checks[].remedy"}
    for check in record["checks"]:
        assert check["state"] in ("ok", "missing", "failed")
        assert ("remedy" in check) == (check["state"] != "ok")
        assert check["group"] in ("numpy", "opencv", "runtime", "extra")


def test_the_list_of_cameras_says_what_the_page_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Camera(
            "/dev/video0", "C920", "uvcvideo", "usb-1", "/dev/v4l/by-id/x", (Mode("MJPG", 640, 480, (30.0,)),), "why"
        )
    ]
    monkeypatch.setattr(cameras, "cameras", lambda: found)
    cameras.run(as_json=True)
    assert documented("edgeproof cameras --json") == fields(json.loads(capsys.readouterr().out))


def test_the_picture_of_the_architecture_is_of_this_code() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "runtime")])}
    command = [sys.executable, "docs/draw_architecture.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "page/" in result.stdout
