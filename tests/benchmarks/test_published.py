"""Where tables and pictures of a document go."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import published
from benchmarks.published import Illustration


def test_pictures_lie_beside_the_document_and_are_shown_above_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the document is named from within its own folder."""
    begin, end = published.markers("part")
    page = tmp_path / "page.md"
    page.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    monkeypatch.chdir(tmp_path)
    for named in (page, Path("page.md")):
        written = published.replace(named, "part", "text", [Illustration("plot.png", "what it shows", b"content")])
        assert [path.resolve() for path in written] == [page, tmp_path / "plot.png"]
        assert page.read_text() == f"before\n{begin}\n![what it shows](plot.png)\n\ntext\n{end}\nafter\n"
    assert (tmp_path / "plot.png").read_bytes() == b"content"
