"""`python -m benchmarks frontier` on the bundle that the wheel carries, and which bundles it takes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import published
from benchmarks.frontier import measure
from benchmarks.frontier.report import FrontierReport
from edgeproof.bundle import Bundle, default_bundle, load_bundle
from edgeproof.errors import UnavailableError, UsageError
from edgeproof.support import tables

COLOUR = Path(__file__).parents[2] / "runtime" / "colour"
WHOLE = load_bundle()


def with_only(*names: str) -> Bundle:
    """The wheel's bundle with these artifacts."""
    kept = tuple(row for row in WHOLE.manifest.artifacts if row.name in names)
    return replace(WHOLE, manifest=replace(WHOLE.manifest, artifacts=kept))


def test_a_bundle_of_other_data_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["frontier", str(default_bundle()), str(COLOUR), "--out", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{COLOUR}: expected the data of digits (mnist " in line
    assert line.endswith("leave it out")
    assert list(tmp_path.iterdir()) == []


def test_two_folders_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="found a second digits: rename one of them"):
        measure.load([default_bundle(), default_bundle()])


def test_a_class_reject_makes_no_other_data(tmp_path: Path) -> None:
    without = replace(WHOLE, manifest=replace(WHOLE.manifest, classes=WHOLE.manifest.classes[:10]))
    assert WHOLE.manifest.classes[10:] == ("reject",)
    measure._check_data(tmp_path, without, "digits", WHOLE)
    fewer = replace(WHOLE, manifest=replace(WHOLE.manifest, classes=WHOLE.manifest.classes[:9]))
    with pytest.raises(UsageError, match="expected the data of digits"):
        measure._check_data(tmp_path, fewer, "digits", WHOLE)


def test_what_cannot_be_counted_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise UsageError("operator GRU: its multiply-accumulates are not known here")

    monkeypatch.setattr(measure, "read_work", unknown)
    with pytest.raises(
        UnavailableError, match=r"recurrent, fp32\.onnx: operator GRU: its multiply-accumulates are not"
    ):
        measure.measure({"recurrent": with_only("fp32.onnx")}, 0.001)


@pytest.mark.timed
def test_each_bundle_has_a_point_in_8_bits_and_one_in_float() -> None:
    bundles = {
        "cnn-32": with_only("fp32.onnx", "int8.onnx", "int8.tflite", "fp32.tflite"), "floats": with_only("fp32.onnx"),
    }  # fmt: skip
    report = measure.measure(bundles, 0.001)
    assert {(point.bundle, point.bits) for point in report.points} == {("cnn-32", 8), ("cnn-32", 32), ("floats", 32)}
    assert report.skipped == ("floats: no artifact in 8 bits that passed its proof and works here",)
    (reference,) = (point for point in report.points if (point.bundle, point.bits) == ("cnn-32", 32))
    assert reference.to_reference is not None
    assert reference.to_reference.value == 1
    for point in report.points:
        row = WHOLE.manifest.artifact(point.artifact)
        assert (point.correct, point.images, point.bytes) == (row.correct, row.images, row.bytes)
        assert point.macs == reference.macs
        assert 0 < point.p50_low_us <= point.p50_us <= point.p50_high_us


@pytest.mark.timed
def test_the_verb_writes_figures_table_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "results.md"
    document.write_text("\n".join(["before", *published.markers("frontier"), "after"]))
    words = ["frontier", str(COLOUR), "--seconds", "0.001", "--out", str(tmp_path), "--write", str(document)]
    assert benchmarks.main(words) == 0
    (data,) = tmp_path.glob("*/frontier-*.json")
    saved = tables.from_table(FrontierReport, json.loads(data.read_text()), "report")
    assert {point.bundle for point in saved.points} == {"colour"}
    assert {point.to_reference for point in saved.points} == {None}
    assert (tmp_path / "frontier.png").read_bytes() == data.with_suffix(".png").read_bytes()
    assert "| colour | " in document.read_text()
    assert "| bundle | artifact |" in capsys.readouterr().out
