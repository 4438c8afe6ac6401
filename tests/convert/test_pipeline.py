"""From a run folder to a bundle, on a small real model: exports, proofs, gates, what is refused and what is kept."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.tflite import to_tflite
from convert.export.variants import VARIANTS, Variant, choose
from convert.keras_model import load_model
from convert.options import GateOptions
from convert.pipeline import convert_run
from convert.proof.evidence import prove, questions
from convert.proof.gate import judge, judge_proof
from convert.proof.specs import Specs, read_specs
from convert.run_folder import Run
from edgeproof import scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, UsageError
from edgeproof.input_contract import GLYPHS
from edgeproof.manifest import Manifest, TensorSpec
from edgeproof.run_folder import Images
from edgeproof.support import files

pytestmark = pytest.mark.slow


def row_specs(manifest: Manifest, name: str) -> tuple[TensorSpec, TensorSpec]:
    row = manifest.artifact(name)
    assert row.input is not None
    assert row.output is not None
    return row.input, row.output


def test_the_model_is_worth_converting(run: Run) -> None:
    """It errs where an image has another digit's label, 20 times, and hardly anywhere else."""
    assert 970 <= run.test.correct <= 980
    assert len(run.golden.labels) == 64


def test_every_verdict_has_a_margin(target: Path, run: Run, model: Any) -> None:
    """Half of what the gate permits would do, on the test images and on corrupted ones, on every runtime that is here."""
    asked = questions(run, model)
    permitted = run.options.gate.drop_points(len(run.test)), run.options.gate.corruption_drop_points(len(asked.labels))
    stricter = GateOptions(max_drop_points=0.5 * permitted[0], max_corruption_drop_points=0.5 * permitted[1])
    bundle = load_bundle(target)
    for row in bundle.manifest.artifacts:
        evidence = prove(row, bundle.content(row), run, asked)
        judge(evidence, stricter)
        for proof in evidence.proofs:
            judge_proof(proof, stricter)
        drop = max(proof.drop_limit for proof in evidence.proofs)
        corrupted = max(pairs.drop_limit for pairs in evidence.corrupted.values())
        print(f"{row.name}: drop at most {drop:.2%} of 1 %, on corrupted images at most {corrupted:.2%} of 5 %")


# ---- what is made ----------------------------------------------------------------------------------------------------


def test_every_artifact_passes_and_agrees_with_keras(target: Path, run: Run) -> None:
    """Permitted: float32 rounding only; half a percent of a probability's range in float16; in 8 bits, one answer in two
    hundred on a net this small. A wrong layout, scale or class order changes nine answers in ten."""
    manifest = load_bundle(target).manifest
    assert [row.name for row in manifest.artifacts] == [variant.name for variant in VARIANTS]
    permitted = {
        "fp32": (1.0, 1e-4), "fp16": (0.999, 1e-2), "int8-dynamic": (0.995, 0.3), "int8": (0.995, 0.3),
        "int16x8": (0.995, 0.3),
    }  # fmt: skip
    images = len(run.test)
    for row in manifest.artifacts:
        agreement, difference = permitted[row.precision]
        assert row.status == "✅", row.reason
        assert row.agreement >= agreement, row.name
        assert row.max_probability_difference <= difference, row.name
        assert row.images == images
        assert row.accuracy_low < row.correct / row.images == row.accuracy < row.accuracy_high
        assert abs(row.correct - run.test.correct) <= (1 - agreement) * images + 1
        assert row.accuracy_through_glyph is not None
        assert row.proven_on.startswith({"onnx": "onnxruntime ", "tflite": "litert "}[row.format])


