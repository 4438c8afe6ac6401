"""The terminal's table and the HTML page: aligned, escaped, self-contained."""

from __future__ import annotations

from html.parser import HTMLParser

from convert.report import text_table
from edgeproof.report import Section, page, paragraph, picture, table

HOSTILE = '<script>alert("x")</script> & "quotes"'


class Reader(HTMLParser):
    """Collects the tags, the text and every address that a page refers to."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.addresses: list[str] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_handed_in_is_text_and_never_markup() -> None:
    parts = (paragraph(HOSTILE), table([HOSTILE], [[HOSTILE], [3]]), picture(b"png", HOSTILE))
    reader = Reader(page(HOSTILE, [Section(HOSTILE, parts)]))
    assert "script" not in reader.tags
    assert reader.text.count(HOSTILE) == 7  # title, h1, h2, paragraph, header, cell, caption


def test_page_needs_no_network() -> None:
    reader = Reader(page("a page", [Section("a picture", (picture(b"\x89PNG", "a dot"),))]))
    assert reader.addresses == ["data:image/png;base64,iVBORw=="]
    assert {"link", "script", "iframe"}.isdisjoint(reader.tags)


def test_table_lines_up_beside_an_emoji() -> None:
    """An emoji is one character and two places wide: the numbers must still stand under each other."""
    lines = text_table(("", "artifact", "bytes", "why"), [("", "Keras", "1", "a"), ("✅", "fp32.onnx", "22,222", "b")])
    _, keras, onnx = lines.splitlines()
    assert keras.index("a", 10) == onnx.index("b") + 1  # one place is inside the emoji
    assert keras[: keras.index("1") + 1].endswith("     1")
