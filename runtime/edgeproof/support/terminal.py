"""The standard streams: there whatever the caller closed, and text that is safe to show on them."""

from __future__ import annotations

import io
import os
import sys

_JOINERS = "\u200c\u200d"  # invisible and harmless: Persian names and composed emoji hold them


def printable(text: str) -> str:
    r"""`text` for a terminal, a log or a window: what `repr` would escape is escaped, `\x1b`, `\n`, `\u202e`, `\udce9`.

    A file's name may hold anything: commands to the terminal, line ends, marks that turn the direction of writing, bytes that
    are no UTF-8 (lone surrogates, as Python keeps them).
    """
    return "".join(
        character if character.isprintable() or character in _JOINERS else _escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def open_standard_streams() -> None:
    """Stdin, stdout and stderr that take everything: closed ones lead to /dev/null, what the encoding lacks is escaped.

    Left closed, the next file that is opened becomes descriptor 1 or 2, and prints and errors of native libraries end up in
    it. `sys.__stdout__` stays None where stdout was closed. Lines of stdout are written when they are whole.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
            os.set_inheritable(descriptor, True)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
