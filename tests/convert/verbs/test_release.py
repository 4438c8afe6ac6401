"""compare and select on bundles made of the shipped one: a twin, one that lost accuracy, one that is slower or larger."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.choose.choice import Wishes
from convert.choose.latency import stated_proofs
from convert.choose.pruning_benefit import refuse_without_benefit
from convert.report.deploy import CHOICE
from convert.report.tables import CHOICE_HEADERS
from convert.run_folder import Run
from convert.verbs.compare import compare_bundles
from convert.verbs.select import select_bundle
from edgeproof.bundle import Bundle, Golden, load_bundle, write_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, UsageError
from edgeproof.manifest import Choice
from edgeproof.run_folder import Answered, Images, Record

SECONDS = 0.3  # of measuring: enough to show what is plain
Change = Callable[[Any], None]


@pytest.fixture(scope="module")
def run() -> Run:
    """A run whose test images are the shipped golden digits, shifted in nine ways."""
    golden = load_bundle().golden
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    images = np.concatenate([np.roll(golden.images, shift, axis=(1, 2)) for shift in shifts])
    labels = np.tile(golden.labels, len(shifts))
    with open_classifier(load_bundle(), "fp32.onnx", "onnxruntime", "cpu") as classifier:
        test = Answered(images, labels, classifier.logits(images))
    manifest = load_bundle().manifest
    record = Record(1, "shifted", "", {"name": "shifted"}, manifest.classes, manifest.glyph)
    return Run(Path("shifted"), record, {}, b"", Images(images, labels), test, test)


def made(target: Path, change: Change | None = None) -> Path:
    """A bundle of the shipped fp32.onnx alone, its graph changed; its golden answers are its own."""
    import onnx

    shipped = load_bundle()
    model = onnx.load_from_string((shipped.path / "fp32.onnx").read_bytes())
    if change is not None:
        change(model)
    content = model.SerializeToString()
    row = replace(shipped.manifest.artifact("fp32.onnx"), bytes=len(content))
    manifest = replace(
        shipped.manifest, name=target.name, artifacts=(row,), attachments={}, proofs=(),
        ranking=(Choice(row.name, "onnxruntime", 1.0, "only one"),),
    )  # fmt: skip
    images = shipped.golden.images
    file = target.parent / f"{target.name}.onnx"
    file.write_bytes(content)
    from edgeproof.backends import open_backend
    from edgeproof.classifier import Classifier, Facts

    backend = open_backend("onnxruntime", file, row, "cpu", threads=1)
    with Classifier(Bundle(target, manifest, shipped.golden), row, backend, Facts("", "", "", "", "")) as classifier:
        golden = Golden(images, shipped.golden.labels, {row.name: classifier.logits(images)})
    return write_bundle(target, manifest, {"fp32.onnx": content}, golden)


def forgetful(model: Any) -> None:
    """The weights that speak for an 8 speak against it: every 8 becomes something else."""
    import onnx

    count = len(load_bundle().manifest.classes)
    weights = next(weight for weight in model.graph.initializer if len(weight.dims) == 2 and count in weight.dims)
    values = onnx.numpy_helper.to_array(weights).copy()
    values[(..., 8) if values.shape[-1] == count else 8] *= -1
    weights.CopyFrom(onnx.numpy_helper.from_array(values, weights.name))


def slow(model: Any) -> None:
    """400 steps more before the first layer, none of which changes a pixel."""
    import onnx

    source = model.graph.input[0].name
    steps = [onnx.helper.make_node("Abs", [f"step{i}" if i else source], [f"step{i + 1}"]) for i in range(400)]
    for node in model.graph.node:
        node.input[:] = ["step400" if name == source else name for name in node.input]
    later = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*steps, *later])


def large(model: Any) -> None:
    model.doc_string = "x" * 50_000


def test_a_release_is_not_worse_than_itself(tmp_path: Path, run: Run) -> None:
    said: list[str] = []
    found = compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), run, seconds=SECONDS, say=said.append)
    assert {difference.respect: difference.finding for difference in found} == dict.fromkeys(
        ("accuracy", "size", "speed"), "not distinguishable"
    )
    count = len(load_bundle().manifest.classes)
    assert said[:2] == [f"{name}, {count} classes: fp32.onnx on onnxruntime" for name in ("A: a", "B: b")]
    assert re.match(
        r"accuracy  ≈ +([\d.]+) → \1 %, drop 0\.00 points .*; 0 lost, 0 gained: not distinguishable", said[2]
    )
    assert said[-1] == "B is not worse than A."


@pytest.mark.parametrize(
    ("change", "respect", "words"),
    [
        (forgetful, "accuracy", r"[\d.]+ → [\d.]+ %, drop \d+\.\d\d points \[.*\d+ lost, \d+ gained: worse"),
        (slow, "speed", r"[\d.]+ × \[[\d.]+–[\d.]+\] the time for one glyph"),
        (large, "size", r"[\d,]+ → [\d,]+ bytes"),
    ],
)
def test_what_is_worse_is_named_and_exits_3(tmp_path: Path, run: Run, change: Change, respect: str, words: str) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b", change)
    with pytest.raises(GateError, match=rf"b is worse than .*a in .*{respect} \({words}") as caught:
        compare_bundles(a, b, run, seconds=SECONDS, say=lambda _: None)
    assert caught.value.exit_code == 3
    said: list[str] = []
    compare_bundles(b, a, run, seconds=SECONDS, say=said.append)
    assert any(re.match(rf"{respect} +better  ", line) for line in said), "the other way round it is an improvement"


def test_bundles_of_other_classes_are_not_compared(tmp_path: Path, run: Run) -> None:
    other = replace(run, record=replace(run.record, classes=tuple("abcdefghij")))
    with pytest.raises(UsageError, match="classes of the run: A has"):
        compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), other)


def test_a_release_that_learned_to_reject_is_compared_on_the_classes_of_both(tmp_path: Path, run: Run) -> None:
    """The run's images are digits: of ten classes, or of ten and "reject", which is wrong for each of them."""
    digits = run.test.labels < 10
    test = Answered(run.test.images[digits], run.test.labels[digits], run.test.logits[digits])
    ten = replace(run, record=replace(run.record, classes=run.record.classes[:10]), test=test)
    found = compare_bundles(made(tmp_path / "a"), made(tmp_path / "b"), ten, seconds=SECONDS, say=lambda _: None)
    assert found[0].finding == "not distinguishable"


