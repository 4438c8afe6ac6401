"""Keras → ONNX in static 8 bits: how the activations' ranges are found, and on what evidence.

Three ways of reading a range from the calibration images are compared on a quarter of them that none has seen: their
extremes (MinMax), the range that loses the least information (Entropy), and all but one value in ten thousand (Percentile).
Which of them is best differs from model to model, and the test images must not decide it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convert.export.onnx_float import INPUT, canonical, to_onnx
from convert.export.saturation import saturates
from convert.operators import WITH_WEIGHTS
from edgeproof import scores
from edgeproof.input_contract import laid_out
from edgeproof.support.native_output import native_output

if TYPE_CHECKING:
    import keras
    import onnx
    from onnxruntime.quantization import CalibrationDataReader

METHODS = ("MinMax", "Entropy", "Percentile")  # not Distribution: it is made for 8-bit floats and ruins these
PERCENTILE = 99.99
ENTROPY_BINS = {"num_bins": 512, "num_quantized_bins": 256}  # the default, 128 of each, leaves it no choice but MinMax
HELD_OUT = 4  # every fourth calibration image is kept to compare the methods
CALIBRATION_BATCH = 50  # images per call

CALIBRATION_NOTE, RANGE_NOTE = "edgeproof.calibration", "edgeproof.weights"


def to_int8_onnx(
    model: keras.Model,
    *,
    calibration: NDArray[np.uint8],
    in_float: Sequence[int] = (),
    methods: Sequence[str] = METHODS,
) -> bytes:
    """The float graph with 8-bit weights (signed, a scale per channel) and activations (unsigned), as Q/DQ pairs.

    `calibration` is uint8 (n, H, W), or RGB (n, H, W, 3). `in_float`: the layers with weights that stay as they are, counted
    from the input, 0 the first. `methods`: those that are compared. Input and output stay float32. The file's metadata say
    which method was chosen, and whether the weights had to be narrowed to 7 bits for this CPU.
    """
    floating = to_onnx(model)
    quantized = partial(_quantized, floating, in_float=in_float)
    held = np.arange(len(calibration)) % HELD_OUT == HELD_OUT - 1
    reference = _logits(floating, calibration)
    losses = {
        method: information_lost(reference[held], _logits(quantized(calibration[~held], method), calibration[held]))
        for method in methods
    }
    best = min(losses, key=lambda method: losses[method])  # the first of equals
    table = ", ".join(f"{method} {loss:.2e}" for method, loss in losses.items())
    notes = {
        CALIBRATION_NOTE: f"{best} ({len(calibration)} images; nats lost on {held.sum()} that were held out: {table})"
    }
    content = quantized(calibration, best, notes)
    if not saturates():
        return content
    # Sums of products overflow on this CPU. That is harmless as long as no answer changes.
    narrow = quantized(calibration, best, notes | {RANGE_NOTE: "7 bits: sums of 8-bit products overflow"}, True)
    answers = reference.argmax(axis=1)
    changed = [int((_logits(made, calibration).argmax(axis=1) != answers).sum()) for made in (content, narrow)]
    return narrow if changed[1] < changed[0] else content


def method_of(content: bytes) -> str:
    """By which method the ranges of an int8 .onnx file of ours were found."""
    import onnx

    notes = {entry.key: entry.value for entry in onnx.load_from_string(content).metadata_props}
    return str(notes[CALIBRATION_NOTE].partition(" ")[0])


def information_lost(reference: NDArray[np.float32], logits: NDArray[np.float32]) -> float:
    """Mean Kullback-Leibler divergence of the probabilities behind `logits` from those behind `reference`, nats, ≥ 0."""
    p, q = (np.maximum(scores.softmax(values).astype(np.float64), 1e-12) for values in (reference, logits))
    return float((p * np.log(p / q)).sum(axis=1).mean())


def _quantized(
    content: bytes,
    images: NDArray[np.uint8],
    method: str,
    notes: dict[str, str] | None = None,
    reduce_range: bool = False,
    *,
    in_float: Sequence[int] = (),
) -> bytes:
    """`content` in 8 bits but for the layers `in_float`, the ranges read from `images` (n, …) by `method`."""
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    graph = onnx.load_from_string(content)
    with tempfile.TemporaryDirectory() as folder, native_output():
        target, ranges = Path(folder, "int8.onnx"), Path(folder, "ranges.json")
        if method == "Entropy":
            _save_entropy_ranges(content, images, ranges)
        quantize_static(
            graph,
            target,
            _reader(images),
            quant_format=QuantFormat.QDQ,
            calibrate_method=CalibrationMethod[method],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=reduce_range,
            nodes_to_exclude=_stem(graph.graph) + _layers(graph.graph, in_float),
            extra_options={"CalibPercentile": PERCENTILE},
            calibration_cache_path=ranges,
        )
        return canonical(onnx.load(target), notes)


def _save_entropy_ranges(content: bytes, images: NDArray[np.uint8], ranges: Path) -> None:
    """Write to `ranges` what Entropy reads from `images` (n, …): quantize_static does not take ENTROPY_BINS."""
    from onnxruntime.quantization import CalibrationMethod, create_calibrator
    from onnxruntime.quantization.calibrate import save_tensors_data

    with tempfile.TemporaryDirectory() as folder:
        floating, augmented = Path(folder, "float.onnx"), Path(folder, "augmented.onnx")
        floating.write_bytes(content)
        calibrator = create_calibrator(
            floating, None, str(augmented), CalibrationMethod.Entropy, extra_options=ENTROPY_BINS
        )
        calibrator.collect_data(_reader(images))
        save_tensors_data(calibrator.compute_data(), ranges)


def _reader(images: NDArray[np.uint8]) -> CalibrationDataReader:
    """`images` (n, …) as ONNX Runtime's calibration asks for them, a batch at a time."""
    from onnxruntime.quantization import CalibrationDataReader

    # The histograms want batches of one size: the last is filled up with the first images once more.
    whole = -(-len(images) // CALIBRATION_BATCH) * CALIBRATION_BATCH
    batches = _nchw_batches(np.resize(images, (whole, *images.shape[1:])))

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(batches, None)

    return Reader()


def _stem(graph: onnx.GraphProto) -> list[str]:
    """Names of the scaling and the first convolution: with one input channel its 8-bit kernel is slower than float."""
    names = []
    for node in graph.node:
        names.append(node.name)
        if node.op_type == "Conv":
            return names
        if node.op_type not in ("Mul", "Add"):
            break
    return []


def _layers(graph: onnx.GraphProto, numbers: Sequence[int]) -> list[str]:
    """Names of the layers with weights that have these numbers, counted from the input."""
    names = [node.name for node in graph.node if node.op_type in WITH_WEIGHTS["onnx"]]
    return [names[number] for number in numbers]


def _nchw_batches(images: NDArray[np.uint8]) -> Iterator[dict[str, NDArray[np.float32]]]:
    for start in range(0, len(images), CALIBRATION_BATCH):
        yield {INPUT: laid_out(images[start : start + CALIBRATION_BATCH], "NCHW").astype(np.float32)}


def _logits(content: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 (n, classes) that the graph gives for images (n, …)."""
    import onnxruntime

    with native_output():
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, batch)[0] for batch in _nchw_batches(images)])
