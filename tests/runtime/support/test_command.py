"""The frame of every command line: one line, the right exit code."""

from __future__ import annotations

import errno

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
