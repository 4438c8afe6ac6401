"""What one core can do: arithmetic by matrix products of libraries, bandwidth by copies of arrays.

A peak is what the best of them reached here, and so a lower bound of what the core could do: the real one is no smaller. It is
taken from the 10th percentile of the times, for what other programs take of the machine is not the core's limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import bare
from benchmarks.roofline import one_operator
from benchmarks.roofline.operations import Arithmetic
from benchmarks.roofline.report import Peak
from edgeproof.bench.timing import Subject

SIZES = (
    256,
    512,
)  # rows and columns: their products are bound by arithmetic, and all three matrices fit into the caches
#: Where the system does not tell: smaller than most second-level caches, larger than most last-level ones.
_SECOND_LEVEL, _LAST_LEVEL = 2**18, 2**26
ARITHMETICS: tuple[Arithmetic, ...] = ("fp32", "int8")
CACHE, MEMORY = "cache", "memory"


@dataclass(frozen=True)
class Probe:
    """One way to measure a peak. kind: what it is a peak of. done: operations or bytes of a call."""

    kind: str
    measured_with: str
    done: int
    subject: Subject


def probes() -> list[Probe]:
    """All of them, to be measured by turns, with numpy held to one thread by the caller."""
    products = [_product(arithmetic, size) for arithmetic in ARITHMETICS for size in SIZES]
    second, last = _caches()
    return [*(probe for group in products for probe in group), _copy(CACHE, second // 4), _copy(MEMORY, 2 * last)]


def best(measured: Sequence[Probe]) -> tuple[Peak, ...]:
    """The best of each kind."""
    reached = [
        Peak(probe.kind, probe.done / p10_ns(probe.subject.rounds), probe.measured_with)
        for probe in measured  # operations per nanosecond are 1e9 per second
    ]
    return tuple(
        max((peak for peak in reached if peak.kind == kind), key=lambda peak: peak.per_second)
        for kind in dict.fromkeys(probe.kind for probe in measured)
    )


def p10_ns(rounds: Sequence[Sequence[int]]) -> float:
    """The 10th percentile of all times, nanoseconds."""
    return float(np.quantile(list(chain.from_iterable(rounds)), 0.1))


def _product(arithmetic: Arithmetic, size: int) -> list[Probe]:
    rng = np.random.default_rng(one_operator.SEED)
    floats = rng.random((size, size), np.float32)
    onnxruntime = bare.onnxruntime(one_operator.product("onnx", arithmetic, size))
    litert = bare.litert(one_operator.product("tflite", arithmetic, size), fetch=False)
    given: dict[str, tuple[Callable[[Any], object], Any]] = {}
    if arithmetic == "fp32":
        out = np.empty_like(floats)
        given["numpy matmul"] = (lambda other: np.matmul(floats, other, out=out), floats.copy())
        given["ONNX Runtime MatMul"] = (onnxruntime, floats)
        given["LiteRT FULLY_CONNECTED"] = (litert, floats)
    else:
        bytes_ = rng.integers(0, 256, (size, size), np.uint8)
        given["ONNX Runtime MatMulInteger"] = (onnxruntime, bytes_)
        given["LiteRT FULLY_CONNECTED int8"] = (litert, bytes_.view(np.int8))
    return [
        Probe(arithmetic, f"{name} {size}³", 2 * size**3, Subject(call, repeat(taken)))
        for name, (call, taken) in given.items()
    ]


def _copy(kind: str, size: int) -> Probe:
    """Copying `size` bytes: as many are read as written; what a cache fetches before it is overwritten is not counted."""
    source = np.ones(size // 4, np.float32)
    target = np.empty_like(source)
    name = f"numpy copy of {size / 2**20:g} MiB" if size >= 2**20 else f"numpy copy of {size / 2**10:g} KiB"
    return Probe(kind, name, 2 * source.nbytes, Subject(lambda given: np.copyto(target, given), repeat(source)))


def _caches(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> tuple[int, int]:
    """Bytes of the second-level and of the last-level cache of the first core, as Linux tells them."""
    found: dict[int, int] = {}
    for index in folder.glob("index*"):
        try:
            kibibytes = int((index / "size").read_text().strip().removesuffix("K"))
            found[int((index / "level").read_text())] = 1024 * kibibytes
        except (OSError, ValueError):
            continue
    return found.get(2, _SECOND_LEVEL), max(found.values(), default=_LAST_LEVEL)
