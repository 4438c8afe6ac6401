"""A table for a terminal: columns padded to their widest cell."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; an emoji takes two places on a terminal. First, second, last to the left."""

    def width(text: str) -> int:
        return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

    widths = [max(width(row[i]) for row in [headers, *rows]) for i in range(len(headers))]
    left = {0, 1, len(headers) - 1}

    def line(row: Sequence[str]) -> str:
        pads = [" " * (size - width(cell)) for cell, size in zip(row, widths, strict=True)]
        cells = [cell + pad if i in left else pad + cell for i, (cell, pad) in enumerate(zip(row, pads, strict=True))]
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, [headers, *rows]))
