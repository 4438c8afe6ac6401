"""What this machine found out, kept for the next start: small tables in the user's cache, `edgeproof/<kind>/` under
XDG_CACHE_HOME, or else under ~/.cache.

Each is written whole or not at all, is named after what it holds for, is bounded, and carries a checksum of itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from edgeproof.errors import IntegrityError
from edgeproof.manifest_file import checksum_of, parsed
from edgeproof.support import files, tables

MAX_BYTES = 2**18  # an entry is a few kilobytes

T = TypeVar("T")


def folder_of(kind: str) -> Path | None:
    """Where entries of `kind` lie, whether or not it is there yet; None where the user has no home."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(stated) if Path(stated).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return cache / "edgeproof" / kind


def is_folder(path: Path) -> bool:
    """False too where a service may not look."""
    try:
        return path.is_dir()
    except OSError:
        return False


def name_of(facts: Any) -> str:
    """64 hexadecimal digits, which differ when any field of the dataclass `facts` does."""
    return files.sha256(json.dumps(asdict(facts), sort_keys=True).encode())


def read(kind: type[T], path: Path) -> T:
    """The entry in `path`, as it was written, a dataclass `kind`. Raises IntegrityError, OSError."""
    table = parsed(files.read_bounded(path, MAX_BYTES), str(path))
    stated = table.pop("checksum", None)
    if stated != checksum_of(table):
        raise IntegrityError(f"{path}: checksum: it was edited or damaged")
    return tables.from_table(kind, table, str(path), IntegrityError)


def write(path: Path, entry: Any) -> None:
    """Keep the dataclass `entry`. Raises OSError."""
    table = tables.to_table(entry)
    content = json.dumps(table | {"checksum": checksum_of(table)}, indent=1, ensure_ascii=False) + "\n"
    files.write_atomic(path, content.encode())
