"""The frame of every command line: one line, the right exit code."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading

import pytest

from edgeproof import errors
from edgeproof.support import command

CODES = {
    errors.EdgeproofError: 1,
    errors.UsageError: 2,
    errors.GateError: 3,
    errors.UnavailableError: 4,
    errors.SourceError: 5,
    errors.IntegrityError: 6,
    errors.BenchmarkError: 7,
    KeyboardInterrupt: 130,
    RuntimeError: 1,
}


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_exit_code_and_one_line(kind: type[BaseException], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> None:
        raise kind("first line\nsecond line")

    assert command.guard(verb, program="edgeproof") == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("edgeproof: ")
    assert printed.err.count("\n") == 1


def test_every_error_has_its_code() -> None:
    public = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert public == {kind for kind in CODES if issubclass(kind, errors.EdgeproofError)}
    assert len({kind.exit_code for kind in public}) == len(public)


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "read-only")]
)
def test_what_the_machine_denies_gets_a_hint(number: int, words: str) -> None:
    assert words in command.describe(OSError(number, "x", "/some/file"))
    assert "/some/file" in command.describe(OSError(number, "x", "/some/file"))


def test_traceback_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> None:
        raise errors.UsageError("wrong")

    command.guard(verb, program="edgeproof", show_traceback=True)
    assert "Traceback" in capsys.readouterr().err


FOLLOWED = """
import argparse, sys
from edgeproof.support import command

def verb(_args):
    print("half way")
    sys.stdin.read()

parser = argparse.ArgumentParser()
parser.set_defaults(verb=verb)
sys.exit(command.run(parser, []))
"""


def test_a_line_is_seen_by_who_follows_the_log() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-c", FOLLOWED], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        killer = threading.Timer(20, process.kill)  # ends the read below where nothing comes
        killer.start()
        assert process.stdout.readline() == "half way\n"
        process.stdin.close()
        assert process.wait() == 0
        killer.cancel()