# ---- pruned ----------------------------------------------------------------------------------------------------------


def test_smaller_but_not_faster_is_not_shipped(tmp_path: Path) -> None:
    """The float16 file stands for a pruned one, half as large, and 400 steps make one of the two slow beyond doubt."""
    import onnx

    shipped = load_bundle()
    rows, paths = (
        {},
        {"fp32.onnx": None, "slow-fp32.onnx": slow, "pruned-fp16.onnx": None, "pruned-slow-fp16.onnx": slow},
    )
    for name, change in paths.items():
        row = shipped.manifest.artifact("fp16.onnx" if "fp16" in name else "fp32.onnx")
        model = onnx.load_from_string(shipped.file(row).read_bytes())
        if change is not None:
            change(model)
        (tmp_path / name).write_bytes(model.SerializeToString())
        rows[name] = replace(row, name=name, file=name, bytes=(tmp_path / name).stat().st_size)
    logits = {name: shipped.golden.logits["fp16.onnx" if "fp16" in name else "fp32.onnx"] for name in rows}
    golden = Golden(shipped.golden.images, shipped.golden.labels, logits)
    draft = Bundle(tmp_path, replace(shipped.manifest, artifacts=tuple(rows.values()), ranking=(), proofs=()), golden)
    proofs = stated_proofs(draft)
    pairs = {"pruned-slow-fp16.onnx": "fp32.onnx", "pruned-fp16.onnx": "slow-fp32.onnx"}
    found = {row.name: row for row in refuse_without_benefit(draft, proofs, pairs, golden.images)}
    assert rows["pruned-slow-fp16.onnx"].bytes < rows["fp32.onnx"].bytes, "smaller: only the time speaks against it"
    refused, kept = found["pruned-slow-fp16.onnx"], found["pruned-fp16.onnx"]
    assert (refused.status, refused.file) == ("❎", None)
    assert re.match(r"not faster: [\d.]+ × the time of fp32\.onnx \([\d.]+–[\d.]+\)", refused.reason)
    assert (kept.status, kept.file) == ("✅", "pruned-fp16.onnx")
    assert re.search(r"; 0\.\d+ × the time of slow-fp32\.onnx \(.*\), 0\.\d+ × its bytes", kept.reason)
    assert found["fp32.onnx"] == rows["fp32.onnx"]


