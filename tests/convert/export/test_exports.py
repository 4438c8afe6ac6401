"""The exporters beyond plain float and int8, on a network trained for seconds on the shipped bundle's golden digits."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from convert.export import onnx_int8, pruning
from convert.export.layers import graph_of
from convert.export.onnx_float import canonical, to_fp16_onnx, to_onnx
from convert.export.onnx_int8 import CALIBRATION_NOTE, METHODS, RANGE_NOTE, information_lost, to_int8_onnx
from convert.export.pruning import cut, strongest
from convert.export.qat import Trained, to_qat_onnx, train_quantized
from convert.export.saturation import ACTIVATION, DEPTH, WEIGHT, saturates
from convert.export.tflite import to_tflite
from convert.export.unsupported import explain
from convert.export.variants import PRUNED, QAT, VARIANTS, Variant, choose, offered
from convert.keras_import import import_keras
from convert.keras_model import keras_logits, quiet_tensorflow
from convert.options import ConvertOptions, GateOptions
from convert.pipeline import convert_run
from convert.proof.specs import read_specs
from convert.run_folder import Run
from edgeproof.backends import open_backend
from edgeproof.bundle import load_bundle
from edgeproof.classifier import encode
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.manifest import Artifact
from edgeproof.scores import dequantize, softmax
from edgeproof.support.npz import npz_bytes

pytestmark = pytest.mark.slow
_GOLDEN = load_bundle().golden
_DIGITS = _GOLDEN.labels < 10  # the shipped bundle knows a class for what is no digit; these nets do not
IMAGES, LABELS = _GOLDEN.images[_DIGITS], _GOLDEN.labels[_DIGITS]


def digits(copies: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The golden digits, each shifted by up to a pixel, in faint noise."""
    random = np.random.default_rng(seed)
    images = [np.roll(IMAGES, random.integers(-1, 2, 2), axis=(1, 2)) for _ in range(copies)]
    noise = random.integers(0, 20, (copies * len(IMAGES), 28, 28))
    return np.clip(np.concatenate(images) + noise, 0, 255).astype(np.uint8), np.tile(LABELS, copies)


def trained(model: Any, scale: float = 1.0) -> Any:
    import keras

    images, labels = digits(20, seed=1)
    ends_in_softmax = np.allclose(model(images[:4, ..., None] * np.float32(scale)).numpy().sum(axis=1), 1, atol=1e-3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=not ends_in_softmax)
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(images[..., None] * np.float32(scale), labels, batch_size=64, epochs=4, verbose=0)
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    """Functional; BatchNorm momentum 0.9, for its statistics must converge in a hundred steps."""
    quiet_tensorflow()
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    image = x = layers.Input((28, 28, 1), name="image")
    x = layers.Rescaling(1 / 255)(x)
    for filters, strides in ((8, 2), (16, 2)):
        x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.GlobalAveragePooling2D()(layers.Dropout(0.1)(x))
    return trained(keras.Model(image, layers.Dense(10, name="logits")(x)))


@pytest.fixture(scope="module")
def images() -> NDArray[np.uint8]:
    return digits(2, seed=2)[0]


