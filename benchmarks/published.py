"""Where figures go: lines of a Markdown table, and a report's JSON with its plot beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgeproof.support import files, tables
from edgeproof.support.machine import Environment


def line(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def save(report: Any, kind: str, environment: Environment, time: str, *, out: Path, plot: bytes) -> tuple[Path, Path]:
    """Write the dataclass `report` and its `plot` (PNG) as OUT/<machine>/<kind>-<time>; returns both paths."""
    stem = out / environment.slug / f"{kind}-{time.replace(':', '-').removesuffix('+00-00')}"
    data, picture = stem.with_suffix(".json"), stem.with_suffix(".png")
    files.write_atomic(data, json.dumps(tables.to_table(report), ensure_ascii=False, indent=1).encode())
    files.write_atomic(picture, plot)
    return data, picture
