"""Where figures go: a report's JSON with its plot beside it, and tables with their plots in a document."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgeproof.support import files, tables
from edgeproof.support.machine import Environment


@dataclass(frozen=True)
class Illustration:
    """A picture of a document. name: of its file. shows: in words, for who cannot see it. content: of the file."""

    name: str
    shows: str
    content: bytes


def table_row(cells: Sequence[str]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def markers(section: str) -> tuple[str, str]:
    """The lines of a document between which a command keeps `section` up to date."""
    return f"<!-- {section} -->", f"<!-- /{section} -->"


def replace(document: Path, section: str, text: str, illustrations: Sequence[Illustration] = ()) -> list[Path]:
    """Put `illustrations`, then `text`, between the markers of `section`; returns what was written.

    The pictures' files go beside `document`. Raises UsageError, with nothing written, when it has no such markers.
    """
    shown = [f"![{one.shows}]({one.name})" for one in illustrations]
    before = document.read_text(encoding="utf-8") if document.is_file() else ""
    after = files.replace_between(before, *markers(section), "\n\n".join([*shown, text]), str(document))
    pictures = [document.with_name(one.name) for one in illustrations]
    for path, one in zip(pictures, illustrations, strict=True):
        files.write_atomic(path, one.content)
    files.write_atomic(document, after.encode())
    return [document, *pictures]


def save(
    report: Any, environment: Environment, time: str, plot: bytes, *, out: Path, kind: str = ""
) -> tuple[Path, Path]:
    """Write the dataclass `report` and its `plot` (PNG) as OUT/<machine>/[<kind>-]<time>; returns both paths."""
    name = "-".join(part for part in (kind, time.replace(":", "-").removesuffix("+00-00")) if part)
    stem = out / environment.slug / name
    data, picture = stem.with_suffix(".json"), stem.with_suffix(".png")
    text = json.dumps(tables.to_table(report), ensure_ascii=False, indent=1) + "\n"
    files.write_atomic(data, text.encode())
    files.write_atomic(picture, plot)
    return data, picture


# ---- plots: matplotlib is imported when one is drawn ----------------------------------------------------------------


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib Figure; inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def patch(colour: str, label: str) -> Any:
    """An entry of a legend."""
    from matplotlib.patches import Patch

    return Patch(color=colour, label=label)


def png(figure: Any, dots_per_inch: int) -> bytes:
    """The figure as PNG bytes."""
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=dots_per_inch)
    return image.getvalue()
