"""Keras → TFLite, five ways: float32, float16 weights, 8-bit weights with float arithmetic, 8 bits throughout, 16 and 8.

TensorFlow Lite's converter can crash its process, so it has one of its own (`python -m convert.export.tflite`): started at the
first use, for importing TensorFlow takes seconds, and then asked for one file after the other.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convert.child_environment import child_environment
from convert.export.child import IMAGES, child_command
from convert.export.compact import compacted
from convert.operators import WITH_WEIGHTS
from edgeproof.input_contract import with_channels
from edgeproof.manifest import Precision
from edgeproof.support.native_output import native_output
from edgeproof.support.npz import npz_bytes

if TYPE_CHECKING:
    import keras

_MODEL, _FILE = "saved_model", "model.tflite"  # the model as TensorFlow's graph: the child needs none of its classes


class ConversionError(RuntimeError):
    """What the converter said in its process, or that it died there."""


class Converter:
    """The converter's process, started when it is first asked and again after a crash. command: what to run."""

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = list(command or child_command("tflite"))
        self.process: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None

    def convert(self, folder: Path, precision: Precision, in_float: Sequence[int] = ()) -> bytes:
        """The .tflite file of the model in `folder`, as `to_tflite`. Raises ConversionError, or OSError when the disk is full."""
        answer = self._asked({"folder": str(folder), "precision": precision, "in_float": list(in_float)})
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), str(folder))
        if "error" in answer:
            raise ConversionError(answer["error"])
        return (folder / _FILE).read_bytes()

    def _asked(self, question: dict[str, Any]) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        except BaseException:  # Ctrl-C: what it works at now must not be taken for the next answer
            process.kill()
            self.close()
            raise
        if line:
            return dict(json.loads(line))
        raise ConversionError(self._death(process))

    def _started(self) -> subprocess.Popen[str]:
        if self.process is None:
            self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed with the process)
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=child_environment(),
            )
        return self.process

    def _death(self, process: subprocess.Popen[str]) -> str:
        code = process.wait()
        assert self._errors is not None
        self._errors.seek(0)
        last = (self._errors.read().strip().splitlines() or ["no reason given"])[-1]
        self.close()
        return (
            f"the converter died of signal {-code} ({signal.strsignal(-code)})"
            if code < 0
            else f"the converter ended with code {code}: {last}"
        )

    def close(self) -> None:
        """End the process; the next question starts another."""
        process, errors, self.process, self._errors = self.process, self._errors, None, None
        if process is None or errors is None:
            return
        with contextlib.suppress(BrokenPipeError):
            process.communicate()  # it ends when there are no more questions
        errors.close()


@functools.cache
def _converter() -> Converter:
    converter = Converter()
    atexit.register(converter.close)
    return converter


def end_converter() -> None:
    """End the process of `to_tflite`, which starts another when it is called again: half a gigabyte that nobody needs then."""
    _converter().close()


def to_tflite(
    model: keras.Model,
    *,
    precision: Precision,
    calibration: NDArray[np.uint8] | None = None,
    in_float: Sequence[int] = (),
) -> bytes:
    """The .tflite file of a Keras model that takes raw pixel values and gives logits; the batch stays dynamic.

    "int8" and "int16x8" (8-bit weights, 16-bit activations) need `calibration`, uint8 (n, H, W), or RGB (n, H, W, 3): the
    activations' ranges are their extremes over these images. The input of "int8" is uint8 and its scale 1, so that the
    device feeds raw bytes; "int16x8" keeps float32 outside, for 16 bits have no scale at which a pixel is itself.
    `in_float`: of "int8", the layers with weights that stay as they are, counted from the input, 0 the first; input and output
    are float32 then.

    Raises ConversionError with what the converter says, or that it crashed.
    """
    if (precision in ("int8", "int16x8")) != (calibration is not None):
        raise ValueError("calibration images belong to precision int8 and int16x8, and to no other")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _save(model, folder / _MODEL)
        if calibration is not None:
            (folder / IMAGES).write_bytes(npz_bytes({"images": calibration}))
        return _converter().convert(folder, precision, in_float)


def _save(model: keras.Model, folder: Path) -> None:
    """The model's graph, without training, as TensorFlow's SavedModel: what its converter makes of a Keras model, too."""
    import keras
    import tensorflow as tf

    signature = [tf.TensorSpec(given.shape, given.dtype, given.name) for given in model.inputs]
    with native_output():  # it lists every variable that it captures
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serve", functools.partial(model.__call__, training=False), signature)
        archive.write_out(str(folder), verbose=False)


# ---- in the child ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Answer one question per line, in a line: {} when the file lies in its folder, else what was wrong."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what converters print is no answer
    from convert.keras_model import quiet_tensorflow

    quiet_tensorflow()
    for line in sys.stdin:
        question = json.loads(line)
        answers.write(json.dumps(_answer(Path(question["folder"]), question["precision"], question["in_float"])) + "\n")
        answers.flush()


def _answer(folder: Path, precision: Precision, in_float: Sequence[int]) -> dict[str, Any]:
    try:
        (folder / _FILE).write_bytes(compacted(_converted(folder, precision, in_float)))
    except Exception as error:  # converters raise whatever they like
        if isinstance(error, OSError) and error.errno is not None:  # the machine's fault, not the model's
            return {"errno": error.errno}
        return {"error": f"{type(error).__name__}: {error}"}
    return {}


def _converted(folder: Path, precision: Precision, in_float: Sequence[int]) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / _MODEL))
    if precision != "fp32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in ("int8", "int16x8"):
        with np.load(folder / IMAGES, allow_pickle=False) as archive:
            calibration = archive["images"]
        converter.representative_dataset = lambda: _one_by_one(calibration)
        if in_float:
            return _mixed(converter, calibration, in_float)
    if precision == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    if precision == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    return bytes(converter.convert())


def _mixed(converter: Any, calibration: NDArray[np.uint8], in_float: Sequence[int]) -> bytes:
    """By TensorFlow's own tool for leaving layers out, which knows them by the names of what they give."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=lambda: _one_by_one(calibration[:1])
    )
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    graph = Interpreter(model_content=debugger.calibrated_model, experimental_op_resolver_type=plain)
    kinds = WITH_WEIGHTS["tflite"]
    names = {int(tensor["index"]): str(tensor["name"]) for tensor in graph.get_tensor_details()}
    layers = [names[int(step["outputs"][0])] for step in graph._get_ops_details() if step["op_name"] in kinds]
    debugger.options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=[layers[number] for number in in_float]
    )
    return bytes(debugger.get_nondebug_quantized_model())


def _one_by_one(images: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """The images as TensorFlow Lite's calibration asks for them: float32 (1, H, W, C) in 0..255."""
    for image in with_channels(images):
        yield [image[np.newaxis].astype(np.float32)]


if __name__ == "__main__":
    main()
