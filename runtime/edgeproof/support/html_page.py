"""One self-contained HTML page: headings, tables, embedded PNG. Opens without a network; standard library only.

Each stage makes its own tables and figures and hands them in; whatever it hands in as text is escaped here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 96rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .3rem .5rem; border-bottom: 1px solid #8886; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
td { white-space: nowrap; } td:last-child { white-space: normal; min-width: 18rem; }
figure { margin: 1rem 0; } img { max-width: 100%; background: white; } figcaption { opacity: .7; }
.heat th:last-child, .heat td:last-child { min-width: 0; text-align: right; white-space: nowrap; }
.call { font-size: 1.3rem; font-weight: 600; border-left: .4rem solid #2a8; padding-left: .8rem; }
.gallery { display: flex; flex-wrap: wrap; gap: .8rem; } .gallery figure { margin: 0; width: 7rem; font-size: .8rem; }
.gallery img { width: 56px; image-rendering: pixelated; border: 1px solid #8886; }
"""

#: The browser itself refuses whatever is not in the file.
_ALONE = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"


@dataclass(frozen=True)
class Section:
    """heading: plain text. parts: what `paragraph`, `table` and `picture` give, in order."""

    heading: str
    parts: tuple[str, ...]


def page(title: str, sections: Sequence[Section]) -> bytes:
    """The page as UTF-8."""
    body = "\n".join(f"<h2>{escape(section.heading)}</h2>\n" + "\n".join(section.parts) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{_ALONE}<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    ).encode()


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def call(text: str) -> str:
    """The one sentence of the page that a reader must not miss."""
    return f'<p class="call">{escape(text)}</p>'


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """First and last column to the left, numbers between them to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def picture(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def gallery(pictures: Sequence[tuple[bytes, str]]) -> str:
    """Small pictures (PNG) side by side, their pixels enlarged, each above its caption."""
    return f'<div class="gallery">{"".join(picture(png, caption) for png, caption in pictures)}</div>'


def heat_table(
    headers: Sequence[str],
    rows: Sequence[tuple[str, Sequence[float | None]]],
    *,
    text: Callable[[float], str],
    heat: Callable[[float], float],
) -> str:
    """A name per row and its numbers, as `text` writes them, the redder the higher their `heat` (0..1) is; None is empty."""

    def cell(value: float | None) -> str:
        if value is None:
            return "<td></td>"
        share = min(max(heat(value), 0.0), 1.0)
        return f'<td style="background: rgb(220 60 40 / {0.7 * share:.2f})">{escape(text(value))}</td>'

    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "\n".join(f"<tr><td>{escape(name)}</td>{''.join(map(cell, values))}</tr>" for name, values in rows)
    return f'<table class="heat"><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>'
