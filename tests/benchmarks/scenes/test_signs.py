"""Signs and letters as pen paths."""

from __future__ import annotations

from benchmarks.scenes import signs


def test_every_word_can_be_written() -> None:
    assert set("".join(signs.WORDS)) <= set(signs.PATHS)
    assert set("".join(signs.ALL_LETTERS)) <= set(signs.PATHS)
    assert set(signs.SIGNS) <= set(signs.PATHS)
    assert set(signs.GREEK) <= set(signs.PATHS)


def test_alone_nothing_could_be_a_digit() -> None:
    assert not set("".join(signs.WORDS) + signs.SIGNS + signs.GREEK) & set("IlOoSZbgqsyzσθ|/")
