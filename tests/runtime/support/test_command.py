"""The frame of every command line: one line, the right exit code."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

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


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("std::bad_alloc"),
        RuntimeError("(-4:Insufficient memory) Failed to allocate 9 bytes"),
    ],
)
def test_out_of_memory_is_called_so(error: Exception) -> None:
    assert command.describe(error).startswith("out of memory: ")


def test_a_line_stays_one_and_is_safe(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> None:
        raise errors.SourceError("two  blanks \x1b[2J:\r\n  what Keras said\n")

    command.guard(verb, program="edgeproof")
    assert capsys.readouterr().err == "edgeproof: two  blanks \\x1b[2J: what Keras said\n"


def parse(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="edgeproof")
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("read")
    verb.add_argument("--max-frames", type=command.count)
    verb.add_argument("--threads", type=command.threads)
    verb.set_defaults(verb=lambda _args: 0)
    return command.run(parser, words)


@pytest.mark.parametrize("number", ["0", "-1", "1.5", "x", str(10**30), "9" * 5000])
@pytest.mark.parametrize("flag", ["--max-frames", "--threads"])
def test_a_count_has_a_range(flag: str, number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse("read", flag, number)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"edgeproof read: argument {flag}: expected a whole number from 1 to ")
    assert printed.err.count("\n") == 1
    assert len(printed.err) < 200
    assert parse("read", flag, "1000") == 0


def test_a_thousand_million_threads_are_refused() -> None:
    with pytest.raises(SystemExit):
        parse("read", "--threads", "100000")


def test_traceback_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    def verb() -> None:
        raise errors.UsageError("wrong")

    command.guard(verb, program="edgeproof", show_traceback=True)
    assert "Traceback" in capsys.readouterr().err


@pytest.fixture
def signals() -> Iterator[None]:
    """As they were, after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_ends_a_run_ends_it_as_ctrl_c_does(number: signal.Signals, capsys: pytest.CaptureFixture[str]) -> None:
    closed = []

    def verb() -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)  # make and a shell may each send one: the closing goes on
            signal.raise_signal(signal.SIGTERM)
            closed.append("everything")

    with command.ended_by_signals():
        assert command.guard(verb, program="edgeproof") == 130
    assert closed == ["everything"]
    assert capsys.readouterr().err == "edgeproof: interrupted\n"
    signal.raise_signal(number)  # nor does one change the exit code while the process ends


def test_a_run_that_was_not_interrupted_leaves_the_signals_as_they_were() -> None:
    with command.ended_by_signals():
        assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.usefixtures("signals")
def test_a_closing_that_hangs_can_be_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    with command.ended_by_signals():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(command, "ONE_GESTURE_S", 0)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


ENDED = """
import sys, time
from edgeproof.support import command

def verb():
    try:
        print("ready", flush=True)
        {body}
    finally:
        time.sleep({closing})
        print("closed", flush=True)

with command.ended_by_signals():
    code = command.guard(verb, program="edgeproof")
sys.exit(code)
"""
LOOP = "while True: time.sleep(0.05)"
SWALLOWING = f"""try:
            {LOOP}
        except KeyboardInterrupt: pass
        {LOOP}"""
MEANT = f"""with command.until_stopped():
            {LOOP}"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="nothing looks again there")
@pytest.mark.parametrize(
    ("body", "closing", "code"),
    [(LOOP, 2.5, 130), (SWALLOWING, 0, 130), (MEANT, 2.5, 0)],
    ids=["long", "swallowed", "meant"],
)
def test_one_signal_is_enough_and_disturbs_no_closing(body: str, closing: float, code: int) -> None:
    """Though what it raised was swallowed, as by native code that clears all errors while it is loaded."""
    words = [sys.executable, "-c", ENDED.format(body=body, closing=closing)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            time.sleep(0.5)  # it is in its loop then
            process.send_signal(signal.SIGTERM)
            assert process.communicate(timeout=20)[0] == "closed\n"
        finally:
            process.kill()
    assert process.returncode == code


@pytest.mark.usefixtures("signals")
def test_an_ignored_signal_stays_ignored() -> None:
    """As `nohup` has it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with command.ended_by_signals():
        signal.raise_signal(signal.SIGHUP)


def test_a_forked_child_ends_as_if_nothing_were_handled() -> None:
    with command.ended_by_signals():
        child = os.fork()
        if child == 0:
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM


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
