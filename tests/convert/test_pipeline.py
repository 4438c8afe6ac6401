"""From a run folder to a bundle, on a small real model: exports, proofs, gates, publishing, verifying, shipping.

The digits are drawn, not downloaded; the network is trained for seconds (BatchNorm momentum 0.9: its statistics must
converge in a few hundred steps). It is Sequential, while the recipes' networks are Functional: both must export.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from convert.export.tflite import to_tflite
from convert.export.variants import VARIANTS, Variant, choose
from convert.keras_model import load_model, quiet_tensorflow
from convert.options import GateOptions
from convert.pipeline import convert_run
from convert.proof.specs import read_specs
from convert.run_folder import Run, read_run
from convert.verbs import sabotage
from convert.verbs.ship import MAX_BYTES, ship_bundle
from convert.verbs.verify import verify_bundle
from edgeproof import scores
from edgeproof.bundle import load_bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import EdgeproofError, GateError, IntegrityError, UsageError
from edgeproof.manifest import Manifest, TensorSpec, checksum_of
from edgeproof.run_folder import Images
from edgeproof.support import files
from edgeproof.support.npz import npz_bytes

pytestmark = pytest.mark.slow

RECIPE = b'[data]\nname = "drawn"\n\n[gate]\nmax_drop_points = 1.0\n'
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX)
TEST_IMAGES = 1000


def draw_digits(count: int, seed: int) -> Images:
    """Digits in three fonts, three pens, shifted, turned by up to 15°, in heavy noise."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    images = np.zeros((count, 28, 28), np.uint8)
    for i, label in enumerate(labels):
        place = (int(random.integers(5, 9)), int(random.integers(20, 24)))
        font, size, pen = FONTS[random.integers(3)], random.uniform(0.6, 0.85), int(random.integers(1, 4))
        canvas = np.zeros((28, 28), np.uint8)
        cv2.putText(canvas, str(label), place, font, size, 255, pen, cv2.LINE_AA)  # type: ignore[call-overload]
        turned = cv2.warpAffine(canvas, cv2.getRotationMatrix2D((14, 14), random.uniform(-15, 15), 1), (28, 28))
        images[i] = np.clip(turned + random.normal(0, 55, turned.shape), 0, 255)
    return Images(images, labels.astype(np.int64))


def train_model(digits: Images) -> Any:
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential([layers.Input((28, 28, 1), name="picture"), layers.Rescaling(1 / 255)])
    for filters, size, strides in ((8, 5, 2), (16, 3, 1), (24, 3, 2)):
        model.add(layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.9))
        model.add(layers.ReLU())
    model.add(layers.GlobalAveragePooling2D())
    model.add(layers.Dense(10))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(4e-3), loss)
    model.fit(digits.images[..., None].astype(np.float32), digits.labels, batch_size=64, epochs=4, verbose=0)
    return model


