"""Names that are safe to show, and streams that are there and take everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeproof.support.terminal import printable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo 1.jpg", "photo 1.jpg"),
        ("übung-१-数字.jpg", "übung-१-数字.jpg"),
        ("می‌خواهم.jpg", "می‌خواهم.jpg"),  # holds a joiner, as Persian does
        ("a\x1b[2J.jpg", "a\\x1b[2J.jpg"),
        ("a\nb\tc\rd\x00", "a\\nb\\tc\\rd\\x00"),
        ("a\x7f\x9b31m", "a\\x7f\\x9b31m"),  # C1: one byte that begins a command
        ("gpj.\u202exe\u2066\u200f", "gpj.\\u202exe\\u2066\\u200f"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("caf\udce9.jpg", "caf\\udce9.jpg"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert printable(shown) == shown
    assert not any(character < " " or "\x7f" <= character < "\xa0" for character in shown)


CHILD = """
import argparse, os, sys
from edgeproof.support import command

def verb(_args):
    with open(sys.argv[1], "w") as opened:
        assert opened.fileno() > 2
        assert os.system("exec 9<&0 8>&1 7>&2") == 0  # a child has them too
        print("7 \\u2705 \\udce9")
        os.write(1, b"native\\n")
        os.write(2, b"native\\n")
    raise ValueError("caf\\u00e9")

parser = argparse.ArgumentParser(prog="child")
parser.add_argument("file")
parser.set_defaults(verb=verb)
sys.exit(command.run(parser))
"""


@pytest.mark.parametrize(
    ("closed", "out", "err"), [("1>&-", False, True), ("2>&-", True, False), ("0>&- 1>&- 2>&-", False, False)]
)
def test_a_closed_stream_becomes_nobody_s_file(closed: str, out: bool, err: bool, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    words = ["bash", "-c", f'"$0" -c "$1" "$2" {closed}', sys.executable, CHILD, opened]
    child = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert child.returncode == 1, child.stderr
    assert opened.read_bytes() == b""
    assert child.stdout == ("7 ✅ \\udce9\nnative\n" if out else "")
    assert child.stderr.count("\n") == (2 if err else 0)


def test_an_encoding_that_lacks_a_character_gets_it_escaped(tmp_path: Path) -> None:
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / "opened")],
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert child.stdout == "7 \\u2705 \\udce9\nnative\n"
    assert "caf\\xe9" in child.stderr
    assert child.stderr.splitlines()[0] == "native"
    assert len(child.stderr.splitlines()) == 2
