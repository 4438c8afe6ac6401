"""Which layers of a network have to stay in float so that the rest may have 8 bits.

Where an int8 file fails its gate, the layers with weights are left in float one after the other, those first after which the
signal-to-noise ratio has fallen the most, until the file passes or nothing is gained. A layer that reads a badly rounded tensor
is cured only together with the one that makes it, so both are tried. The test images have no say: files are judged, by the same
gate, on the images held out for the threshold, or on the calibration images where there are none.

After the accuracy control of NNCF (OpenVINO), which does the same for one format and a difference of two accuracies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convert.export.layers import graph_of
from convert.export.onnx_int8 import information_lost, method_of, to_int8_onnx
from convert.export.tflite import to_tflite
from convert.export.variants import Variant
from convert.keras_model import keras_logits
from convert.options import GateOptions
from convert.proof.corruption import sample
from convert.proof.evidence import prove, questions
from convert.proof.gate import judge
from convert.proof.layer_error import LayerError, layer_errors
from convert.proof.specs import read_specs
from convert.run_folder import Run
from convert.statistics import smallest_budget
from edgeproof.errors import GateError, IntegrityError
from edgeproof.manifest import Artifact, Format
from edgeproof.run_folder import Answered

if TYPE_CHECKING:
    import keras

#: From the layers left in float to the file.
Make = Callable[[Sequence[int]], bytes]
HEALTHY_DB = 60.0  # beyond it a layer counts as without noise, as one in float
GAIN = 0.9  # of the information lost: less of a gain is none
MAX_TRIALS = 24  # seconds each
IMAGES = 1_000  # that a trial is judged on


@dataclass(frozen=True)
class Trial:
    """A file on images that may decide. lost: information lost against Keras, nats. reason: of the gate, None if it passed."""

    lost: float
    reason: str | None


def mixed_variant(
    failed: Artifact, content: bytes, exact: bytes, model: keras.Model, run: Run, *, tell: Callable[[str], None]
) -> Variant | None:
    """What to make instead of the int8 artifact `failed`, whose file has that `content`; None where nothing helps.

    exact: content of the float file of the same format. tell: is told of each trial.
    """
    errors = layer_errors(exact, content, failed.format, run.calibration.images)
    if not errors:
        return None
    judged = _judge(failed, model, _deciding(run, model))
    make = _make(failed.format, content, model, run.calibration.images)
    names = _names(model, len(errors))
    made: dict[tuple[int, ...], bytes] = {}

    def remembered(layers: Sequence[int]) -> bytes:
        tell(", ".join(names[layer] for layer in layers))
        made[tuple(layers)] = make(layers)
        return made[tuple(layers)]

    def tried(layers: Sequence[int]) -> Trial:
        try:
            return judged(remembered(layers))
        except OSError:  # the machine's fault (disk full), not the file's
            raise
        except Exception as error:  # converters and runtimes raise whatever they like: then this one does not help
            return Trial(math.inf, str(error))

    layers = float_layers(errors, tried, judged(content))
    if layers is None:
        return None
    kept = ", ".join(f"{names[layer]} ({errors[layer].signal_to_noise_db:.0f} dB)" for layer in layers)
    size = len(made[layers]) / len(content)
    told = f"{len(layers)} of {len(errors)} layers in float: {kept}; {size:.2f} × the bytes of {failed.name}"
    name = f"int8-mixed.{failed.format}"
    return Variant(
        name, failed.format, "int8", lambda _model, _images: made[layers], told, f"fp32.{failed.format}", told
    )


def _make(format: Format, failed: bytes, model: keras.Model, calibration: NDArray[np.uint8]) -> Make:
    """With the ranges of the `failed` file, where there was a choice."""
    if format == "onnx":
        methods = (method_of(failed),)
        return lambda layers: to_int8_onnx(model, calibration=calibration, in_float=layers, methods=methods)
    return lambda layers: to_tflite(model, precision="int8", calibration=calibration, in_float=layers)


def _deciding(run: Run, model: keras.Model) -> Run:
    """The run with images that may decide in the place of its test images."""
    part = run.deciding or run.calibration
    chosen = np.random.default_rng(0).permutation(len(part))[:IMAGES]
    images = part.images[chosen]
    options = replace(
        run.options, gate=_widened(run.options.gate, len(images), len(sample(len(images), run.record.input)))
    )
    return replace(
        run, options=options, test=Answered(images, part.labels[chosen], keras_logits(model, images)), deciding=None
    )


def _widened(gate: GateOptions, images: int, corrupted: int) -> GateOptions:
    """A gate that so few images can show: what passes here is judged by the gate itself, on all test images."""
    drop, worst = gate.max_drop_points, gate.max_corruption_drop_points
    return replace(
        gate,
        max_drop_points=None if drop is None else max(drop, 200 * smallest_budget(images)),
        max_corruption_drop_points=None if worst is None else max(worst, 200 * smallest_budget(corrupted)),
    )


def _judge(row: Artifact, model: keras.Model, run: Run) -> Callable[[bytes], Trial]:
    asked = questions(run, model)

    def judged(content: bytes) -> Trial:
        specs = read_specs(content, row.format, run.record.input)
        trial = replace(row, file=row.name, input=specs.input, output=specs.output)
        evidence = prove(trial, content, run, asked, everywhere=False)
        try:
            judge(evidence, run.options.gate)
            reason = None
        except (GateError, IntegrityError) as error:
            reason = str(error)
        return Trial(information_lost(run.test.logits, evidence.logits), reason)

    return judged


def _names(model: keras.Model, count: int) -> list[str]:
    """Of the `count` layers with weights, as the model calls them where they are a chain: elsewhere files have another order."""
    numbers = [f"layer {number + 1}" for number in range(count)]
    try:
        _, steps, _ = graph_of(model)
    except ValueError:
        return numbers
    chain = all(
        len(taken) == 1 and taken[0] is before for (_, taken, _), (_, _, before) in zip(steps[1:], steps, strict=False)
    )
    names = [layer.name for layer, _, _ in steps if hasattr(layer, "kernel")]
    return names if chain and len(names) == count else numbers


def float_layers(
    errors: Sequence[LayerError], attempt: Callable[[Sequence[int]], Trial], failed: Trial
) -> tuple[int, ...] | None:
    """Numbers of the layers to leave in float, in order, or None where that does not help.

    errors: of the int8 file, per layer with weights. attempt: those left in float → what is lost then. failed: the int8 file's
    own trial.
    """
    kept: tuple[int, ...] = ()
    best, trials = failed, 0
    while True:
        for more in _candidates(errors, kept):
            if trials == MAX_TRIALS:
                return None
            trials += 1
            trial = attempt(more)
            if trial.reason is None:
                return more
            if trial.lost < GAIN * best.lost:
                kept, best = more, trial
                break
        else:
            return None


def _candidates(errors: Sequence[LayerError], kept: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """What may be kept beside `kept`: each other layer, alone and with the one before it, the guiltiest first."""
    levels = [HEALTHY_DB, *(min(error.signal_to_noise_db, HEALTHY_DB) for error in errors)]
    falls = [before - after for before, after in pairwise(levels)]
    for layer in sorted(set(range(len(errors))) - set(kept), key=lambda layer: -falls[layer]):
        alone = tuple(sorted({*kept, layer}))
        yield alone
        if layer and layer - 1 not in kept:
            yield tuple(sorted({*alone, layer - 1}))
