"""The exporters' report, as it is saved: one row per exporter and run folder that it was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edgeproof.bench.timing import Ratio
from edgeproof.support.machine import Environment

SCHEMA = 1


@dataclass(frozen=True)
class Product:
    """A file that an exporter made, executed on all test images.

    right: answers that are the label, of `images`. lost: only Keras has right; gained: only the file. bytes: of the file.
    said: what the exporter says of this file by itself, empty for nothing. default: whether edgeproof would run this one.
    p50_ms: one image on one thread. ratio: to the float32 file of the same runtime. Both null where nothing was timed.
    """

    file: str
    runtime: str
    bytes: int
    right: int
    images: int
    lost: int
    gained: int
    said: str = ""
    default: bool = False
    p50_ms: float | None = None
    ratio: Ratio | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's, of the share of right answers, 95 %."""
        return wilson(self.right, self.images)

    @property
    def p(self) -> float:
        """McNemar's, exact and two-sided: how often chance alone would split the changed answers at least so unevenly."""
        from scipy.stats import binomtest

        changed = self.lost + self.gained
        return float(binomtest(self.lost, changed).pvalue) if changed else 1.0


@dataclass(frozen=True)
class Export:
    """One exporter on one run folder. fault: what was wrong with the folder; "nothing" for the run itself.

    missing: why nothing was measured: a package that is not here, a file that does not load; else empty. exit_code: of its
    process. seconds: that it took in all.
    remarks: warnings and errors that it printed. last: the last line that it printed. products: the default first.
    """

    exporter: str
    fault: str
    missing: str = ""
    version: str = ""
    exit_code: int = 0
    seconds: float = 0.0
    remarks: tuple[str, ...] = ()
    last: str = ""
    products: tuple[Product, ...] = ()


@dataclass(frozen=True)
class ExportersReport:
    """time: UTC, ISO 8601. data: name of the data set. input: what the model takes. keras_right: of `images` test images."""

    schema: int
    time: str
    run: str
    data: str
    input: str
    classes: int
    keras_right: int
    images: int
    calibration: int
    environment: Environment
    exports: tuple[Export, ...]

    def of(self, exporter: str, fault: str) -> Export | None:
        """The row; null where that exporter cannot have that fault."""
        rows = (row for row in self.exports if (row.exporter, row.fault) == (exporter, fault))
        return next(rows, None)


def wilson(right: int, images: int) -> tuple[float, float]:
    """Wilson's interval of a share, 95 %, both ends in 0..1."""
    from scipy.stats import binomtest

    limits: Any = binomtest(right, images).proportion_ci(method="wilson")
    return float(limits.low), float(limits.high)