def answers(content: bytes, format: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 logits (n, classes) as the device computes them."""
    source, target = read_specs(content, format)
    row = Artifact(f"made.{format}", format, "fp32", "✅", "", input=source, output=target)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, row.name)
        file.write_bytes(content)
        backend = open_backend({"onnx": "onnxruntime", "tflite": "litert"}[format], file, row, "cpu", 1)
        return dequantize(backend.run(encode(images, source)), target.scale, target.zero_point)


def agreement(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float((a.argmax(axis=1) == b.argmax(axis=1)).mean())


# ---- float16, 16×8 ---------------------------------------------------------------------------------------------------


def test_fp16_onnx_is_half_as_large_and_keeps_floats_outside(model: Any, images: NDArray[np.uint8]) -> None:
    """Permitted: a hundredth of a probability's range."""
    single, half = to_onnx(model), to_fp16_onnx(model)
    weights = onnx.load_from_string(half).graph.initializer
    assert {weight.data_type for weight in weights if weight.dims} <= {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}
    source, target = read_specs(half, "onnx")
    assert (source.dtype, target.dtype) == ("float32", "float32")
    assert len(half) < len(single)
    difference = softmax(answers(half, "onnx", images)) - softmax(keras_logits(model, images))
    assert 0 < np.abs(difference).max() <= 1e-2


def test_int16x8_has_wide_activations_and_narrow_weights(model: Any, images: NDArray[np.uint8]) -> None:
    from ai_edge_litert.interpreter import Interpreter

    content = to_tflite(model, precision="int16x8", calibration=images)
    kinds = {np.dtype(tensor["dtype"]).name for tensor in Interpreter(model_content=content).get_tensor_details()}
    assert {"int16", "int8", "float32"} <= kinds
    assert read_specs(content, "tflite")[0].dtype == "float32"
    found = agreement(answers(content, "tflite", images), keras_logits(model, images))
    assert found >= 0.97, "permitted: near-ties of a net trained for seconds"


# ---- 8 bits in ONNX: which ranges, how many bits ---------------------------------------------------------------------


def test_information_lost() -> None:
    """By hand: ½·ln(½/¾) + ½·ln(½/¼) = 0.1438 nats."""
    even, odd = np.log(np.array([[0.5, 0.5]], np.float32)), np.log(np.array([[0.75, 0.25]], np.float32))
    assert information_lost(even, even) == pytest.approx(0, abs=1e-7)
    assert information_lost(even, odd) == pytest.approx(0.14384, abs=1e-4)


def notes(content: bytes) -> dict[str, str]:
    return {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}


def test_the_best_calibration_method_is_kept_and_told(model: Any, images: NDArray[np.uint8]) -> None:
    note = notes(to_int8_onnx(model, calibration=images))[CALIBRATION_NOTE]
    losses = {method: float(value) for method, value in re.findall(r"(\w+) (\d\.\d+e-\d+)", note)}
    assert tuple(losses) == METHODS
    assert note.startswith(min(losses, key=lambda method: losses[method]) + " (160 images; nats lost on 40 ")


def test_the_methods_read_different_ranges(model: Any, images: NDArray[np.uint8]) -> None:
    """Otherwise there was nothing to compare. One bright outlier tells MinMax from the others."""
    made = {method: onnx_int8._quantized(to_onnx(model), images, method) for method in METHODS}
    assert len(set(made.values())) == len(METHODS)


def test_saturation_probe_knows_this_cpu() -> None:
    """VNNI and ARM kernels add in 32 bits; what 16 bits would make of it is another number."""
    from edgeproof.support.machine import environment

    isa = set(environment().isa)
    if isa & {"avx512_vnni", "avx_vnni", "asimd"}:
        assert not saturates()
    pair = min(2 * ACTIVATION * WEIGHT, np.iinfo(np.int16).max)
    assert pair * DEPTH // 2 != ACTIVATION * WEIGHT * DEPTH, "a kernel that saturates would pass the probe"


@pytest.mark.skipif(shutil.which("qemu-x86_64") is None, reason="no qemu-x86_64: on Debian, apt-get install qemu-user")
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the emulator runs this machine's own libraries")
def test_saturation_is_found_on_an_emulated_cpu_without_vnni() -> None:
    """A Haswell: AVX2 and nothing beyond it."""
    code = "from convert.export.saturation import saturates; print(saturates())"
    words = [str(shutil.which("qemu-x86_64")), "-cpu", "Haswell", sys.executable, "-c", code]
    root = Path(__file__).parents[3]
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, cwd=root)
    assert result.stdout == "True\n", result.stderr


