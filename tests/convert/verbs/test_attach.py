"""attach: a page scorer in a finished bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from convert.__main__ import main
from convert.choose.choice import Wishes
from convert.verbs.select import select_bundle
from edgeproof.bundle import default_bundle, load_bundle, publish_bundle
from edgeproof.manifest_file import PAGE

SHIPPED = default_bundle() / PAGE


@pytest.fixture
def without(tmp_path: Path) -> Path:
    """The shipped bundle as convert publishes it, behind a link, and without a scorer."""
    shipped = load_bundle()
    models = {str(row.file): shipped.content(row) for row in shipped.manifest.usable}
    beside = {name: (shipped.path / name).read_bytes() for name in shipped.manifest.attachments}
    page = (shipped.path / "report.html").read_bytes()
    return publish_bundle(tmp_path / "digits", shipped.manifest, models, shipped.golden, page, attachments=beside)


def test_the_scorer_and_its_figures_stand_in_the_bundle(without: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_bundle(without).scorer is None
    assert main(["attach", str(without), str(SHIPPED)]) == 0
    bundle = load_bundle(without)
    assert bundle.scorer == load_bundle().scorer
    assert bundle.manifest == load_bundle().manifest
    assert bundle.manifest.page is not None
    assert f"{bundle.manifest.page.held_out.read.count:,} of" in capsys.readouterr().out
    assert main(["attach", str(without), str(SHIPPED)]) == 0


def test_select_keeps_it(without: Path) -> None:
    main(["attach", str(without), str(SHIPPED)])
    select_bundle(without, Wishes(backend="onnxruntime"), seconds=0.02, say=lambda _: None)
    assert load_bundle(without).scorer == load_bundle().scorer


def test_the_scorer_of_another_model_is_refused(without: Path, tmp_path: Path) -> None:
    table = json.loads(SHIPPED.read_bytes())
    table["artifact"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(table))
    assert main(["attach", str(without), str(tmp_path / "other.json")]) == 6
    assert load_bundle(without).scorer is None


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 2**15])
def test_what_is_no_scorer_is_refused(without: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "none.json").write_bytes(content)
    assert main(["attach", str(without), str(tmp_path / "none.json")]) == 6
    assert main(["attach", str(without), str(tmp_path / "nothing.json")]) == 6


def test_a_plain_copy_is_not_touched(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(default_bundle(), tmp_path / "copy"))
    assert main(["attach", str(copy), str(SHIPPED)]) == 2
