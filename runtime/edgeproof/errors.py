"""Every error that a person may meet, and the exit code that goes with it.

    EdgeproofError          1  unexpected, or denied by the machine (disk full, no permission), or NaN loss
    ├── UsageError          2  bad flag, unknown recipe key, invalid labels, unsupported layer
    ├── GateError           3  accuracy, latency or size gate; train's target; poisoned calibration
    ├── UnavailableError    4  the requested device or backend does not work here
    ├── SourceError         5  source missing, undecodable or lost; no source of data
    ├── IntegrityError      6  truncated model, edited manifest, wrong hash, contract mismatch
    └── BenchmarkError      7  the measurement cannot be trusted

A message is one line: what was expected, what was found, what to do.
"""

from __future__ import annotations

MAX_REASON = 200  # characters of what another library says, where a message has more to say


class EdgeproofError(Exception):
    exit_code = 1


class UsageError(EdgeproofError):
    exit_code = 2


class GateError(EdgeproofError):
    exit_code = 3


class UnavailableError(EdgeproofError):
    exit_code = 4


class SourceError(EdgeproofError):
    exit_code = 5


class IntegrityError(EdgeproofError):
    exit_code = 6


class BenchmarkError(EdgeproofError):
    exit_code = 7


def first_line(what: object) -> str:
    """The first line of an error of another library, or of its output, for a message of one line; never empty."""
    otherwise = type(what).__name__ if isinstance(what, BaseException) else "no reason given"
    return (str(what).strip().splitlines() or [otherwise])[0]
