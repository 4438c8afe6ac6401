"""Signs and letters as pen paths."""

from __future__ import annotations

from benchmarks.scenes import signs


def test_every_word_can_be_written() -> None:
    assert set("".join(signs.WORDS)) <= set(signs.PATHS)
    assert set(signs.SIGNS) <= set(signs.PATHS)
