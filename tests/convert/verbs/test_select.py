"""select on the shipped bundle: another default, and why for each."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from convert.choose.choice import Wishes
from convert.report.deploy import CHOICE
from convert.report.tables import CHOICE_HEADERS
from convert.verbs.select import select_bundle
from edgeproof.bundle import load_bundle, publish_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, UsageError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped bundle as convert publishes it, behind a link."""
    shipped = load_bundle()
    models = {str(row.file): shipped.content(row) for row in shipped.manifest.usable}
    beside = {name: (shipped.path / name).read_bytes() for name in shipped.manifest.attachments}
    page = (shipped.path / "report.html").read_bytes()
    return publish_bundle(tmp_path / "digits", shipped.manifest, models, shipped.golden, page, attachments=beside)


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
