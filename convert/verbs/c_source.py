"""int8.tflite as C source for a microcontroller, with the memory that it needs there and a `main` that calls it.

The tflite-micro interpreter runs the file here as it does there: it gives the size of the arena (every tensor lives in it)
and its answers are compared with LiteRT's on all test images. tflite-micro comes for x86-64 only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convert.proof.proof_only_backends import TFLiteMicro
from convert.proof.specs import operator_names
from convert.run_folder import Run
from edgeproof.bundle import Bundle
from edgeproof.classifier import open_classifier
from edgeproof.errors import GateError, IntegrityError, UsageError
from edgeproof.input_contract import InputContract, with_channels
from edgeproof.manifest import Artifact, TensorSpec
from edgeproof.support import files
from edgeproof.support.native_output import native_output
from edgeproof.support.terminal import printable

ALIGNMENT = 16  # of the model and of the arena, bytes: what the kernels' loads expect
PER_LINE = 12
#: TensorFlow Lite's operators that tflite-micro has, but for control flow and variables, which would need more than is written.
_OPERATORS = """
    ABS ADD ADD_N ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS BROADCAST_TO CAST
    CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU
    EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER
    GREATER_EQUAL HARD_SWISH L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT
    LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
    PRELU QUANTIZE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
    REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT
    SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK ZEROS_LIKE
"""
#: Where tflite-micro's name is not the operator's words in capitals.
_METHODS = {
    "BATCH_MATMUL": "AddBatchMatMul", "CUMSUM": "AddCumSum", "PADV2": "AddPadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}  # fmt: skip
#: By operator, what adds it to a tflite-micro program.
OPERATORS = {
    name: _METHODS.get(name, "Add" + "".join(f"{part[0]}{part[1:].lower()}" for part in name.split("_"))).replace("2d", "2D")
    for name in _OPERATORS.split()
}  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """images: compared with LiteRT; different: answers that differ; steps: largest difference of a raw output, codes."""

    images: int
    different: int
    steps: int

    def __str__(self) -> str:
        return (
            f"{self.different} of {self.images:,} answers differ from LiteRT's, outputs by at most {self.steps} steps"
        )


def write_c_source(
    bundle: Bundle,
    out: Path,
    *,
    run: Run | None = None,
    artifact: str = "int8.tflite",
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Agreement | None:
    """Write edgeproof_model.h, edgeproof_model.c and main.cpp to the folder `out`; compare on all test images of `run`.

    Raises GateError when tflite-micro gives another answer to a golden image, UnavailableError when it is not installed.
    """
    if out.exists() and not overwrite:
        raise UsageError(f"{out} already exists: choose another --out or give --overwrite")
    files.check_target(out, overwrite=overwrite)
    row = _row(bundle, artifact)
    content = bundle.content(row)
    added = program_operators(content)
    arena = arena_bytes(content)
    say(f"{artifact}: {len(content):,} bytes of flash, arena {arena:,} bytes of RAM ({', '.join(added)})")
    golden = compare(bundle, row, bundle.golden.images, say=lambda _: None)
    if golden.different:
        raise GateError(f"{artifact}: on tflite-micro, {golden}: expected the same answers to the golden images")
    agreement = None
    if run is not None:
        agreement = compare(bundle, row, run.test.images, say=say)
        say(f"tflite-micro: {agreement}")
    with files.published_directory(out, overwrite=overwrite) as folder:
        header, source = c_source(bundle, row, content, arena, agreement or golden)
        (folder / "edgeproof_model.h").write_text(header)
        (folder / "edgeproof_model.c").write_text(source)
        (folder / "main.cpp").write_text(c_main(added))
    return agreement


def arena_bytes(content: bytes) -> int:
    """The arena that tflite-micro needs for the model, bytes, a multiple of 16, as its recording allocator tells.

    Pointers take 8 bytes here: a 32-bit microcontroller needs no more. Not found by trying smaller and smaller arenas:
    tflite-micro crashes in very small ones.
    """
    interpreter = TFLiteMicro(content).interpreter
    with native_output() as printed:
        interpreter.print_allocations()
        text = printed()
    total = re.search(r"Arena allocation total (\d+) bytes", text)
    if total is None:
        raise GateError(f"tflite-micro: expected the total of its allocations, found {text[:80]!r}")
    return -(-int(total[1]) // ALIGNMENT) * ALIGNMENT


def compare(bundle: Bundle, row: Artifact, images: NDArray[np.uint8], *, say: Callable[[str], None]) -> Agreement:
    """tflite-micro beside LiteRT on images uint8 (n, …), in raw output codes."""
    spec = _output(row)
    assert spec.scale is not None
    assert spec.zero_point is not None
    with open_classifier(bundle, row.name, "litert", "cpu") as classifier:
        logits = classifier.logits(images)
    expected = np.rint(logits / np.float32(spec.scale)).astype(np.int64) + spec.zero_point
    found = np.empty_like(expected)
    content = bundle.content(row)
    micro = TFLiteMicro(content, arena_bytes(content))  # in the very arena that the header states
    for i in range(0, len(images), 1000):
        if i:
            say(f"tflite-micro: {i:,} of {len(images):,} images")
        found[i : i + 1000] = micro.run(with_channels(images[i : i + 1000]))
    different = int((found.argmax(axis=1) != expected.argmax(axis=1)).sum())
    return Agreement(len(images), different, int(np.abs(found - expected).max()))


def program_operators(content: bytes) -> tuple[str, ...]:
    """The operators that a program must add for a .tflite file. Raises GateError for one that `OPERATORS` does not know."""
    found = operator_names(content)
    for name in found:
        if name not in OPERATORS:
            raise GateError(
                f"operator {name}: none of the {len(OPERATORS)} that a microcontroller program here can add"
            )
    return found


# ---- what is written -------------------------------------------------------------------------------------------------


def c_source(bundle: Bundle, row: Artifact, content: bytes, arena: int, agreement: Agreement) -> tuple[str, str]:
    """The header and the C file: the model as an aligned constant, and what a program must know of it."""
    manifest, spec = bundle.manifest, _output(row)
    example, label = bundle.golden.images[0], int(bundle.golden.logits[row.name][0].argmax())
    names = ", ".join(map(_string, manifest.classes))
    header = f"""/* {_comment(row.name)} of the bundle {_comment(manifest.name)}, sha256 {row.sha256}.
   {row.correct:,} of {row.images:,} test images right. tflite-micro: {agreement}. */