def test_every_artifact_has_a_threshold_of_its_own_with_what_it_does(target: Path, run: Run) -> None:
    bundle = load_bundle(target)
    for row in bundle.manifest.usable:
        rule = row.deciding
        assert rule is not None
        assert bundle.manifest.threshold_of(row) == rule.threshold
        # 400 images leave at most ⌊401 · 0.01⌋ = 4 below the threshold, 3 when one of them is the threshold.
        assert rule.validation.accepted.count >= 397
        assert rule.validation.accepted.of == 400
        assert rule.test.accepted.of == len(run.test)
    name = "int8.tflite"
    with open_classifier(bundle, name) as classifier:
        logits = classifier.logits(run.test.images)
    stated = bundle.manifest.artifact(name).deciding
    assert stated is not None
    labels, _ = scores.decide(logits, run.record.classes, 1.0, stated.threshold)
    assert stated.test.accepted.count == (labels >= 0).sum()
    assert stated.test.wrong.count == ((labels >= 0) & (labels != run.test.labels)).sum()
    assert stated.reject_bias == 0, "its classes are digits alone"
    assert f"| {name} | +0.00 | {stated.threshold:g} | validation |" in (target / "README.md").read_text()
    assert stated.reason in (target / "report.html").read_text()


def test_tensor_specs_are_what_the_files_say(target: Path) -> None:
    bundle = load_bundle(target)
    manifest = bundle.manifest
    for row in manifest.usable:
        assert Specs(row.input, row.output, row.precision) == read_specs(bundle.content(row), row.format, GLYPHS)
    for name in ("fp32.onnx", "int8.onnx"):
        source, logits = row_specs(manifest, name)
        assert source == TensorSpec("image", "float32", "NCHW", ("N", 1, 28, 28))
        assert logits == TensorSpec("logits", "float32", "NC", ("N", 10))
    for name in ("fp32.tflite", "fp16.tflite", "int8-dynamic.tflite"):
        source, logits = row_specs(manifest, name)
        assert (source.dtype, source.layout, source.scale) == ("float32", "NHWC", None)
        assert (logits.dtype, logits.shape, logits.scale) == ("float32", ("N", 10), None)
    source, logits = row_specs(manifest, "int8.tflite")
    assert (source.dtype, source.layout, source.scale, source.zero_point) == ("uint8", "NHWC", 1.0, 0)
    assert logits.dtype == "uint8"
    assert logits.scale is not None
    assert logits.scale > 0.01, "logits span tens of units; 1/256 would be a softmax"


def test_smaller_precision_is_smaller(target: Path) -> None:
    size = {row.name: row.bytes for row in load_bundle(target).manifest.artifacts}
    assert size["int8.tflite"] < size["fp16.tflite"] < size["fp32.tflite"]
    assert size["int8.onnx"] < size["fp32.onnx"]


def test_onnx_needs_nothing_but_standard_operators(target: Path) -> None:
    import onnx

    for name in ("fp32.onnx", "int8.onnx"):
        exported = onnx.load(target / name)
        assert exported.ir_version == 8
        assert [(entry.domain, entry.version) for entry in exported.opset_import] == [("", 17)]
        assert {node.domain for node in exported.graph.node} == {""}
        assert not any("__" in node.name for node in exported.graph.node), "a counter of the process is left in a name"
        assert "Transpose" not in {node.op_type for node in exported.graph.node}
    weights = {weight.name: weight for weight in exported.graph.initializer}
    kernels = [name for name in weights if name.endswith("merged_input_quantized")]
    assert len(kernels) == 2, "both convolutions after the first"
    for name in kernels:
        scale = weights[name.replace("_quantized", "_scale")]
        assert weights[name].data_type == onnx.TensorProto.INT8
        assert scale.dims == weights[name].dims[:1], "a scale per output channel"


