"""What convert can make of a model: one row per artifact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from convert.export.onnx_float import to_fp16_onnx, to_onnx
from convert.export.onnx_int8 import to_int8_onnx
from convert.export.pruning import prune
from convert.export.qat import to_qat_onnx, train_quantized
from convert.export.tflite import to_tflite
from convert.options import ConvertOptions
from edgeproof.errors import UsageError
from edgeproof.manifest import Format, Precision
from edgeproof.support.tables import nearest

if TYPE_CHECKING:
    import keras

T = TypeVar("T")


@dataclass(frozen=True)
class Variant:
    """name: "<precision>[-<how>].<format>", also the file's name.

    export: Keras model and calibration images uint8 (n, H, W), or RGB (n, H, W, 3) → the file's bytes.
    settings: what else the file depends on, in words; empty for most.
    smaller_than: the artifact that it must beat in bytes and in time to be of any use; null for most.
    note: what its row says beside the words of the gate; empty for most.
    """

    name: str
    format: Format
    precision: Precision
    export: Callable[[keras.Model, NDArray[np.uint8]], bytes]
    settings: str = ""
    smaller_than: str | None = None
    note: str = ""


VARIANTS: tuple[Variant, ...] = (
    Variant("fp32.onnx", "onnx", "fp32", lambda model, _: to_onnx(model)),
    Variant("fp16.onnx", "onnx", "fp16", lambda model, _: to_fp16_onnx(model)),
    Variant("int8.onnx", "onnx", "int8", lambda model, images: to_int8_onnx(model, calibration=images)),
    Variant("fp32.tflite", "tflite", "fp32", lambda model, _: to_tflite(model, precision="fp32")),
    Variant("fp16.tflite", "tflite", "fp16", lambda model, _: to_tflite(model, precision="fp16")),
    Variant(
        "int8-dynamic.tflite", "tflite", "int8-dynamic", lambda model, _: to_tflite(model, precision="int8-dynamic")
    ),
    Variant(
        "int8.tflite", "tflite", "int8", lambda model, images: to_tflite(model, precision="int8", calibration=images)
    ),
    Variant(
        "int16x8.tflite",
        "tflite",
        "int16x8",
        lambda model, images: to_tflite(model, precision="int16x8", calibration=images),
    ),
)


QAT = ("int8-qat.onnx", "int8-qat.tflite")
PRUNED = tuple(f"pruned-{name}" for name in ("fp32.onnx", "int8.onnx", "fp32.tflite", "int8.tflite"))
PRUNE_RATIO = 0.25  # where a pruned artifact is asked for by name, and nothing is said of how much


def offered(options: ConvertOptions, say: Callable[[str], None] = print, *, ink: bool = True) -> tuple[Variant, ...]:
    """What can be made under `options`: everything cheap, and what takes training where it is asked for.

    `say` is told of the training as it goes on. ink: whether the model takes glyphs, and not pictures.
    """
    variants = VARIANTS
    if options.qat or set(QAT) & set(options.artifacts):
        variants += _qat_variants(say, ink=ink)
    if options.prune is not None or set(PRUNED) & set(options.artifacts):
        variants += _pruned_variants(options.prune or PRUNE_RATIO, say, ink=ink)
    return variants


def _qat_variants(say: Callable[[str], None], *, ink: bool) -> tuple[Variant, ...]:
    """Two files of one network, which is trained when the first of them is exported."""
    trained = _once(lambda model, images: train_quantized(model, calibration=images, ink=ink, say=say))
    onnx, tflite = QAT
    return (
        Variant(onnx, "onnx", "int8", lambda model, images: to_qat_onnx(trained(model, images))),
        Variant(tflite, "tflite", "int8", lambda model, images: trained(model, images).bytes_io),
    )


def _pruned_variants(ratio: float, say: Callable[[str], None], *, ink: bool) -> tuple[Variant, ...]:
    """The usual exports of one pruned network, which is made when the first of them is exported."""
    pruned = _once(lambda model, images: prune(model, ratio=ratio, calibration=images, ink=ink, say=say))

    def variant(name: str) -> Variant:
        (whole,) = choose(VARIANTS, (name.removeprefix("pruned-"),))
        return Variant(
            name,
            whole.format,
            whole.precision,
            lambda model, images: whole.export(pruned(model, images), images),
            settings=f"ratio {ratio:g}",
            smaller_than=whole.name,
        )

    return tuple(map(variant, PRUNED))


def _once(make: Callable[[keras.Model, NDArray[np.uint8]], T]) -> Callable[[keras.Model, NDArray[np.uint8]], T]:
    """`make`, which takes a minute, called once: whoever asks later gets the same result, or the same error."""
    made: list[T | Exception] = []

    def asked(model: keras.Model, images: NDArray[np.uint8]) -> T:
        if not made:
            try:
                made.append(make(model, images))
            except Exception as error:  # whatever the child did not like
                made.append(error)
        if isinstance(made[0], Exception):
            raise made[0]
        return made[0]

    return asked


def choose(variants: tuple[Variant, ...], names: tuple[str, ...]) -> tuple[Variant, ...]:
    """The variants called `names`, in their own order; all when `names` is empty. Raises UsageError for an unknown one."""
    known = {variant.name for variant in variants}
    for name in names:
        if name not in known:
            raise UsageError(f"artifact '{name}' is unknown{nearest(name, known)}")
    return tuple(variant for variant in variants if not names or variant.name in names)
