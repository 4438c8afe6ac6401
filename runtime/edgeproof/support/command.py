"""The frame around every command line of the project: one error line, the right exit code, nothing else.

`edgeproof`, `python -m train`, `python -m convert` and `python -m benchmarks` all end here, so they fail alike.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from edgeproof.errors import EdgeproofError

INTERRUPTED = 130

#: What the machine denies: the user can act on it, so it gets a hint instead of a stack trace.
_DENIED = {
    errno.ENOSPC: "the disk is full: free some space and run the command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the command again",
    errno.EFBIG: "the file would be larger than is permitted here (ulimit -f): raise the limit and run the command again",
    errno.EACCES: "no permission: choose another folder or change its owner",
    errno.EPERM: "not permitted: choose another folder or change its owner",
    errno.EROFS: "the file system is read-only: choose another folder",
}


class Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Help that keeps the examples' line breaks and shows each default that says something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def count(text: str) -> int:
    """What a flag takes that counts something: a whole number from 1 up, for argparse."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, found {text!r}")
    return value


def run(parser: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> int:
    """Parse `argv`, call the chosen verb (`args.verb(args) -> int | None`) and return the exit code.

    Adds `--traceback` to every verb: errors are one line unless it is given. Each line of stdout is written when it is whole,
    also into a pipe or a log: who follows it sees the progress, and an error behind what came before it.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    for command in [parser, *_subparsers(parser)]:
        command.add_argument(
            "--traceback", action="store_true", default=argparse.SUPPRESS, help="show the full stack trace of an error"
        )
    args = parser.parse_args(argv)
    return guard(lambda: args.verb(args), program=parser.prog, show_traceback=getattr(args, "traceback", False))


def guard(verb: Callable[[], int | None], *, program: str, show_traceback: bool = False) -> int:
    """Run `verb` and turn whatever it raises into one line on stderr and an exit code."""
    try:
        return verb() or 0
    except KeyboardInterrupt:
        _complain(program, "interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our stdout went away (`| head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if show_traceback:
            traceback.print_exc()
        _complain(program, describe(error))
        return error.exit_code if isinstance(error, EdgeproofError) else EdgeproofError.exit_code


def describe(error: Exception) -> str:
    """The one line for `error`."""
    if isinstance(error, EdgeproofError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _DENIED:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{_DENIED[error.errno]}"
    first_line = (str(error).splitlines() or [""])[0]
    return f"unexpected {type(error).__name__}: {first_line} (run again with --traceback for the rest)"


def _complain(program: str, message: str) -> None:
    print(f"{program}: {' '.join(message.split())}", file=sys.stderr)


def _subparsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    groups = parser._subparsers._group_actions if parser._subparsers else []
    return [command for group in groups for command in dict(group.choices or {}).values()]