def test_two_conversions_give_the_same_bytes(
    convert: Callable[..., subprocess.CompletedProcess[str]], target: Path, folder: Path, tmp_path: Path
) -> None:
    """The second one in a process of its own: other hash seed, other counters, other addresses."""
    result = convert("run", folder, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == "", "nothing of TensorFlow's chatter may reach the user"
    for variant in VARIANTS:
        assert files.sha256(tmp_path / "drawn" / variant.name) == files.sha256(target / variant.name), variant.name
    assert (tmp_path / "drawn" / "golden.npz").read_bytes() == (target / "golden.npz").read_bytes()
    listed = [line for line in result.stdout.splitlines() if re.match(r"✅  \S+ +[\d,]+ +\d+ ", line)]
    assert len(listed) == len(VARIANTS), result.stdout


def test_twice_in_one_process_gives_the_same_bytes(run: Run, target: Path) -> None:
    """tf2onnx numbers its names by a counter that goes on: the second export must not show it."""
    model = load_model(run)
    for variant in choose(VARIANTS, ("fp32.onnx", "int8.onnx")):
        again = [variant.export(model, run.calibration.images) for _ in range(2)]
        assert again == [(target / variant.name).read_bytes()] * 2, variant.name


def test_answers_do_not_depend_on_the_batch(target: Path, run: Run) -> None:
    """Permitted: the order of float additions, which may tip an 8-bit value over by one step of the output's scale."""
    bundle, images = load_bundle(target), run.test.images[:37]
    for row in bundle.manifest.usable:
        assert row.output is not None
        with open_classifier(bundle, row.name) as classifier:
            together = classifier.logits(images)
            apart = np.concatenate([classifier.logits(image[None]) for image in images])
        step = row.output.scale or (0.1 if row.integer else 1e-4)
        assert np.abs(together - apart).max() <= 1.01 * step, row.name


def test_ranking_is_by_time_and_says_why(target: Path) -> None:
    manifest = load_bundle(target).manifest
    assert {choice.artifact for choice in manifest.ranking} == {row.name for row in manifest.usable}
    assert all(0.001 < choice.p50_ms < 50 for choice in manifest.ranking), "one glyph through a 5,000-parameter net"
    best = manifest.artifact(manifest.ranking[0].artifact)
    assert manifest.ranking[0].reason.startswith("fastest: ")
    assert f"{best.bytes / 1000:.1f} kB; {best.accuracy:.2%}" in manifest.ranking[0].reason
    default = f"{best.name} on {manifest.ranking[0].backend}"
    words = rf"beside {re.escape(default)}: .*(?:[\d.]+ × \[[\d.]+–([\d.]+)\] the time|≈ as fast)"
    for choice in manifest.ranking[1:]:
        told = re.match(words, choice.reason)
        assert told, choice.reason
        assert float(told[1] or 1) >= 1, f"{choice.artifact} was shown to be faster than the default: {choice.reason}"


def test_report_shows_every_artifact(target: Path) -> None:
    text = (target / "report.html").read_text()
    assert text.count("data:image/png;base64,") >= 1
    assert len(text) < 300_000, "the wheel carries it"
    for variant in VARIANTS:
        assert f"<td>{variant.name}</td>" in text


# ---- what is refused -------------------------------------------------------------------------------------------------


def shuffled(model: Any, _: NDArray[np.uint8]) -> bytes:
    """The same network with the filters of each layer in another order: right shapes, right size, wrong answers."""
    import keras

    twin = keras.models.clone_model(model)
    random = np.random.default_rng(0)
    twin.set_weights([random.permutation(weights, axis=-1) for weights in model.get_weights()])
    return to_tflite(twin, precision="fp32")


def dim_calibration(model: Any, images: NDArray[np.uint8]) -> bytes:
    return to_tflite(model, precision="int8", calibration=images // 2)


SABOTAGED = Variant("fp32.tflite", "tflite", "fp32", shuffled)
DIM = Variant("int8.tflite", "tflite", "int8", dim_calibration)
NO_CALIBRATION = Variant("int8.tflite", "tflite", "int8", lambda model, _: to_tflite(model, precision="int8"))
GARBAGE = Variant("fp32.tflite", "tflite", "fp32", lambda *_: b"TFL3 and then nothing of the kind" * 100)
GOOD = choose(VARIANTS, ("fp32.onnx",))


@pytest.mark.parametrize(
    ("variant", "status", "reason"),
    [
        (SABOTAGED, "❎", r"changes \d+ of 64 golden answers"),
        (DIM, "❎", r"input: expected scale 1 or 1/255 .* found 0\.4\d+ and 0 for uint8"),
        (NO_CALIBRATION, "❌", "ValueError: calibration images belong to precision int8"),
        (GARBAGE, "❎", r"expected a file in the format \.tflite, found no identifier TFL3"),
    ],
)
def test_a_bad_artifact_is_reported_and_left_out(
    run: Run, tmp_path: Path, variant: Variant, status: str, reason: str
) -> None:
    manifest = convert_run(run, tmp_path / "bundle", variants=(*GOOD, variant))
    row = manifest.artifact(variant.name)
    assert row.status == status
    assert re.search(reason, row.reason), row.reason
    assert {choice.artifact for choice in manifest.ranking} == {"fp32.onnx"}
    assert {file.name for file in (tmp_path / "bundle").iterdir()} == {
        "fp32.onnx", "manifest.json", "golden.npz", "report.html", "README.md"
    }  # fmt: skip
    with open_classifier(load_bundle(tmp_path / "bundle")) as classifier:
        assert classifier.facts.artifact == "fp32.onnx"


def test_when_nothing_passes_nothing_is_published(run: Run, tmp_path: Path) -> None:
    with pytest.raises(
        GateError, match=r"no artifact of drawn may be used, nothing was published: fp32\.tflite: changes"
    ):
        convert_run(run, tmp_path / "bundle", variants=(SABOTAGED,))
    assert list(tmp_path.iterdir()) == []


def with_gate(run: Run, **gate: Any) -> Run:
    return replace(run, options=replace(run.options, gate=GateOptions(**gate)))


def test_max_bytes_keeps_the_small_ones(run: Run, target: Path, tmp_path: Path) -> None:
    sizes = {row.name: row.bytes for row in load_bundle(target).manifest.artifacts}
    limit = sizes["int8.tflite"]
    variants = choose(VARIANTS, ("fp32.tflite", "int8.tflite"))
    manifest = convert_run(with_gate(run, max_drop_points=1.0, max_bytes=limit), tmp_path / "bundle", variants=variants)
    assert [row.name for row in manifest.usable] == ["int8.tflite"]
    assert manifest.artifact("fp32.tflite").reason == (
        f"{sizes['fp32.tflite']:,} bytes, permitted {limit:,} (max_bytes)"
    )


@pytest.mark.parametrize(
    ("poison", "message"),
    [
        (lambda images: 255 - images, "of the calibration images rightly"),
        (
            lambda images: np.random.default_rng(0).integers(0, 256, images.shape, np.uint8),
            "calibration images rightly",
        ),
    ],
)
def test_poisoned_calibration_is_refused(
    run: Run, tmp_path: Path, poison: Callable[[NDArray[np.uint8]], NDArray[np.uint8]], message: str
) -> None:
    poisoned = replace(run, calibration=replace(run.calibration, images=poison(run.calibration.images)))
    with pytest.raises(GateError, match=message):
        convert_run(poisoned, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bundle_is_kept(run: Run, target: Path) -> None:
    before, said = target.resolve(), list[str]()
    with pytest.raises(UsageError, match="already exists: choose another --name or give --overwrite"):
        convert_run(run, target, say=said.append)
    assert not said, "it must not work for minutes first"
    assert target.resolve() == before
    load_bundle(target)


def test_unchanged_files_are_kept_and_proven_again(run: Run, tmp_path: Path) -> None:
    """The same model, calibration images and code: the file is taken from the bundle; otherwise it is made anew."""
    again = tmp_path / "drawn"
    variants = choose(VARIANTS, ("fp32.onnx", "int8.tflite"))
    said: list[str] = []
    convert_run(run, again, variants=variants, say=said.append)
    assert not any("unchanged" in line for line in said)
    said.clear()
    convert_run(run, again, variants=variants, overwrite=True, say=said.append)
    assert [line.split()[1] for line in said if "(unchanged, " in line] == ["fp32.onnx:", "int8.tflite:"]
    other = replace(run, calibration=Images(run.calibration.images[:150], run.calibration.labels[:150]))
    said.clear()
    convert_run(other, again, variants=variants, overwrite=True, say=said.append)
    assert not any("(unchanged, " in line for line in said), "other calibration images"
