"""What the files of requirements/ pin: names, versions and the hashes that pip then demands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_PINNED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pinned:
    """name: as the index spells it. sha256: of each file of this version, in hexadecimal; pip takes any of them."""

    name: str
    version: str
    sha256: tuple[str, ...]


def pinned(lock: Path) -> list[Pinned]:
    """In the order of the file. Raises ValueError where a line is no pinned package."""
    return [_one(entry, lock) for entry in re.split(r"\n(?=\S)", lock.read_text().strip())]


def _one(entry: str, lock: Path) -> Pinned:
    found, hashes = _PINNED.match(entry), tuple(_HASH.findall(entry))
    if not found or not hashes:
        raise ValueError(f"{lock.name}: expected name==version with hashes, found {entry[:60]!r}: make lock writes it")
    return Pinned(found[1], found[2], hashes)