@pytest.mark.parametrize("harmful", [True, False])
def test_weights_are_narrowed_only_where_saturation_changes_answers(
    model: Any, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch, harmful: bool
) -> None:
    """This CPU does not saturate: its kernels are replaced by some that answer wrongly when a weight exceeds 7 bits."""
    real = onnx_int8._logits

    def largest(content: bytes) -> int:
        weights = onnx.load_from_string(content).graph.initializer
        arrays = [
            onnx.numpy_helper.to_array(w) for w in weights if w.data_type == onnx.TensorProto.INT8 and len(w.dims) > 1
        ]
        return max((int(np.abs(array.astype(int)).max()) for array in arrays), default=0)

    def saturating(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.roll(real(content, images), int(largest(content) > 64), axis=1)

    plain = to_int8_onnx(model, calibration=images)
    monkeypatch.setattr(onnx_int8, "saturates", lambda: True)
    if harmful:
        monkeypatch.setattr(onnx_int8, "_logits", saturating)
    content = to_int8_onnx(model, calibration=images)
    assert largest(plain) > 64
    assert (largest(content) <= 64) == (RANGE_NOTE in notes(content)) == harmful
    assert harmful or content == plain


# ---- rebuilding layer by layer ---------------------------------------------------------------------------------------


def test_a_nested_model_is_read_as_one_chain(model: Any) -> None:
    import keras

    nested = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(2.0), model])
    source, steps, target = graph_of(nested)
    names = [type(layer).__name__ for layer, _, _ in steps]
    assert names[:3] == ["Rescaling", "Rescaling", "Conv2D"]
    tensor = source
    for _, inputs, output in steps:
        assert [id(one) for one in inputs] == [id(tensor)], "each takes what the one before it gave"
        tensor = output
    assert tensor is target


def test_the_weakest_channels_are_found_and_removed_exactly(model: Any, images: NDArray[np.uint8]) -> None:
    """Half of the channels are made silent. Cutting half must find just these, so that no answer changes."""
    import keras

    half_silent = keras.models.clone_model(model)
    half_silent.set_weights(model.get_weights())
    for layer in half_silent.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for variable in (layer.gamma, layer.beta):
                variable.assign(variable.numpy() * (np.arange(len(variable.numpy())) % 2))
    pruned = cut(half_silent, 0.5)
    assert pruned.count_params() < 0.6 * half_silent.count_params()
    assert [layer.filters for layer in pruned.layers if isinstance(layer, keras.layers.Conv2D)] == [4, 8]
    assert pruned.output_shape == model.output_shape
    difference = keras_logits(pruned, images) - keras_logits(half_silent, images)
    assert np.abs(difference).max() <= 1e-3, "float sums in another order"


def test_pruning_follows_channels_through_flatten(images: NDArray[np.uint8]) -> None:
    import keras

    layers = keras.layers
    whole = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Conv2D(8, 3, strides=4), layers.MaxPooling2D(2), layers.Flatten(),
         layers.Dense(16, activation="relu"), layers.Dense(3)]
    )  # fmt: skip
    kernel, bias = whole.layers[0].get_weights()
    whole.layers[0].set_weights([kernel * (np.arange(8) < 4), bias])
    kernel, bias = whole.layers[3].get_weights()
    whole.layers[3].set_weights([kernel * (np.arange(16) >= 8), bias])
    pruned = cut(whole, 0.5)
    assert [layer.units for layer in pruned.layers if isinstance(layer, layers.Dense)] == [8, 3]
    assert np.abs(keras_logits(pruned, images) - keras_logits(whole, images)).max() <= 1e-3


def test_channels_are_kept_by_fours() -> None:
    strength = np.array([5.0, 1, 4, 2, 3, 9, 9, 0])
    assert strongest(strength, 0.5).tolist() == [0, 2, 5, 6]
    assert strongest(strength, 0.3).tolist() == list(range(8)), "5.6 is rounded up to 8"
    assert strongest(strength, 0.9).tolist() == [0, 2, 5, 6]


def branched() -> Any:
    import keras

    image = x = keras.Input((28, 28, 1))
    x = keras.layers.Add()([x, keras.layers.ReLU()(x)])
    return keras.Model(image, keras.layers.Dense(10)(keras.layers.Flatten()(x)))


