"""verify: every hash, every count and every golden answer again, and the field that does not fit by name."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.export.variants import VARIANTS
from convert.run_folder import Run
from convert.verbs.verify import verify_bundle
from edgeproof.backends import OWN
from edgeproof.bundle import load_bundle
from edgeproof.errors import IntegrityError
from edgeproof.support import files
from edgeproof.support.npz import npz_bytes

pytestmark = pytest.mark.slow

Change = Callable[[dict[str, Any]], None]
Rewrite = Callable[[Path, Change], None]


def test_verify_confirms_each_count(target: Path, run: Run) -> None:
    said: list[str] = []
    verify_bundle(target, run, say=said.append)
    assert len(said) == len(load_bundle(target).manifest.proofs) >= len(VARIANTS)
    assert all(f"of {len(run.test)} right" in line for line in said)


def test_a_witness_that_is_not_here_is_said_and_no_reason_to_fail(
    copy: Path, run: Run, rewrite: Rewrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    manifest = load_bundle(copy).manifest
    pairs = {(proof.artifact, proof.backend) for proof in manifest.proofs}
    assert ("fp32.onnx", "openvino") in pairs
    assert "openvino" not in {choice.backend for choice in manifest.ranking}, "no device code drives it"
    rewrite(copy, lambda table: table.update(proofs=[p for p in table["proofs"] if p["artifact"] == "fp32.onnx"]))
    monkeypatch.setitem(sys.modules, "openvino", None)
    said: list[str] = []
    verify_bundle(copy, run, say=said.append)
    assert any(
        line.startswith("   fp32.onnx on openvino: not proven again: OpenVINO is not installed") for line in said
    )
    assert not any(line.startswith("✅ fp32.onnx on openvino") for line in said)


def test_verify_from_the_command_line(
    convert: Callable[..., subprocess.CompletedProcess[str]], target: Path, folder: Path, copy: Path
) -> None:
    assert convert("verify", target, "--run", folder).returncode == 0
    content = bytearray((copy / "int8.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "int8.tflite").write_bytes(content)
    result = convert("verify", copy, "--run", folder)
    assert result.returncode == 6
    assert "artifacts[int8.tflite].sha256" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "lie"), [("fp32.onnx", 2), ("fp16.tflite", 6), ("int8.tflite", 21)])
def test_verify_counts_again(copy: Path, run: Run, rewrite: Rewrite, name: str, lie: int) -> None:
    """One answer less than kernels may differ by, with a consistent accuracy and a right checksum."""

    def change(table: dict[str, Any]) -> None:
        row = next(row for row in table["artifacts"] if row["name"] == name)
        row["correct"] -= lie
        row["accuracy"] = row["correct"] / row["images"]
        row["accuracy_low"], row["accuracy_high"] = 0.0, 1.0

    rewrite(copy, change)
    with pytest.raises(IntegrityError, match=rf"{re.escape(name)} on \w+: expected \d+ ± \d+ right answers"):
        verify_bundle(copy, run)


def swap_classes(table: dict[str, Any]) -> None:
    table["classes"][3], table["classes"][5] = "5", "3"


def other_data(table: dict[str, Any]) -> None:
    table["source"]["data"]["fingerprint"] = "another"


def other_model(table: dict[str, Any]) -> None:
    """As of another training on the same data."""
    table["source"]["model_sha256"] = 64 * "0"


def test_verify_counts_again_what_was_proven_on_other_runtimes(copy: Path, run: Run, rewrite: Rewrite) -> None:
    def change(table: dict[str, Any]) -> None:
        own = {row["name"]: OWN[row["format"]] for row in table["artifacts"]}
        proof = next(proof for proof in table["proofs"] if proof["backend"] != own[proof["artifact"]])
        proof["correct"] -= 300

    rewrite(copy, change)
    with pytest.raises(IntegrityError, match=r"on \w+: expected \d+ ± \d+ right answers|proofs"):
        verify_bundle(copy, run)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (other_model, r"source\.model_sha256"),
        (swap_classes, "classes"),
        (lambda table: table["input"].update(resize="stretch"), "input"),
        (other_data, r"source\.data\.fingerprint"),
        (lambda table: table["artifacts"][0].update(accuracy=0.999), r"artifacts\[fp32\.onnx\]\.accuracy"),
    ],
)
def test_verify_names_the_field_that_does_not_fit(
    copy: Path, run: Run, rewrite: Rewrite, change: Change, field: str
) -> None:
    rewrite(copy, change)
    with pytest.raises(IntegrityError, match=field):
        verify_bundle(copy, run)


def test_verify_replays_golden(copy: Path, run: Run, rewrite: Rewrite) -> None:
    """Golden answers of one artifact less sure, hashes made right again: only running the model shows it."""
    with np.load(copy / "golden.npz") as archive:
        arrays = dict(archive)
    arrays["logits/fp32.tflite"] *= np.float32(0.2)
    (copy / "golden.npz").write_bytes(npz_bytes(arrays))
    rewrite(copy, lambda table: table.update(golden_sha256=files.sha256(copy / "golden.npz")))
    with pytest.raises(IntegrityError, match=r"golden: fp32\.tflite on litert answers differently"):
        verify_bundle(copy, run)
