"""The exporters, each as its own documentation uses it: a run folder in, one file out.

All take the run's Keras model and, where they want some, the same representative images. What they print is left as it is: it
is part of what is measured. Each returns what the tool itself measured of its result, in words; for most that is nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.exporters.faults import REPRESENTATIVE
from edgeproof.run_folder import MODEL, RECORD

Exporter = Callable[[Path, Path], str]
OPSET = 17


def tflite_fp32(run: Path, out: Path) -> str:
    """https://ai.google.dev/edge/litert/conversion/tensorflow/convert_tf: `from_keras_model`, nothing else set."""
    import tensorflow as tf

    (out / "fp32.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(_model(run)).convert())
    return ""


def tflite_int8(run: Path, out: Path) -> str:
    """https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/post_training_integer_quant: "integer only"."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(_model(run))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in _representative(run))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    (out / "int8.tflite").write_bytes(converter.convert())
    return ""


def onnx_fp32(run: Path, out: Path) -> str:
    """https://github.com/onnx/tensorflow-onnx, its Python API: a function with a signature."""
    import onnx

    onnx.save(_exported(run), str(out / "fp32.onnx"))
    return ""


def onnx_int8(run: Path, out: Path) -> str:
    """https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html: pre-processing, then static, defaults."""
    from onnxruntime.quantization import CalibrationDataReader, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    graph = _exported(run)
    name = graph.graph.input[0].name
    images = iter(_representative(run))

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(({name: image} for image in images), None)

    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder, "prepared.onnx")
        quant_pre_process(graph, str(prepared))
        quantize_static(str(prepared), str(out / "int8.onnx"), Reader())
    return ""


def onnx_slim(run: Path, out: Path) -> str:
    """https://github.com/ultralytics/ultralytics, engine/exporter.py: the steps of its ONNX export after the graph is there.

    The package itself takes its own PyTorch models only. Its steps: slim the graph, go on with a warning when that fails, write
    metadata, save. Whether the file answers as the model is another command of the package.
    """
    import onnx
    import onnxslim

    graph, record = _exported(run), json.loads((run / RECORD).read_text(encoding="utf-8"))
    try:
        graph = onnxslim.slim(graph)
    except Exception as problem:
        print(f"WARNING simplifier failure: {problem}")
    facts = {"task": "classify", "batch": 1, "imgsz": record["input"]["size"], "names": record["classes"]}
    for key, value in facts.items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.save(graph, str(out / "slim.onnx"))
    return ""


def aeq_dynamic(run: Path, out: Path) -> str:
    """https://github.com/google-ai-edge/ai-edge-quantizer, its README: what it recommends for CPUs."""
    return _ai_edge_quantizer(run, out / "int8-dynamic.tflite", "dynamic_wi8_afp32")


def aeq_static(run: Path, out: Path) -> str:
    """The same: weights and activations in 8 bits, with calibration."""
    return _ai_edge_quantizer(run, out / "int8.tflite", "static_wi8_ai8")


def _ai_edge_quantizer(run: Path, target: Path, recipe: str) -> str:
    """The README's steps 1 to 5; step 5 compares the tensors with the float file's, on images that are representative."""
    from ai_edge_quantizer import calibrator, quantizer
    from ai_edge_quantizer import recipe as recipes

    with tempfile.TemporaryDirectory() as folder:
        tflite_fp32(run, Path(folder))
        tool = quantizer.Quantizer(str(Path(folder, "fp32.tflite")))
        tool.load_quantization_recipe(getattr(recipes, recipe)())
        taken = _signature_input(folder)
        samples = {"serving_default": [{taken: image} for image in _representative(run)]}
        profiled = calibrator.CalibrationMode.CALIBRATION_PROFILER_BASED
        ranges = tool.calibrate(samples, mode=profiled) if tool.need_calibration else None
        tool.quantize(ranges).export_model(str(target))
        compared = tool.validate({"serving_default": samples["serving_default"][:64]})
    outputs = compared.get_signature_comparison_result("serving_default").output_tensors
    errors = [float(error["mse"] if isinstance(error, dict) else error) for error in outputs.values()]
    return f"`validate()`: mean squared error of the logits {max(errors):.3g}, no verdict"


def _signature_input(folder: str) -> str:
    from ai_edge_litert.interpreter import Interpreter

    signature = Interpreter(str(Path(folder, "fp32.tflite"))).get_signature_list()["serving_default"]
    return str(signature["inputs"][0])


def _model(run: Path) -> Any:
    import keras

    return keras.saving.load_model(run / MODEL, compile=False)


def _representative(run: Path) -> Iterator[NDArray[np.float32]]:
    """Each image as the exporters ask for them: float32 (1, H, W, C)."""
    with np.load(run / REPRESENTATIVE, allow_pickle=False) as arrays:
        images = arrays["images"]
    return (image[np.newaxis] for image in images)


def _exported(run: Path) -> Any:
    """The ONNX graph that tf2onnx makes of the run's model. It loses what a Keras 3 model gives: it is given a function of it."""
    import tensorflow as tf
    import tf2onnx

    model = _model(run)
    signature = [tf.TensorSpec(model.input_shape, tf.float32, name="image")]
    function = tf.function(lambda image: model(image, training=False), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    return graph


#: By the name that the tables show: what exports, and the packages whose versions count.
EXPORTERS: dict[str, tuple[Exporter, tuple[str, ...]]] = {
    "tf.lite converter, fp32": (tflite_fp32, ("tensorflow",)),
    "tf.lite converter, int8": (tflite_int8, ("tensorflow",)),
    "tf2onnx, fp32": (onnx_fp32, ("tf2onnx",)),
    "Ultralytics' steps (tf2onnx, onnxslim, metadata)": (onnx_slim, ("tf2onnx", "onnxslim")),
    "tf2onnx + ONNX Runtime static": (onnx_int8, ("tf2onnx", "onnxruntime")),
    "AI Edge Quantizer, dynamic": (aeq_dynamic, ("ai-edge-quantizer",)),
    "AI Edge Quantizer, static": (aeq_static, ("ai-edge-quantizer",)),
}
#: What takes no representative images cannot be misled by them.
CALIBRATED = ("tf.lite converter, int8", "tf2onnx + ONNX Runtime static", "AI Edge Quantizer, static")


def version(packages: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {metadata.version(name)}" for name in packages)
