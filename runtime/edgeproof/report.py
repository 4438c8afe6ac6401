"""One self-contained HTML page: headings, tables, embedded PNG. Opens without a network; standard library only.

Each stage makes its own tables and figures and hands them in; whatever it hands in as text is escaped here.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid #8886; text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
figure { margin: 1rem 0; } img { max-width: 100%; background: white; } figcaption { opacity: .7; }
"""


@dataclass(frozen=True)
class Section:
    """heading: plain text. parts: what `paragraph`, `table` and `picture` give, in order."""

    heading: str
    parts: tuple[str, ...]


def page(title: str, sections: Sequence[Section]) -> bytes:
    """The page as UTF-8."""
    body = "\n".join(f"<h2>{escape(section.heading)}</h2>\n" + "\n".join(section.parts) for section in sections)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{body}\n</body></html>\n"
    ).encode()


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """First and last column to the left, numbers between them to the right."""
    head = "".join(f"<th>{escape(name)}</th>" for name in headers)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def picture(png: bytes, caption: str) -> str:
    data = base64.b64encode(png).decode()
    text = escape(caption)
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'