def write_run(folder: Path, model: Any, recipe: bytes = RECIPE) -> Path:
    """A run folder as train writes it."""
    folder.mkdir(parents=True)
    model.save(folder / "model.keras")
    test, calibration = draw_digits(TEST_IMAGES, seed=2), draw_digits(200, seed=3)
    logits = model(test.images[..., None].astype(np.float32), training=False).numpy()
    probabilities = np.sort(scores.softmax(logits), axis=1)
    sure = np.flatnonzero(probabilities[:, -1] - probabilities[:, -2] >= 0.5)[:64]
    answered = {"images": test.images, "labels": test.labels, "logits": logits}
    (folder / "test.npz").write_bytes(npz_bytes(answered))
    (folder / "golden.npz").write_bytes(npz_bytes({name: values[sure] for name, values in answered.items()}))
    (folder / "calibration.npz").write_bytes(npz_bytes({"images": calibration.images, "labels": calibration.labels}))
    held_out = draw_digits(400, seed=4)
    (folder / "deciding.npz").write_bytes(npz_bytes({"images": held_out.images, "labels": held_out.labels}))
    (folder / "recipe.toml").write_bytes(recipe)
    record = {
        "schema": 1, "name": folder.name, "recipe_sha256": files.sha256(recipe), "classes": list("0123456789"),
        "glyph": "ink-1", "data": {"name": "drawn", "fingerprint": "drawn"}, "seed": 1, "metrics": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def model() -> Any:
    return train_model(draw_digits(5000, seed=1))


@pytest.fixture(scope="module")
def folder(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "drawn", model)


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return read_run(folder)


@pytest.fixture(scope="module")
def target(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("bundle") / "drawn"
    convert_run(run, target)
    return target


@pytest.fixture
def copied_run(folder: Path, tmp_path: Path) -> Path:
    """The run folder, for a test to damage."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


@pytest.fixture
def copy(target: Path, tmp_path: Path) -> Path:
    """The bundle as plain files that a test may damage."""
    return Path(shutil.copytree(target, tmp_path / "copy"))


def convert(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """`python -m convert …` as a user types it."""
    command = [sys.executable, "-m", "convert", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def row_specs(manifest: Manifest, name: str) -> tuple[TensorSpec, TensorSpec]:
    row = manifest.artifact(name)
    assert row.input is not None
    assert row.output is not None
    return row.input, row.output


def test_the_model_is_worth_converting(run: Run) -> None:
    assert 0.93 * TEST_IMAGES <= run.test.correct < TEST_IMAGES, "neither useless nor beyond any test"
    assert len(run.golden.labels) == 64


# ---- what is made ----------------------------------------------------------------------------------------------------


def test_every_artifact_passes_and_agrees_with_keras(target: Path, run: Run) -> None:
    """Permitted: float32 rounding only; half a percent of a probability's range in float16; in 8 bits, one answer in
    a hundred on a net this small. A wrong layout, scale or class order changes nine answers in ten."""
    manifest = load_bundle(target).manifest
    assert [row.name for row in manifest.artifacts] == [variant.name for variant in VARIANTS]
    permitted = {
        "fp32": (1.0, 1e-4), "fp16": (0.999, 1e-2), "int8-dynamic": (0.99, 0.3), "int8": (0.99, 0.3),
        "int16x8": (0.995, 0.3),
    }  # fmt: skip
    for row in manifest.artifacts:
        agreement, difference = permitted[row.precision]
        assert row.status == "✅", row.reason
        assert row.agreement >= agreement, row.name
        assert row.max_probability_difference <= difference, row.name
        assert row.images == TEST_IMAGES
        assert row.accuracy_low < row.correct / row.images == row.accuracy < row.accuracy_high
        assert abs(row.correct - run.test.correct) <= (1 - agreement) * TEST_IMAGES + 1
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
        assert rule.test.accepted.of == TEST_IMAGES
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
        assert (row.input, row.output) == read_specs(bundle.file(row).read_bytes(), row.format)
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


def test_two_conversions_give_the_same_bytes(target: Path, folder: Path, tmp_path: Path) -> None:
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
    times = [choice.p50_ms for choice in manifest.ranking]
    assert times[0] <= 1.3 * min(times), "what cannot be told apart from the fastest may come before it, nothing else"
    assert {choice.artifact for choice in manifest.ranking} == {row.name for row in manifest.usable}
    assert all(0.001 < p50 < 50 for p50 in times), "one glyph through a 5,000-parameter net"
    best = manifest.artifact(manifest.ranking[0].artifact)
    assert manifest.ranking[0].reason.startswith("fastest: ")
    assert f"{best.bytes / 1000:.1f} kB; {best.accuracy:.2%}" in manifest.ranking[0].reason
    default = f"{best.name} on {manifest.ranking[0].backend}"
    words = rf"beside {re.escape(default)}: [\d.]+ × \[[\d.]+–[\d.]+\] the time; "
    assert re.match(words, manifest.ranking[-1].reason)


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
        (GARBAGE, "❎", r"the converter's output is no \.tflite file: .*Flatbuffer"),
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


def test_flags_override_the_recipe_and_a_failed_gate_exits_3(folder: Path, tmp_path: Path) -> None:
    result = convert("run", folder, "--out", tmp_path, "--only", "fp32.onnx", "--max-bytes", "100")
    assert result.returncode == 3, result.stderr
    assert "permitted 100 (max_bytes)" in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


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


def test_sabotage_shows_what_the_gate_refuses(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The undamaged model, the worst of its weights, and one poison of each kind; the whole list is the command's."""
    kept = {"nothing", "weights rounded to 2 bits", "labels of other images", "half as bright"}
    for table in ("WEIGHTS", "CALIBRATIONS"):
        monkeypatch.setattr(sabotage, table, tuple(row for row in getattr(sabotage, table) if row[0] in kept))
    said: list[str] = []
    attempts = sabotage.sabotage(run, say=said.append)
    assert [attempt.refused for attempt in attempts] == [False, True, False, True, True]
    assert attempts[0].right == run.test.correct
    assert "(max_drop_points)" in attempts[1].reason
    assert "of the calibration images rightly" in attempts[3].reason
    assert attempts[3].right is not None, "what would have been shipped is told too"
    assert attempts[4].right is None, "its input would not take raw pixels"
    assert len(said[0].splitlines()) == 1 + len(attempts)
    monkeypatch.setattr(sabotage, "check_calibration", lambda *_: None)
    monkeypatch.setattr(sabotage, "WEIGHTS", ())
    with pytest.raises(GateError, match=r"wrongly: int8\.tflite, calibration: labels of other images: "):
        sabotage.sabotage(run, say=said.append)


def other_weights(folder: Path, model: Any) -> None:
    import keras

    twin = keras.models.clone_model(model)
    twin.set_weights([weights * 1.1 for weights in model.get_weights()])
    twin.save(folder / "model.keras")


def softmax_at_the_end(folder: Path, model: Any) -> None:
    import keras

    keras.Sequential([model, keras.layers.Softmax()]).save(folder / "model.keras")


def lambda_inside(folder: Path, model: Any) -> None:
    import keras

    keras.Sequential([model, keras.layers.Lambda(lambda x: x)]).save(folder / "model.keras")


def other_shape(folder: Path, _: Any) -> None:
    import keras

    keras.Sequential([keras.layers.Input((32, 32, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]).save(
        folder / "model.keras"
    )


def hdf5(folder: Path, model: Any) -> None:
    model.save(folder / "model.h5")
    (folder / "model.h5").replace(folder / "model.keras")


def truncated(folder: Path, _: Any) -> None:
    content = (folder / "model.keras").read_bytes()
    (folder / "model.keras").write_bytes(content[: len(content) // 2])


def damaged_inside(folder: Path, _: Any) -> None:
    content = bytearray((folder / "model.keras").read_bytes())
    content[len(content) // 2] ^= 0xFF  # inside the weights: the archive's directory is at its end
    (folder / "model.keras").write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (other_weights, IntegrityError, r"its probabilities differ from golden\.npz by"),
        (softmax_at_the_end, UsageError, "ends in softmax"),
        (lambda_inside, UsageError, "has a Lambda layer"),
        (other_shape, UsageError, r"expected input and output \(\(None, 28, 28, 1\), \(None, 10\)\), found"),
        (hdf5, IntegrityError, r"is no \.keras file"),
        (truncated, IntegrityError, r"is no \.keras file, or truncated"),
        (damaged_inside, IntegrityError, "Keras cannot load it|its probabilities differ"),
    ],
)
def test_models_that_are_refused(
    copied_run: Path, model: Any, damage: Callable[[Path, Any], None], error: type[EdgeproofError], message: str
) -> None:
    damage(copied_run, model)
    with pytest.raises(error, match=message):
        load_model(read_run(copied_run))


def test_a_truncated_model_exits_6_in_one_line(copied_run: Path, tmp_path: Path) -> None:
    truncated(copied_run, None)
    result = convert("run", copied_run, "--out", tmp_path / "bundle")
    assert result.returncode == 6
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "bundle").exists()


def test_an_existing_bundle_is_kept(run: Run, target: Path) -> None:
    before, said = target.resolve(), list[str]()
    with pytest.raises(UsageError, match="already exists: choose another --name or give --overwrite"):
        convert_run(run, target, say=said.append)
    assert not said, "it must not work for minutes first"
    assert target.resolve() == before
    load_bundle(target)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--name", "../elsewhere"), "expected a plain name"),
        (("--only", "int8.tflit"), "artifact 'int8.tflit' is unknown; did you mean 'int8.tflite'?"),
        (("--min-accuracy", "99.5"), "--min-accuracy: expected a share in 0..1"),
    ],
)
def test_wrong_flags_exit_2(folder: Path, tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    result = convert("run", folder, "--out", tmp_path, *words)
    assert result.returncode == 2
    assert message in result.stderr
    assert list(tmp_path.iterdir()) == []


# ---- a full disk -----------------------------------------------------------------------------------------------------

#: Converts again over an existing bundle, and lets the kernel refuse every write beyond 20 kB just before publishing.
FULL_WHEN_PUBLISHING = """
import resource, sys
from pathlib import Path
from convert.pipeline import convert_run
from convert.run_folder import read_run
from convert.export.variants import VARIANTS, choose
from edgeproof.support.command import guard

def say(text):
    if text.startswith("\\n"):  # the table: everything is measured, what follows is writing
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

def convert():
    run, variants = read_run(Path(sys.argv[1])), choose(VARIANTS, ("fp32.onnx",))
    convert_run(run, Path(sys.argv[2]), variants=variants, overwrite=True, say=say)

sys.exit(guard(convert, program="convert"))
"""


def test_no_room_to_publish_leaves_the_old_bundle_whole(folder: Path, copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "bundles" / "drawn"
    target.parent.mkdir()
    copy.rename(target.parent / ".drawn-0123456789abcdef")
    target.symlink_to(".drawn-0123456789abcdef")
    before = sorted(target.parent.rglob("*"))
    result = subprocess.run(
        [sys.executable, "-c", FULL_WHEN_PUBLISHING, folder, target], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1, result.stderr
    assert "larger than is permitted" in result.stderr
    assert result.stderr.count("\n") == 1
    assert sorted(target.parent.rglob("*")) == before, "something half-written was left"
    assert len(load_bundle(target).manifest.usable) == len(VARIANTS)


def test_no_room_for_the_converters_is_no_verdict_on_the_model(folder: Path, tmp_path: Path) -> None:
    """On a full disk TensorFlow's converter fails with words of its own; that must not become a ❌ of the model."""
    small = tmp_path / "small"
    small.mkdir()
    inside = f"mount -t tmpfs -o size=64k tmpfs {small} && export TMPDIR={small} MPLCONFIGDIR={tmp_path} && exec "
    words = [
        sys.executable,
        "-m",
        "convert",
        "run",
        str(folder),
        "--out",
        str(tmp_path / "bundle"),
        "--only",
        "fp32.tflite",
    ]
    namespace = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*namespace, f"{inside} true"], check=False).returncode:
        pytest.skip("a small disk of one's own needs unshare and user name spaces")
    result = subprocess.run([*namespace, inside + " ".join(words)], capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    assert "the disk is full" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "bundle").exists()


# ---- killed ----------------------------------------------------------------------------------------------------------

#: Converts over an existing bundle with another gate, so that old and new differ, and says when it has begun.
CONVERT_AGAIN = """
import sys
from dataclasses import replace
from pathlib import Path
from convert.options import GateOptions
from convert.pipeline import convert_run
from convert.run_folder import read_run
from convert.export.variants import VARIANTS, choose

run = read_run(Path(sys.argv[1]))
run = replace(run, options=replace(run.options, gate=GateOptions(max_drop_points=float(sys.argv[3]))))
convert_run(run, Path(sys.argv[2]), variants=choose(VARIANTS, ("fp32.onnx",)), overwrite=True,
            say=lambda text: print(text, flush=True))
"""


@pytest.mark.timeout(3600)  # the long form
def test_killed_at_any_moment_leaves_the_old_bundle_or_the_new(folder: Path, tmp_path: Path) -> None:
    """kill -9 at random moments, every other time within 50 ms of the publishing. EDGEPROOF_SOAK=1 kills 50 times."""
    target = tmp_path / "bundle" / "drawn"

    def convert_again(points: float) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", CONVERT_AGAIN, folder, target, str(points)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    begin = time.perf_counter()
    assert convert_again(1.0).wait(timeout=300) == 0
    whole = time.perf_counter() - begin
    random, states = np.random.default_rng(), set()
    for turn in range(50 if os.environ.get("EDGEPROOF_SOAK") else 5):
        budget = 2.0 + turn
        before = load_bundle(target).manifest.source
        child = convert_again(budget)
        if turn % 2:
            assert child.stdout is not None
            next(
                line for line in child.stdout if line.startswith(" ") and "artifact" in line
            )  # the table: now it writes
            time.sleep(random.uniform(0, 0.05))
        else:
            time.sleep(random.uniform(0, whole))
        child.kill()
        child.wait(timeout=60)
        manifest = load_bundle(target).manifest  # every hash is checked
        assert manifest.source is not None
        states.add(manifest.source == before)
        if manifest.source != before:
            assert manifest.source["gate"]["max_drop_points"] == budget
        with open_classifier(load_bundle(target)) as classifier:
            assert classifier.facts.artifact == "fp32.onnx"
    assert convert_again(99.0).wait(timeout=300) == 0
    assert len(list(target.parent.iterdir())) == 2, "the link and what it points to; nothing of the killed is left"


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


# ---- verify and ship -------------------------------------------------------------------------------------------------


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and give it a right checksum again: what a careless tool, not a damaged disk, would do."""
    table = json.loads((folder / "manifest.json").read_bytes())
    table.pop("checksum")
    change(table)
    table["checksum"] = checksum_of(table)
    (folder / "manifest.json").write_text(json.dumps(table))


def test_verify_confirms_each_count(target: Path, run: Run) -> None:
    said: list[str] = []
    verify_bundle(target, run, say=said.append)
    assert len(said) == len(load_bundle(target).manifest.proofs) >= len(VARIANTS)
    assert all(f"of {TEST_IMAGES} right" in line for line in said)


def test_a_witness_that_is_not_here_is_said_and_no_reason_to_fail(
    copy: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    manifest = load_bundle(copy).manifest
    pairs = {(proof.artifact, proof.backend) for proof in manifest.proofs}
    assert ("fp32.onnx", "openvino") in pairs
    assert "openvino" not in {choice.backend for choice in manifest.ranking}, "no device code drives it"
    rewritten(copy, lambda table: table.update(proofs=[p for p in table["proofs"] if p["artifact"] == "fp32.onnx"]))
    monkeypatch.setitem(sys.modules, "openvino", None)
    said: list[str] = []
    verify_bundle(copy, run, say=said.append)
    assert any(
        line.startswith("   fp32.onnx on openvino: not proven again: OpenVINO is not installed") for line in said
    )
    assert not any(line.startswith("✅ fp32.onnx on openvino") for line in said)


def test_verify_from_the_command_line(target: Path, folder: Path, copy: Path) -> None:
    assert convert("verify", target, "--run", folder).returncode == 0
    content = bytearray((copy / "int8.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "int8.tflite").write_bytes(content)
    result = convert("verify", copy, "--run", folder)
    assert result.returncode == 6
    assert "artifacts[int8.tflite].sha256" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(("name", "lie"), [("fp32.onnx", 2), ("fp16.tflite", 6), ("int8.tflite", 21)])
def test_verify_counts_again(copy: Path, run: Run, name: str, lie: int) -> None:
    """One answer more than kernels may differ by, with a consistent accuracy and a right checksum."""

    def change(table: dict[str, Any]) -> None:
        row = next(row for row in table["artifacts"] if row["name"] == name)
        row["correct"] += lie
        row["accuracy"] = row["correct"] / row["images"]

    rewritten(copy, change)
    with pytest.raises(IntegrityError, match=rf"{re.escape(name)} on \w+: expected \d+ ± \d+ right answers"):
        verify_bundle(copy, run)


def swap_classes(table: dict[str, Any]) -> None:
    table["classes"][3], table["classes"][5] = "5", "3"


def other_data(table: dict[str, Any]) -> None:
    table["source"]["data"]["fingerprint"] = "another"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (swap_classes, "classes"),
        (lambda table: table.update(glyph="none"), "glyph"),
        (other_data, r"source\.data\.fingerprint"),
        (lambda table: table["artifacts"][0].update(accuracy=0.999), r"accuracy 0\.9990"),
    ],
)
def test_verify_names_the_field_that_does_not_fit(
    copy: Path, run: Run, change: Callable[[dict[str, Any]], None], field: str
) -> None:
    rewritten(copy, change)
    with pytest.raises(IntegrityError, match=field):
        verify_bundle(copy, run)


def test_verify_replays_golden(copy: Path, run: Run) -> None:
    """Golden answers of one artifact negated, hashes made right again: only running the model shows it."""
    with np.load(copy / "golden.npz") as archive:
        arrays = dict(archive)
    arrays["logits/fp32.tflite"] = -arrays["logits/fp32.tflite"]
    (copy / "golden.npz").write_bytes(npz_bytes(arrays))
    rewritten(copy, lambda table: table.update(golden_sha256=files.sha256(copy / "golden.npz")))
    with pytest.raises(IntegrityError, match=r"golden: fp32\.tflite on litert answers differently"):
        verify_bundle(copy, run)


def test_ship_replaces_the_old_bundle_by_plain_files(target: Path, tmp_path: Path) -> None:
    destination = tmp_path / "bundles" / "digits"
    destination.mkdir(parents=True)
    (destination / "of the last release.onnx").write_bytes(b"old")
    (target.resolve() / "note of a person.txt").write_text("not part of the bundle")
    size = ship_bundle(target, destination)
    shipped = load_bundle(destination)
    names = {variant.name for variant in VARIANTS} | {"manifest.json", "golden.npz", "report.html", "README.md"}
    assert {file.name for file in destination.iterdir()} == names
    assert not any(file.is_symlink() for file in destination.rglob("*"))
    assert [entry.name for entry in destination.parent.iterdir()] == ["digits"]
    assert size == sum(file.stat().st_size for file in destination.iterdir()) < MAX_BYTES
    assert shipped.manifest == load_bundle(target).manifest
    if os.name == "posix":
        assert destination.stat().st_mode & 0o555 == 0o555, "another user must be able to read it"


def test_ship_refuses_what_does_not_verify(copy: Path, tmp_path: Path) -> None:
    destination = tmp_path / "bundles" / "digits"
    (copy / "fp32.onnx").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"fp32\.onnx"):
        ship_bundle(copy, destination)
    assert not destination.exists()


def test_ship_refuses_what_is_too_large(copy: Path, tmp_path: Path) -> None:
    (copy / "report.html").write_bytes(b" " * MAX_BYTES)
    rewritten(copy, lambda table: table.update(report_sha256=files.sha256(copy / "report.html")))
    with pytest.raises(GateError, match="expected less than 1,000,000 bytes for the wheel"):
        ship_bundle(copy, tmp_path / "bundles" / "digits")
