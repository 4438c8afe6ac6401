"""What of other libraries' errors gets into a message of one line."""

from __future__ import annotations

import pytest

from edgeproof.errors import first_line


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (ValueError("\n  bad shape\nat layer 3"), "bad shape"),
        (KeyError(), "KeyError"),
        ("", "no reason given"),
        ("cannot open\nmore", "cannot open"),
    ],
)
def test_the_first_line_is_never_empty(what: object, line: str) -> None:
    assert first_line(what) == line
