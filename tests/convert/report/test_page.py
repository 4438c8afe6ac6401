"""The terminal's table and the HTML page: aligned, escaped, self-contained."""

from __future__ import annotations

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from convert.report.text_table import text_table
from edgeproof.bundle import load_bundle
from edgeproof.support.html_page import Section, heat_table, page, paragraph, picture, table

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


def in_chromium(file: Path, home: Path) -> tuple[str, str]:
    """The document as a real browser builds it, and what it says on its console. Skips where there is no browser."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no chromium: on Debian, apt-get install chromium")
    words = [program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-quic", f"--user-data-dir={home}",
             "--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", file.as_uri()]  # fmt: skip
    result = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout, "\n".join(line for line in result.stderr.splitlines() if "CONSOLE" in line)


def test_the_shipped_report_opens_in_a_browser_and_asks_for_nothing(tmp_path: Path) -> None:
    bundle = load_bundle()
    best = bundle.manifest.ranking[0]
    document, console = in_chromium(bundle.path / "report.html", tmp_path)
    assert console == "", "a script failed, or something outside the file was asked for"
    text = Reader(document.encode()).text
    assert f"Deploy {best.artifact} with {best.backend}." in text
    assert "✅ passed" in text
    for heading in (
        "Artifacts",
        "Each artifact on each runtime",
        "Changed answers",
        "Corrupted images",
        "Error per layer",
    ):
        assert heading in text
    assert (bundle.path / "report.html").stat().st_size < 300_000


def test_the_browser_would_tell(tmp_path: Path) -> None:
    """The same page with a picture from elsewhere and a failing script: both are refused, and said on the console."""
    outside = '<img src="http://127.0.0.1:9/x.png"><script>nothing()</script></body>'
    file = tmp_path / "page.html"
    file.write_bytes(page("a page", []).replace(b"</body>", outside.encode()))
    _, console = in_chromium(file, tmp_path / "home")
    assert "127.0.0.1:9/x.png" in console
    assert console.count("Content Security Policy") >= 2


def test_heat_is_shown_as_colour_and_as_number() -> None:
    html = heat_table(("", "blur"), [("a", [0.5]), ("b", [None])], text=lambda v: f"{v:.0%}", heat=lambda v: 2 * v)
    assert '<td style="background: rgb(220 60 40 / 0.70)">50%</td>' in html
    assert "<tr><td>b</td><td></td></tr>" in html


def test_table_lines_up_beside_an_emoji() -> None:
    """An emoji is one character and two places wide: the numbers must still stand under each other."""
    lines = text_table(("", "artifact", "bytes", "why"), [("", "Keras", "1", "a"), ("✅", "fp32.onnx", "22,222", "b")])
    _, keras, onnx = lines.splitlines()
    assert keras.index("a", 10) == onnx.index("b") + 1  # one place is inside the emoji
    assert keras[: keras.index("1") + 1].endswith("     1")
