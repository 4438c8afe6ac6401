"""What was to be smaller and faster, and is not, is not shipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convert.choose.latency import stated_proofs
from convert.choose.pruning_benefit import refuse_without_benefit
from convert.export.tflite import to_tflite
from convert.export.variants import VARIANTS, Variant, choose
from convert.pipeline import convert_run
from convert.run_folder import Run
from edgeproof.bundle import Bundle, Golden, load_bundle

pytestmark = pytest.mark.slow


def test_what_is_neither_smaller_nor_faster_is_not_shipped(run: Run, tmp_path: Path) -> None:
    whole, _ = choose(VARIANTS, ("fp32.onnx", "fp32.tflite"))
    idle = Variant("pruned-fp32.onnx", "onnx", "fp32", whole.export, smaller_than="fp32.onnx")
    alone = Variant(
        "pruned-fp32.tflite", "tflite", "fp32", lambda m, _: to_tflite(m, precision="fp32"), "", "fp32.tflite"
    )
    manifest = convert_run(run, tmp_path / "bundle", variants=(whole, idle, alone), say=lambda _: None)
    rows = {row.name: row for row in manifest.artifacts}
    assert rows["fp32.onnx"].status == "✅"
    assert rows["pruned-fp32.onnx"].status == rows["pruned-fp32.tflite"].status == "❎"
    assert "bytes, not less than the" in rows["pruned-fp32.onnx"].reason
    assert "fp32.tflite is not usable here" in rows["pruned-fp32.tflite"].reason
    assert not (tmp_path / "bundle" / "pruned-fp32.onnx").exists()


def test_smaller_but_not_faster_is_not_shipped(tmp_path: Path, slow: Callable[[Any], None]) -> None:
    """The float16 file stands for a pruned one, half as large, and 400 steps make one of the two slow beyond doubt."""
    import onnx

    shipped = load_bundle()
    rows, models = {}, {}
    paths = {"fp32.onnx": None, "slow-fp32.onnx": slow, "pruned-fp16.onnx": None, "pruned-slow-fp16.onnx": slow}
    for name, change in paths.items():
        row = shipped.manifest.artifact("fp16.onnx" if "fp16" in name else "fp32.onnx")
        model = onnx.load_from_string(shipped.content(row))
        if change is not None:
            change(model)
        models[name] = model.SerializeToString()
        rows[name] = replace(row, name=name, file=name, bytes=len(models[name]))
    logits = {name: shipped.golden.logits["fp16.onnx" if "fp16" in name else "fp32.onnx"] for name in rows}
    golden = Golden(shipped.golden.images, shipped.golden.labels, logits)
    manifest = replace(shipped.manifest, artifacts=tuple(rows.values()), ranking=(), proofs=())
    draft = Bundle(tmp_path, manifest, golden, models)
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