# ---- select ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped bundle as convert publishes it, behind a link."""
    shipped = load_bundle()
    models = {str(row.file): shipped.file(row).read_bytes() for row in shipped.manifest.usable}
    beside = {name: (shipped.path / name).read_bytes() for name in shipped.manifest.attachments}
    page = (shipped.path / "report.html").read_bytes()
    return write_bundle(tmp_path / "digits", shipped.manifest, models, shipped.golden, page, attachments=beside)


def test_select_writes_the_default_and_says_why_for_each(copy: Path, tmp_path: Path) -> None:
    said: list[str] = []
    before = load_bundle(copy)
    limit = before.manifest.artifact("fp32.onnx").bytes - 1
    plot = tmp_path / "front.png"
    verdicts = select_bundle(
        copy, Wishes(backend="onnxruntime", max_bytes=limit), seconds=0.05, plot=plot, say=said.append
    )
    after = load_bundle(copy)
    assert {choice.backend for choice in after.manifest.ranking} == {"onnxruntime"}
    assert "fp32.onnx" not in {choice.artifact for choice in after.manifest.ranking}
    assert after.manifest.ranking[0] == verdicts[0].choice
    assert replace(after.manifest, ranking=(), report_sha256="", attachments={}) == replace(
        before.manifest, ranking=(), report_sha256="", attachments={}
    )
    table = said[0].splitlines()
    assert table[0].split()[0] == CHOICE_HEADERS[1]
    assert len(table) == 1 + len(verdicts) >= 1 + len(after.manifest.usable)
    assert all(verdict.reason for verdict in verdicts)
    assert any("runs on litert, wanted onnxruntime" in line for line in table)
    assert plot.read_bytes().startswith(b"\x89PNG")
    best = after.manifest.ranking[0].artifact
    assert f"**{best}**" in (copy / "README.md").read_text()
    page = (copy / "report.html").read_text()
    chosen = page[page.index(CHOICE[0]) : page.index(CHOICE[1])]
    assert f"Deploy {best} with onnxruntime." in chosen
    with open_classifier(after, backend="onnxruntime") as classifier:
        assert classifier.facts.artifact == best


def test_select_from_the_command_line(copy: Path) -> None:
    words = [sys.executable, "-m", "convert", "select", str(copy), "--duration", "0.02"]
    result = subprocess.run([*words, "--goal", "size"], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "is the default now" in result.stdout
    smallest = min(row.bytes for row in load_bundle(copy).manifest.usable)
    best = load_bundle(copy).manifest.ranking[0].artifact
    assert load_bundle(copy).manifest.artifact(best).bytes <= 1.02 * smallest
    result = subprocess.run([*words, "--max-bytes", "10"], capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 3
    assert result.stderr.count("\n") == 1


def test_a_plain_copy_is_refused_before_anything_is_measured(copy: Path, tmp_path: Path) -> None:
    shutil.copytree(copy, tmp_path / "plain")
    said: list[str] = []
    with pytest.raises(UsageError, match="expected a bundle where convert wrote it, found a copy"):
        select_bundle(tmp_path / "plain", Wishes(), say=said.append)
    assert not said


def test_when_nothing_fits_the_bundle_stays_as_it_is(copy: Path) -> None:
    before = copy.resolve()
    with pytest.raises(GateError, match=r"no artifact fits: .*permitted 10"):
        select_bundle(copy, Wishes(max_bytes=10), seconds=0.02)
    assert copy.resolve() == before
    load_bundle(copy)
