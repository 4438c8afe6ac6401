"""The peers' report, as it is saved: one row per peer and set of pictures."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.scoring import Tally
from edgeproof.support.machine import Environment

SCHEMA = 1


@dataclass(frozen=True)
class PeerRow:
    """One peer on one set of pictures. missing: why it was not measured, empty when it was; then the rest is nothing.

    p50_ms: median over the pictures of the time that reading one took. peak_mib: largest resident memory of its process, MiB,
    over all sets. installed_bytes: on the disk; null where nothing tells.
    """

    peer: str
    pictures: str
    missing: str = ""
    version: str = ""
    tally: Tally = Tally()  # noqa: RUF009 (frozen)
    p50_ms: float = 0.0
    peak_mib: float = 0.0
    installed_bytes: int | None = None


@dataclass(frozen=True)
class PictureSet:
    """How many pictures there are, and digits on all of them."""

    pictures: int
    digits: int


@dataclass(frozen=True)
class PeersReport:
    """time: UTC, ISO 8601. sets: how large each set of pictures is. seed: of the drawn scenes."""

    schema: int
    time: str
    bundle: str
    seed: int
    sets: dict[str, PictureSet]
    environment: Environment
    rows: tuple[PeerRow, ...]