#ifndef EDGEPROOF_MODEL_H
#define EDGEPROOF_MODEL_H

#include <stdint.h>

/* Input: uint8, {_pixels(manifest.input)}. Output: uint8 codes, the largest is the answer;
   logit = EDGEPROOF_SCALE * (code - EDGEPROOF_ZERO_POINT). */
#define EDGEPROOF_PIXELS {example.size} /* bytes of an image: a pixel of colour is three */
#define EDGEPROOF_CLASSES {len(manifest.classes)}
#define EDGEPROOF_SCALE {spec.scale!r}f
#define EDGEPROOF_ZERO_POINT {spec.zero_point}
/* Measured on a 64-bit machine, where pointers are larger than on most microcontrollers. */
#define EDGEPROOF_ARENA_BYTES {arena}
#define EDGEPROOF_MODEL_BYTES {len(content)}

#ifdef __cplusplus
extern "C" {{
#endif
extern const uint8_t edgeproof_model[EDGEPROOF_MODEL_BYTES];
extern const char *const edgeproof_classes[EDGEPROOF_CLASSES];
extern const uint8_t edgeproof_example[EDGEPROOF_PIXELS]; /* a test image ... */
extern const uint8_t edgeproof_example_class;             /* ... and its answer */
#ifdef __cplusplus
}}
#endif

#endif
"""
    source = f"""#include "edgeproof_model.h"

const uint8_t edgeproof_model[EDGEPROOF_MODEL_BYTES] __attribute__((aligned({ALIGNMENT}))) = {{
{_bytes(content)}
}};

const char *const edgeproof_classes[EDGEPROOF_CLASSES] = {{{names}}};

const uint8_t edgeproof_example[EDGEPROOF_PIXELS] = {{
{_bytes(example.tobytes())}
}};

const uint8_t edgeproof_example_class = {label};
"""
    return header, source


def _pixels(contract: InputContract) -> str:
    """The order of an image's bytes, for a programmer."""
    height, width, channels = contract.tensor_shape
    values = "0 = paper, 255 = ink" if contract.ink else "grey" if channels == 1 else "each red, green, blue"
    return f"{height} rows of {width} pixels, {values}"


def c_main(names: tuple[str, ...]) -> str:
    """A program that classifies the example and returns 0 when the answer is the expected one."""
    added = "\n".join(f"  resolver.{OPERATORS[name]}();" for name in names)
    return f"""// Classifies one image with tflite-micro. Build together with edgeproof_model.c and tflite-micro.
#include <cstring>

#include "edgeproof_model.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {{

alignas({ALIGNMENT}) uint8_t arena[EDGEPROOF_ARENA_BYTES];

// The class of an image, or -1 when the interpreter fails.
int Classify(tflite::MicroInterpreter &interpreter, const uint8_t *pixels) {{
  std::memcpy(interpreter.input(0)->data.uint8, pixels, EDGEPROOF_PIXELS);
  if (interpreter.Invoke() != kTfLiteOk) return -1;
  const uint8_t *codes = interpreter.output(0)->data.uint8;
  int best = 0;
  for (int i = 1; i < EDGEPROOF_CLASSES; ++i) {{
    if (codes[i] > codes[best]) best = i;
  }}
  return best;
}}

}}  // namespace

int main() {{
  tflite::MicroMutableOpResolver<{len(names)}> resolver;
{added}
  tflite::MicroInterpreter interpreter(tflite::GetModel(edgeproof_model), resolver, arena, sizeof(arena));
  if (interpreter.AllocateTensors() != kTfLiteOk) return 2;
  return Classify(interpreter, edgeproof_example) == edgeproof_example_class ? 0 : 1;
}}
"""


def _string(text: str) -> str:
    """A C string of the bytes of `text` in UTF-8: whatever is not a plain character as three octal digits."""
    plain = set(range(32, 127)) - set(b'"\\?')  # two "?" may begin a trigraph
    return '"' + "".join(chr(byte) if byte in plain else f"\\{byte:03o}" for byte in text.encode()) + '"'


def _comment(text: str) -> str:
    """`text` as it can stand in a comment: on one line, and without an end of its own."""
    return printable(text).replace("*/", "*_").replace("??/", "??_")


def _bytes(content: bytes) -> str:
    lines = (content[start : start + PER_LINE] for start in range(0, len(content), PER_LINE))
    return "\n".join("    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines)


def _row(bundle: Bundle, artifact: str) -> Artifact:
    rows = {row.name: row for row in bundle.manifest.usable}
    row = rows.get(artifact)
    if row is None or row.input is None or row.input.dtype != "uint8":
        usable = ", ".join(name for name, other in rows.items() if other.input and other.input.dtype == "uint8")
        raise UsageError(f"artifact {artifact}: expected a usable one with bytes at both ends: {usable or 'none'}")
    return row


def _output(row: Artifact) -> TensorSpec:
    if row.output is None:
        raise IntegrityError(f"artifact {row.name}: has no output specification: convert the run again")
    return row.output
