"""The frame around every command line of the project: one error line, the right exit code, nothing else.

`edgeproof`, `python -m train`, `python -m convert` and `python -m benchmarks` all end here, so they fail alike.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import re
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FrameType
from typing import NoReturn

from edgeproof.errors import EdgeproofError, UsageError
from edgeproof.support import terminal
from edgeproof.support.native_output import keep_quiet

INTERRUPTED = 130
LARGEST_COUNT = 2**31 - 1  # what every library below takes
MOST_THREADS = 1024  # a runtime that is asked for 100,000 starts them all before it fails
ONE_GESTURE_S = (
    3.0  # signals this close together are one wish to stop; closing takes less, and a later one breaks it off
)

SWALLOWED_S = 1.0  # after which a wish to stop that nothing follows is raised once more

#: What ends a run as Ctrl-C does: a service manager stops it, a terminal is closed.
_ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

#: What the machine denies: the user can act on it, so it gets a hint instead of a stack trace.
_DENIED = {
    errno.ENOSPC: "the disk is full: free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
    errno.EFBIG: "the file would be larger than is permitted here (ulimit -f): raise the limit and run the command again",
    errno.EACCES: "no permission: choose another folder or change its owner",
    errno.EPERM: "not permitted: choose another folder or change its owner",
    errno.EROFS: "the file system is read-only: choose another folder",
    errno.EEXIST: "expected nothing there, or a folder, found a file: choose another name",
    errno.ENOTDIR: "expected a folder on the way there, found a file: choose another folder",
    errno.ENAMETOOLONG: "the name is too long for the file system: choose a shorter one",
}
#: What libraries call it; Python's own is MemoryError.
_OUT_OF_MEMORY = ("Insufficient memory", "bad_alloc", "bad allocation")


class Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Help that keeps the examples' line breaks and shows each default that says something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False, []) else super()._get_help_string(action)


def count(text: str, most: int = LARGEST_COUNT) -> int:
    """What a flag takes that counts something: a whole number from 1 to `most`, for argparse."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {most}, found {text[:40]!r}")
    return value


def threads(text: str) -> int:
    """`count` for threads."""
    return count(text, MOST_THREADS)


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse `argv`, call the chosen verb (`args.verb(args) -> int | None`) and return the exit code.

    Errors are one line unless `--traceback` is given, wrong flags too. SIGTERM and SIGHUP end the verb as Ctrl-C does.
    """
    terminal.open_standard_streams()
    keep_quiet()
    args = parsed(parser, argv)
    with ended_by_signals():
        return guard(lambda: args.verb(args), program=parser.prog, show_traceback=getattr(args, "traceback", False))


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """`argv` as `parser` takes it, with `--traceback` for every verb. A wrong flag is one line and ends the program."""
    for command in _with_subparsers(parser):
        command.error = partial(_refuse, command)  # type: ignore[method-assign]
        command.add_argument(
            "--traceback", action="store_true", default=argparse.SUPPRESS, help="show the full stack trace of an error"
        )
    return parser.parse_args(argv)


def guard(verb: Callable[[], int | None], *, program: str, show_traceback: bool = False) -> int:
    """Run `verb` and turn whatever it raises into one line on stderr and an exit code."""
    try:
        return verb() or 0
    except KeyboardInterrupt:
        complain("interrupted", program=program)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our stdout went away (`| head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if show_traceback:
            traceback.print_exc()
        complain(describe(error), program=program)
        return exit_code(error)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Within the block SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt, so that every file gets closed.

    What the caller ignores (`nohup`) or handles itself stays so. A second signal that comes within `ONE_GESTURE_S` of the
    first does not disturb the closing: make, a shell and a terminal may each send one. A KeyboardInterrupt that was swallowed, as
    by native code that clears all errors while it is loaded, is raised once more.
    """
    owner, never = os.getpid(), -ONE_GESTURE_S
    first = never

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        if os.getpid() != owner:  # a forked child ends as if nobody had handled anything
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif time.monotonic() - first >= ONE_GESTURE_S:
            first = time.monotonic()
            if watched:
                signal.setitimer(signal.ITIMER_REAL, SWALLOWED_S, SWALLOWED_S)
            raise KeyboardInterrupt

    def look(_number: int, _frame: FrameType | None) -> None:
        if os.getpid() == owner and not _stopping():
            raise KeyboardInterrupt

    before, watched = {}, False
    if threading.current_thread() is threading.main_thread():  # Python lets no other thread handle signals
        unhandled = (signal.SIG_DFL, signal.default_int_handler)
        before = {number: old for number in _ENDING if (old := signal.getsignal(number)) in unhandled}
        watched = hasattr(signal, "setitimer") and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL
    if watched:
        signal.signal(signal.SIGALRM, look)
    for number in before:
        signal.signal(number, end)
    try:
        yield
    finally:
        if watched:
            _stop_looking()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        for number, old in before.items():
            # After one the process is ending: the next must not change its exit code.
            signal.signal(number, old if first == never else signal.SIG_IGN)


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """What would go on for ever, and ends well when a person wants to stop it."""
    try:
        yield
    except KeyboardInterrupt:
        _stop_looking()


def _stop_looking() -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, 0)


def _stopping() -> bool:
    """Whether a KeyboardInterrupt is on its way up, and files are being closed."""
    error = sys.exception()
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def exit_code(error: Exception) -> int:
    """The code that a run ends with which failed so."""
    return error.exit_code if isinstance(error, EdgeproofError) else EdgeproofError.exit_code


def describe(error: Exception) -> str:
    """The one line for `error`."""
    if isinstance(error, EdgeproofError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _DENIED:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return f"{where}{_DENIED[error.errno]}"
    if isinstance(error, MemoryError) or any(words in str(error) for words in _OUT_OF_MEMORY):
        return "out of memory: read smaller pictures, or free some memory and run the command again"
    first_line = (str(error).splitlines() or [""])[0]
    return f"unexpected {type(error).__name__}: {first_line} (run again with --traceback for the rest)"


def one_line(message: str) -> str:
    """`message` as a terminal and a log may have it."""
    return terminal.printable(re.sub(r"\s*[\r\n]\s*", " ", message).strip())


def complain(message: str, *, program: str) -> None:
    """One line on stderr, whatever `message` holds."""
    with contextlib.suppress(OSError):  # a full log must not hide the exit code
        print(f"{program}: {one_line(message)}", file=sys.stderr)


def _refuse(parser: argparse.ArgumentParser, message: str) -> NoReturn:
    """What argparse does with a wrong flag, without the usage of all the others."""
    # What was typed stands in it: an address may hold a password, also behind a flag that does not exist.
    message = re.sub(r"://[^\s]*@", "://…@", message)
    complain(f"{message} (see {parser.prog} --help)", program=parser.prog)
    sys.exit(UsageError.exit_code)


def _with_subparsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = parser._subparsers._group_actions if parser._subparsers else []
    below = [command for group in groups for command in dict(group.choices or {}).values()]
    return [parser, *(found for command in below for found in _with_subparsers(command))]