def separable() -> Any:
    import keras

    layers = keras.layers
    return keras.Sequential(
        [layers.Input((28, 28, 1)), layers.SeparableConv2D(4, 3), layers.Flatten(), layers.Dense(10)]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [(branched, "expected a chain of layers, found a branch"), (separable, "SeparableConv2D is not supported here")],
)
def test_what_cannot_be_pruned_is_named(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cut(make(), 0.5)


@pytest.mark.parametrize(
    ("export", "format", "where"),
    [
        (to_onnx, "onnx", "opset 17 of ONNX"),
        (lambda model: to_tflite(model, precision="fp32"), "tflite", "TensorFlow Lite"),
    ],
)
def test_a_layer_that_a_format_lacks_is_named_with_a_way_out(
    export: Callable[[Any], bytes], format: str, where: str
) -> None:
    quiet_tensorflow()
    import keras

    class Odd(keras.layers.Layer):  # type: ignore[misc]
        def call(self, values: Any) -> Any:
            return keras.ops.erfinv(0.5 * keras.ops.tanh(values))

    layers = keras.layers
    odd = keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), Odd(name="strange"), layers.Dense(10)])
    with pytest.raises(Exception) as caught:
        export(odd)
    reason = explain(caught.value, odd, format)  # type: ignore[arg-type]
    assert reason.startswith(f"layer strange (Odd) computes Erfinv, which {where} does not have: ")
    assert "--only" in reason
    assert explain(ValueError("first\nsecond"), odd, format) == "ValueError: first"


# ---- in a child process ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quantized(model: Any, images: NDArray[np.uint8]) -> Trained:
    said: list[str] = []
    made = train_quantized(model, calibration=images, say=said.append)
    assert sum("epoch" in line for line in said) == 6, said
    return made


def test_qat_leaves_this_process_alone(quantized: Trained) -> None:
    assert quantized.bytes_io
    assert not {"tf_keras", "tensorflow_model_optimization"} & set(sys.modules)


def test_qat_is_8_bits_in_both_formats(quantized: Trained, model: Any, images: NDArray[np.uint8]) -> None:
    """The two files are one network: permitted is a step of the output's scale, which ONNX adds up in another order."""
    exported = to_qat_onnx(quantized)
    graph = onnx.load_from_string(exported).graph
    kernels = [weight for weight in graph.initializer if len(weight.dims) > 1]
    assert len(kernels) == 3
    assert {weight.data_type for weight in kernels} == {onnx.TensorProto.INT8}
    source, target = read_specs(quantized.bytes_io, "tflite")
    assert (source.dtype, source.zero_point) == ("uint8", 0)
    assert source.scale == pytest.approx(1 / 255, rel=1e-4)
    ours, theirs = answers(exported, "onnx", images), answers(quantized.bytes_io, "tflite", images)
    assert np.abs(ours - theirs).max() <= 1.01 * (target.scale or 0)
    # A net of a hundred steps is in two minds about one image in twenty; a wrong scale would leave one in ten alike.
    assert agreement(ours, keras_logits(model, images)) >= 0.92


def test_qat_uses_all_codes_behind_a_relu(quantized: Trained) -> None:
    """Where the ranges start at −6..6, the zero points stay near −10 and half of the codes stand for nothing."""
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_content=quantized.bytes_io).get_tensor_details()
    behind = [
        tensor["quantization"][1] for tensor in details if "Relu" in tensor["name"] and tensor["dtype"] is np.int8
    ]
    assert behind == [-128, -128]


@pytest.mark.soak
def test_training_again_gives_the_same_bytes(quantized: Trained, model: Any, images: NDArray[np.uint8]) -> None:
    again = train_quantized(model, calibration=images, say=lambda _: None)
    assert again == quantized
    assert to_qat_onnx(again) == to_qat_onnx(quantized)
    pruned = [pruning.prune(model, ratio=0.25, calibration=images, say=lambda _: None) for _ in range(2)]
    assert to_onnx(pruned[0]) == to_onnx(pruned[1])
    assert agreement(keras_logits(pruned[0], images), keras_logits(model, images)) >= 0.9


def test_what_a_child_does_not_like_is_told() -> None:
    import keras

    with pytest.raises(RuntimeError, match=r"qat: ValueError: expected the model to begin with Rescaling\(1/255\)"):
        train_quantized(separable(), calibration=IMAGES, say=lambda _: None)
    layers = keras.layers
    strange = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Rescaling(1 / 255), layers.Flatten(), layers.UnitNormalization()]
    )
    with pytest.raises(RuntimeError, match="UnitNormalization is not supported here; supported: Activation, "):
        train_quantized(strange, calibration=IMAGES, say=lambda _: None)


