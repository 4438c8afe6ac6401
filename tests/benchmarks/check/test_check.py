"""`python -m benchmarks check`: what is called slower, what is kept, and the repository's own guard."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.check import check
from benchmarks.check.machine_class import machine_class
from edgeproof.bench.compare import Compared
from edgeproof.bench.timing import Ratio
from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError
from edgeproof.support import machine

BUNDLE = load_bundle()
REFERENCES = Path(benchmarks.__file__).parent / "reference"
Measured = tuple[tuple[Compared, ...], tuple[str, ...], tuple[str, ...]]


@pytest.fixture(scope="module")
def measured() -> Measured:
    """Once, in the short form."""
    return check.measure(BUNDLE, short=True)


def row(value: float, low: float, high: float) -> Compared:
    return Compared("yardstick", "a on b", 1.0, value, Ratio(value, low, high), "no difference")


@pytest.mark.parametrize(
    ("now", "finding"),
    [
        ((1.00, 0.95, 1.05), "as before"),
        ((1.10, 1.01, 1.20), "as before"),  # the intervals overlap
        ((1.04, 1.03, 1.05), "as before"),  # by less than the bound
        ((1.10, 1.06, 1.12), "slower"),
        ((0.90, 0.85, 0.97), "faster"),
        ((0.96, 0.95, 0.97), "as before"),
    ],
)
def test_a_row_is_slower_when_intervals_lie_apart_and_by_more_than_the_bound(
    now: tuple[float, float, float], finding: str
) -> None:
    before = {"a on b": Ratio(1.0, 0.98, 1.02)}
    (judged,) = check.judge([row(*now)], before, check.BOUND)
    assert judged.finding == finding
    assert check.judge([row(*now)], {}, check.BOUND)[0].finding == "new"


def test_the_short_form_calls_only_what_is_far_off() -> None:
    before = {"a on b": Ratio(1.0, 0.98, 1.02)}
    for value, finding in ((1.9, "as before"), (2.1, "slower"), (0.55, "as before"), (0.45, "faster")):
        assert check.judge([row(value, value - 0.01, value + 0.01)], before, check.FAR)[0].finding == finding


@pytest.mark.parametrize(
    ("architecture", "isa", "expected"),
    [
        ("x86_64", ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512_vnni"), "x86_64-avx512_vnni"),
        ("x86_64", ("sse4_2", "avx", "avx2", "fma"), "x86_64-avx2"),
        ("aarch64", ("asimd", "asimdhp", "asimddp"), "aarch64-asimddp"),
        ("riscv64", (), "riscv64"),
    ],
)
def test_a_machine_class_is_its_best_instruction_set(architecture: str, isa: tuple[str, ...], expected: str) -> None:
    assert machine_class(replace(machine.environment(), architecture=architecture, isa=isa)) == expected


@pytest.mark.timed
def test_the_repository_s_own_bundle_is_not_far_slower_than_its_reference(measured: Measured) -> None:
    """By twice as long, and beyond both intervals: what a busy machine does to both models alike stays far below. Smaller
    changes are printed; `make bench-check` judges them."""
    rows, skipped, _ = measured
    reference = check.read(REFERENCES / f"{machine_class(machine.environment())}.json")
    unlike = check.differences(reference, BUNDLE)
    print(unlike)
    known = reference.ratios if reference and not unlike else {}
    judged = check.judge(rows, known, check.FAR)
    print(check.render(judged, skipped))
    assert [one.row.b for one in judged if one.finding == "slower"] == []


@pytest.mark.timed
def test_a_reference_is_kept_and_judges(
    measured: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows, skipped, _ = measured
    now: list[Compared] = [*rows]
    monkeypatch.setattr(check, "measure", lambda *_, **__: (tuple(now), skipped, ()))
    words = ["check", "--reference", str(tmp_path)]
    assert benchmarks.main(words) == 0
    assert "there is no reference of such machines: --update" in capsys.readouterr().out
    here = machine.environment()
    monkeypatch.setattr(machine, "environment", lambda: replace(here, load_1m=here.usable_cpus * 1.0))
    assert benchmarks.main([*words, "--update"]) == 7
    assert "a reference is made on a quiet machine" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(machine, "environment", lambda: replace(here, load_1m=0.0))
    assert benchmarks.main([*words, "--update"]) == 0
    (path,) = tmp_path.iterdir()
    kept = check.read(path)
    assert kept is not None
    assert kept.ratios.keys() == {one.b for one in rows}
    assert path.stem == machine_class(kept.environment)
    assert benchmarks.main(words) == 0
    capsys.readouterr()
    for factor, code in ((3.0, 3), (1 / 3, 0)):
        ratio = rows[0].ratio
        changed = Ratio(factor * ratio.value, factor * ratio.low, factor * ratio.high)
        now[0] = replace(rows[0], ratio=changed)
        assert benchmarks.main(words) == code
        said = capsys.readouterr()
        assert rows[0].b in (said.err if code else said.out.split("faster than the reference")[1])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"manifest_sha256": "0" * 64}, "manifest_sha256 000"),
        ({"cpu": "a slower one"}, "cpu a slower one, now "),
        ({"versions": {}}, "onnxruntime absent, now "),
    ],
)
def test_a_reference_of_something_else_judges_nothing(
    other: dict[str, Any],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here = replace(machine.environment(), load_1m=0.0)
    monkeypatch.setattr(machine, "environment", lambda: here)
    now = [row(1, 0.9, 1.1)]
    monkeypatch.setattr(check, "measure", lambda *_, **__: (tuple(now), (), ()))
    words = ["check", "--reference", str(tmp_path)]
    assert benchmarks.main([*words, "--update"]) == 0
    (path,) = tmp_path.iterdir()
    kept = json.loads(path.read_text())
    path.write_text(json.dumps(kept | {"fingerprint": kept["fingerprint"] | other}))
    now[0] = row(10, 9, 11)
    capsys.readouterr()
    assert benchmarks.main(words) == 0
    printed = capsys.readouterr().out
    assert said in printed.split(f"not judged: {path.name}: the reference is of ")[1]
    assert printed.rstrip().endswith("--update, on a quiet machine, makes one that holds here")


def test_edgeproofs_own_version_is_what_is_judged() -> None:
    assert "edgeproof" not in check._fingerprint(BUNDLE).versions


def test_a_short_look_is_no_reference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmarks.main(["check", "--reference", str(tmp_path), "--short", "--update"]) == 2
    assert "--update: expected the whole measurement, found --short" in capsys.readouterr().err


def test_an_invalid_measurement_judges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = replace(machine.environment(), load_1m=0.0)
    monkeypatch.setattr(machine, "environment", lambda: here)
    monkeypatch.setattr(check, "measure", lambda *_, **__: ((row(1, 0.5, 2),), (), ("too wide",)))
    assert benchmarks.main(["check", "--reference", str(tmp_path), "--update"]) == 7
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_reference_is_an_integrity_error(tmp_path: Path) -> None:
    assert check.read(tmp_path / "absent.json") is None
    for text in ("{", json.dumps({"schema": 1})):
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(IntegrityError):
            check.read(tmp_path / "a.json")


def test_the_references_of_the_repository_are_read() -> None:
    for path in REFERENCES.glob("*.json"):
        kept = check.read(path)
        assert kept is not None
        assert machine_class(kept.environment) == path.stem
        assert kept.ratios
