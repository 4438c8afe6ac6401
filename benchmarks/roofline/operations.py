"""The arithmetic of a model, read from its file: what is multiplied, in which numbers, and how many bytes that moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgeproof.errors import UsageError

Arithmetic = Literal["fp32", "int8"]
EIGHT_BITS = ("int8", "uint8")


@dataclass(frozen=True)
class Operation:
    """One operator that multiplies and adds.

    macs: multiply-accumulates for one image. arithmetic: "int8" where the weights are 8 bits (activations in float are then
    made 8 bits on the way), "fp32" else: on a CPU float16 is computed in float32. weight_bytes: of weights and bias, once a call.
    activation_bytes: what it reads and writes for one image, in the types of the file.
    """

    name: str
    operator: str
    macs: int
    arithmetic: Arithmetic
    weight_bytes: int
    activation_bytes: int


@dataclass(frozen=True)
class Work:
    """The operations of a model in the order of its file. Operators that multiply nothing are left out, time and bytes: most of
    them are fused into their neighbours, so that what is counted is the least that has to be done."""

    operations: tuple[Operation, ...]

    @property
    def macs(self) -> int:
        """For one image."""
        return sum(one.macs for one in self.operations)

    def bytes_per_image(self, batch: int) -> float:
        """Weights are read once for the `batch` images of a call."""
        return sum(one.weight_bytes / batch + one.activation_bytes for one in self.operations)

    def intensity(self, batch: int) -> float:
        """Operations (2 for each multiply-accumulate) per byte."""
        return 2 * self.macs / self.bytes_per_image(batch)


def unknown(operator: str) -> UsageError:
    return UsageError(f"operator {operator}: its multiply-accumulates are not known here")


def is_matrix(shape: Sequence[int]) -> bool:
    """Whether a constant of this shape may be weights that something is multiplied with, and no mere scale or bias."""
    return sum(side > 1 for side in shape) > 1


def per_image(shape: Sequence[int]) -> int:
    """Values of one image in a tensor whose first axis is the batch."""
    return math.prod(shape[1:])