def test_what_takes_training_is_offered_where_it_is_asked_for() -> None:
    def names(**options: Any) -> set[str]:
        return {variant.name for variant in offered(ConvertOptions(**options))} - {variant.name for variant in VARIANTS}

    assert names() == set()
    assert names(qat=True) == names(artifacts=("int8-qat.onnx",)) == set(QAT)
    assert names(prune=0.5) == names(artifacts=("fp32.onnx", "pruned-int8.tflite")) == set(PRUNED)
    ratios = {variant.settings for variant in offered(ConvertOptions(prune=0.5)) if variant.name in PRUNED}
    assert ratios == {"ratio 0.5"}
    with pytest.raises(ValueError, match=r"prune: expected a share in 0\.05\.\.0\.9"):
        ConvertOptions(prune=25)


@pytest.mark.parametrize("kept", ["const_axes__7", "const_starts__12", "Const__3", "const_fold_opt__104"])
def test_the_name_that_a_constant_happens_to_have_changes_no_byte(kept: str) -> None:
    """Of equal constants tf2onnx keeps one, and which depends on the order of a set."""
    bundle = load_bundle()
    model = onnx.load_from_string((bundle.path / "fp32.onnx").read_bytes())
    before = canonical(model)
    constant = next(weight for weight in model.graph.initializer if weight.name.startswith("const"))
    for node in model.graph.node:
        node.input[:] = [kept if name == constant.name else name for name in node.input]
    constant.name = kept
    assert canonical(model) == before
    assert canonical(onnx.load_from_string(before)) == before


# ---- models from elsewhere -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "mine.npz"
    (x_train, y_train), (x_test, y_test) = digits(8, seed=3), digits(5, seed=4)
    y_train, y_test = y_train.astype(np.uint8), y_test.astype(np.uint8)
    file.write_bytes(npz_bytes({"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}))
    return file


def probabilities() -> Any:
    """As a tutorial has it: pixels divided by 255 outside, softmax in the last layer."""
    import keras

    layers = keras.layers
    return keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Conv2D(8, 3, strides=2, activation="relu"), layers.Flatten(),
         layers.Dense(10, activation="softmax")]
    )  # fmt: skip


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quiet_tensorflow()
    file = tmp_path_factory.mktemp("model") / "tutorial.keras"
    trained(probabilities(), scale=1 / 255).save(file)
    return file


@pytest.fixture(scope="module")
def foreign(tutorial: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    said: list[str] = []
    run = import_keras(tutorial, data, tmp_path_factory.mktemp("runs") / "run", pixels="0-1", say=said.append)
    assert said == ["tutorial.keras: takes pixels as 0..1; its softmax is cut off"]
    return run


def test_what_the_model_was_trained_with_is_told_or_asked(tutorial: Path, data: Path, tmp_path: Path) -> None:
    """A model with its scaling inside says it; one whose answers hardly depend on the scale must not be guessed at."""
    import keras

    with pytest.raises(UsageError, match=r"say which it was trained with: --pixels 0-255 or --pixels 0-1"):
        import_keras(tutorial, data, tmp_path / "run", say=lambda _: None)
    inside = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255)])
    for layer in keras.saving.load_model(tutorial).layers:
        inside.add(layer)
    inside.save(tmp_path / "inside.keras")
    said: list[str] = []
    import_keras(tmp_path / "inside.keras", data, tmp_path / "run", say=said.append)
    assert said == ["inside.keras: takes pixels as 0..255; its softmax is cut off"]


def test_a_model_from_elsewhere_takes_the_same_road(foreign: Run, tmp_path: Path) -> None:
    assert foreign.test.correct >= 0.95 * len(foreign.test.labels)
    assert len(foreign.golden.labels) == 80
    variants = choose(VARIANTS, ("fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite"))
    relaxed = replace(foreign.options, gate=GateOptions(max_drop_points=5, max_corruption_drop_points=50))
    manifest = convert_run(
        replace(foreign, options=relaxed), tmp_path / "bundle", variants=variants, say=lambda _: None
    )
    assert [row.status for row in manifest.artifacts] == ["✅"] * 4, [row.reason for row in manifest.artifacts]
    assert manifest.artifact("fp32.onnx").agreement == 1.0


def test_what_is_neither_smaller_nor_faster_is_not_shipped(foreign: Run, tmp_path: Path) -> None:
    whole, _ = choose(VARIANTS, ("fp32.onnx", "fp32.tflite"))
    idle = Variant("pruned-fp32.onnx", "onnx", "fp32", whole.export, smaller_than="fp32.onnx")
    alone = Variant(
        "pruned-fp32.tflite", "tflite", "fp32", lambda m, _: to_tflite(m, precision="fp32"), "", "fp32.tflite"
    )
    manifest = convert_run(foreign, tmp_path / "bundle", variants=(whole, idle, alone), say=lambda _: None)
    rows = {row.name: row for row in manifest.artifacts}
    assert rows["fp32.onnx"].status == "✅"
    assert rows["pruned-fp32.onnx"].status == rows["pruned-fp32.tflite"].status == "❎"
    assert "bytes, not less than the" in rows["pruned-fp32.onnx"].reason
    assert "fp32.tflite is not usable here" in rows["pruned-fp32.tflite"].reason
    assert not (tmp_path / "bundle" / "pruned-fp32.onnx").exists()


SUBCLASS = """
import keras

@keras.saving.register_keras_serializable("mine")
class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.convolution = keras.layers.Conv2D(8, 3, strides=2, activation="relu")
        self.last = keras.layers.Dense(10)
        self.flat = keras.layers.Flatten()

    def call(self, image):
        return self.last(self.flat(self.convolution(image / 255)))
"""


def test_a_subclassed_model_needs_its_module_by_name(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_tensorflow()
    import keras

    (tmp_path / "own_model_of_a_test.py").write_text(SUBCLASS)
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "own.keras"
    module = __import__("own_model_of_a_test")
    trained(module.Own()).save(file)
    del sys.modules["own_model_of_a_test"]
    keras.saving.get_custom_objects().clear()
    with pytest.raises(IntegrityError, match=r"Keras cannot load it: .*Own"):
        import_keras(file, data, tmp_path / "first", say=lambda _: None)
    run = import_keras(file, data, tmp_path / "run", code="own_model_of_a_test", pixels="0-255", say=lambda _: None)
    manifest = convert_run(
        run, tmp_path / "bundle", variants=choose(VARIANTS, ("fp32.onnx", "fp32.tflite")), say=lambda _: None
    )
    assert [row.status for row in manifest.artifacts] == ["✅"] * 2, [row.reason for row in manifest.artifacts]
    assert manifest.artifact("fp32.tflite").agreement == 1.0


def test_what_is_refused_of_models_and_data(tutorial: Path, data: Path, tmp_path: Path) -> None:
    quiet_tensorflow()
    import keras

    layers = keras.layers

    def saved(model: Any) -> Path:
        model.save(tmp_path / "m.keras")
        return tmp_path / "m.keras"

    def refused(model: Path, archive: Path, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            import_keras(model, archive, tmp_path / "run", say=lambda _: None)
        assert not (tmp_path / "run").exists()

    old = tmp_path / "model.h5"
    old.write_bytes(b"\x89HDF")
    refused(old, data, UsageError, "expected a .keras file: other formats can run code")
    with_code = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Lambda(lambda x: x), layers.Flatten(), layers.Dense(10)]
    )
    refused(saved(with_code), data, UsageError, "has a Lambda layer, which carries code")
    wide = keras.Sequential([layers.Input((32, 32, 1)), layers.Flatten(), layers.Dense(10)])
    refused(saved(wide), data, UsageError, r"expected input \(None, 28, 28, 1\), found \(None, 32, 32, 1\)")
    many = keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(11)])
    refused(saved(many), data, UsageError, r"expected outputs \(None, 10\)")
    keras.utils.set_random_seed(3)
    untaught = keras.Sequential(
        [layers.Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, kernel_initializer="zeros")]
    )
    refused(saved(untaught), data, GateError, "expected a model of this data")
    with np.load(data) as archive:
        arrays = dict(archive)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(npz_bytes({**arrays, "x_test": arrays["x_test"] / 255.0}))
    refused(tutorial, broken, UsageError, r"x_test: expected uint8 \(n, 28, 28\), found float64")
    broken.write_bytes(npz_bytes({name: values for name, values in arrays.items() if name != "y_test"}))
    refused(tutorial, broken, IntegrityError, "expected the array 'y_test.*', found none")
